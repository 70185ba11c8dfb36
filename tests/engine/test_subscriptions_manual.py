"""The page about subscriptions is true: its examples are taken, and it names what there is."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.fhir.subscriptions import SubscriptionOutbound
from channels.fhir.subscriptions.wanted import read_wanted
from engine.config.cases import run_cases
from engine.config.site import load_site
from schemas.fhir.topic import PARAMETERS, TOPIC
from schemas.fhir.validate import validate
from schemas.finding import Severity

PAGE = (Path(__file__).parents[2] / "docs/ends/fhir-subscriptions.md").read_text()
PANEL = "member,family,given,birth_date,authority,identifier\nr1,Willowby,Rosalind,1970-03-12,1.2.3,4711\n"
CASES = """\
cases:
  - case: an admission is told to whoever subscribed
    message: |
      MSH|^~\\&|ADT1|STANNE|HIE|HUB|20261125120000-0500||ADT^A01^ADT_A01|M1|P|2.5.1
      EVN|A01|20261125120000-0500
      PID|1||4711^^^1.2.3^MR||Willowby^Rosalind||19700312|F
      PV1|1|I|W1^101^1^STANNE||||||||||||||||V1
    expect:
      routes: {subscriptions: {Bundle.type: collection, notice.event: admit}}
"""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_subscription_is_taken() -> None:
    (text,) = blocks("json")
    resource = json.loads(text)
    assert [str(each) for each in validate(resource) if each.severity is Severity.ERROR] == []
    found = read_wanted(resource, "https://ehr.riverside.example.org/", datetime(2026, 1, 1, tzinfo=UTC))
    assert found.content == "id-only"
    assert TOPIC in PAGE


def test_filters_and_options_are_named() -> None:
    assert [name for name in PARAMETERS if f"`{name}`" not in PAGE] == []
    options = [name for name in inspect.signature(SubscriptionOutbound).parameters if name != "context"]
    assert [name for name in options if f"| `{name}` |" not in PAGE] == []


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site that the page describes, with what it leaves out."""
    subscribe, feed, subscribers = blocks("yaml")
    feed = feed.replace("inbound: ...", "inbound: {mllp: {listen: '127.0.0.1:2575'}}")
    subscribe = subscribe.replace("    tls: {certificate: tls/engine.pem, key: tls/engine.key}\n", "")
    subscribe = subscribe.replace("0.0.0.0", "127.0.0.1")
    feed = feed.replace("  - tell_once\n", "  - tell_once\n  - drop: {match.verdict: review}\n")
    token = hashlib.sha256(b"x").hexdigest()
    client = f"{{client: riverside-ehr, token_sha256: {token}, scopes: [system/Subscription.cruds]}}"
    for name, text in {
        "channels/subscribe.yaml": subscribe,
        "channels/adt-feed.yaml": feed,
        "registry/subscribers.yaml": subscribers,
        "channels/adt-feed.cases.yaml": CASES,
        "registry/clients.yaml": f"clients: [{client}]\n",
        "panels/riverside.csv": PANEL,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_channels_have_no_finding_and_do_what_the_page_says(site: Path) -> None:
    loaded = load_site(site, {})
    assert [str(each) for each in loaded.findings] == []
    report = run_cases(loaded, None)
    assert report.passed, "\n".join(report.lines())
