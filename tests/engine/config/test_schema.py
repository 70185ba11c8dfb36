"""The JSON Schema accepts what the engine accepts, as an editor reads it, and names what it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from channels import ENDS
from engine.config.schema import channel_schema, site_schema
from engine.config.site import load_site
from tests.engine.config import fakes
from tests.engine.config.fakes import site_of
from transforms import STEPS

ROOT = Path(__file__).parents[3]
FAKE = Draft202012Validator(channel_schema(fakes.ENDS, fakes.ALL_STEPS))
SITE = Draft202012Validator(site_schema())
OUT = "routes: [{route: a, outbound: {folder: {folder: out}}}]\n"


def readings(text: str) -> list[Any]:
    """`text` as the engine reads it and as an editor does."""
    return [yaml.load(text, yaml.BaseLoader), yaml.safe_load(text)]


def test_the_schemas_are_schemas_and_plain_json() -> None:
    for schema in (channel_schema(ENDS, STEPS), FAKE.schema, SITE.schema):
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema
        Draft202012Validator(schema).is_valid({})  # every $ref resolves, or this raises


WIRE = "{listen: '127.0.0.1:2575', %s}"
SOUND = [
    fakes.CHANNEL,
    *(
        f"channel: a\ninbound: {{wire: {WIRE % options}}}\n{OUT}"
        for options in [
            "senders: STANNE",
            "senders: [A, 01]",
            "idle: 5m",
            "idle: none",
            "idle: '${IDLE}'",
            "strict: no",
            "strict: 'yes'",
            "strict: '${STRICT:-true}'",
            "parallel: 4",
            "parallel: '4'",
            "parallel: '${N:-4}'",
            "mode: enhanced",
            "limit: 512",
            "limit: 16MB",
            "tls: none",
            "tls: {certificate: a.pem, names: one}",
            "token: '${TOKEN}'",
            "token: '12345${X}'",
            "from: 01",
        ]
    ),
    *(
        f"channel: a\n{more}\ninbound: {{wire: {{listen: '127.0.0.1:2575'}}}}\n{OUT}"
        for more in [
            "repeats: 1h",
            "repeats: none",
            "repeats: no",
            "repeats: {window: 1h}",
            "enabled: no",
            "enabled: '${LAB:-true}'",
            "steps: stamp",
            "steps: [stamp, stamp: {code: 5}]",
            "steps: [keep: {PID-8: F, PID-3.1: 0123, PV1-2: [I, 1, true], PID-7: {exists: true}}]",
            "steps: [validate, validate: {fail: no}, split: batch, split: {by: ORC}]",
            "steps: [remove: PID-19, remove: [NK1, PID-4]]",
        ]
    ),
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1'}}\nroutes:\n- {route: b, in_order: true, parallel: 1, "
    "retry: {first: 500ms, most: 1.5h}, when: {MSH-9.2: {like: 'A*', not: [A08]}}, outbound: {sink: {folder: x}}}\n",
]


@pytest.mark.parametrize("text", SOUND, ids=range(len(SOUND)))
def test_what_the_engine_takes_the_schema_takes(text: str, tmp_path: Path) -> None:
    env = {"IDLE": "5m", "TOKEN": "x", "X": "y"}
    files = {"channels/a.yaml": text, "a.pem": ""}
    errors = [each for each in site_of(tmp_path, files, env).findings if each.severity.value == "error"]
    assert errors == []
    for reading in readings(text):
        assert [error.message for error in FAKE.iter_errors(reading)] == []


WRONG = [
    "inbound: {wire: {listen: '127.0.0.1:1'}}\n",
    "channel: A feed\ninbound: {wire: {listen: '127.0.0.1:1'}}\n",
    "channel: a\ninbound: {wier: {listen: '127.0.0.1:1'}}\n",
    "channel: a\ninbound: {sink: {folder: x}}\n",
    "channel: a\ninbound: wire\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1', senderz: x}}\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1', mode: fast}}\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1', idle: 5}}\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1', parallel: 0}}\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1', parallel: many}}\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1', strict: perhaps}}\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1', tls: {key: x}}}\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1'}}\nstps: []\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1'}}\nsteps: [kepe]\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1'}}\nsteps: [keep: {MSH-9.1: {lik: x}}]\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1'}}\nrepeats: often\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1'}}\nroutes: [{route: b}]\n",
    "channel: a\ninbound: {wire: {listen: '127.0.0.1:1'}}\nroutes: [{route: b, outbound: {wire: {}}}]\n",
]


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_the_engine_refuses_the_schema_refuses(text: str, tmp_path: Path) -> None:
    assert site_of(tmp_path, {"channels/a.yaml": text}).has_errors
    assert not FAKE.is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("journal: sqlite:///x.db\nbackbone: embedded\nsearch: {accession: OBR-3.1}\n", True),
        ("retention: {default: 30d, channels: {a: 90d}}\nhealth: none\nlog: {level: debug}\nrepeats: 1h\n", True),
        ("health: {listen: 0.0.0.0:8075}\n", True),
        ("journl: x\n", False),
        ("retention: {default: long}\n", False),
        ("log: {level: loud}\n", False),
    ],
)
def test_the_schema_of_the_settings(text: str, valid: bool, tmp_path: Path) -> None:
    found = site_of(tmp_path, {"hie.yaml": text, "channels/a.yaml": SOUND[1]}).findings
    assert (not any(each.where.startswith("hie.yaml:1") for each in found)) is valid
    for reading in readings(text):
        assert SITE.is_valid(reading) is valid


def test_the_channels_that_ship_fit_the_schema() -> None:
    site = ROOT / "config"
    real = Draft202012Validator(channel_schema(ENDS, load_site(site, {}).steps))
    for path in sorted((site / "channels").glob("*.yaml")):
        if ".cases." not in path.name:
            for reading in readings(path.read_text()):
                assert [(path.name, error.message) for error in real.iter_errors(reading)] == []
    if (site / "hie.yaml").exists():
        for reading in readings((site / "hie.yaml").read_text()):
            assert [error.message for error in SITE.iter_errors(reading)] == []
