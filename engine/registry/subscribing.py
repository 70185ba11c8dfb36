"""`registry/subscribers.yaml`: who wants to be told of what, how and when."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from engine.config.language import keys_of
from engine.config.load import load, read
from engine.config.numbers import finding
from engine.config.tree import Entries
from schemas.finding import Finding
from transforms.registry import EVENTS, Content, EventName, Quiet, Subscriber

FILE = "registry/subscribers.yaml"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\Z")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z", re.ASCII)


def _clock(written: object) -> object:
    if isinstance(written, time):
        return written
    found = _CLOCK.match(str(written))
    if found is None:
        raise ValueError("write a time of day as 07:00")
    return time(int(found[1]), int(found[2]))


def _zone(written: str) -> str:
    if written not in available_timezones():
        raise ValueError("write a zone's IANA name: America/Chicago")
    return ZoneInfo(written).key


def check_npi(written: str) -> str:
    """`written`, which must be an NPI: ten digits whose check digit is right by Luhn's formula, with 80840 before them
    (45 CFR 162.406). Raises `ValueError`."""
    if len(written) != 10 or not written.isdecimal() or not written.isascii():
        raise ValueError("an NPI has ten digits")
    digits = [int(digit) for digit in "80840" + written]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    if total % 10:
        raise ValueError("the NPI's check digit is wrong")
    return written


Clock = Annotated[time, BeforeValidator(_clock), Field(json_schema_extra={"type": "string", "format": "time"})]
Zone = Annotated[str, AfterValidator(_zone)]
Npi = Annotated[str, AfterValidator(check_npi)]


class QuietHours(BaseModel):
    """When nothing is told; what comes then is told at the end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_: Clock = Field(alias="from", description="The time of day at which the quiet hours begin: 22:00.")
    to: Clock = Field(description="The time of day at which they end; before `from`, it is the next day's.")


def subscriber(
    *,
    title: str = "",
    npi: Npi = "",
    panel: str = "",
    events: list[EventName] | None = None,
    delivery: str,
    address: str = "",
    format: str = "",
    content: Content = "full",
    quiet: QuietHours | None = None,
    digest: Clock | None = None,
    zone: Zone = "UTC",
    client: str = "",
) -> Subscriber:
    """Who wants to be told of what, and how.

    Args:
        title: The subscriber's name for people.
        npi: The subscriber's NPI.
        panel: The roster of its patients, `panels/NAME.csv` or in another form; default: that of its own name.
        events: What it wants to hear of; default: all. An update or a withdrawal goes to who was told of the event.
        delivery: The end that the channel's routes choose by: `direct`, `fhir`, `mllp`, `subscription`.
        address: Where to: a Direct address, a base URL, a host and port. Of `subscription` what the endpoints of its
            subscriptions begin with, also at private addresses; default: any https endpoint at a public address.
        format: In which form, for the channel's routes: `alert`, `ccda`, `text`, `adt`.
        content: `full`, or the `minimum`: patient, treating practitioner, institution, event and time.
        quiet: When nothing is to be told.
        digest: The time of day at which what has gathered is told in one message; default: each at once.
        zone: The zone of these times: `America/Chicago`.
        client: The FHIR client that subscribes for it; default: the one of the subscriber's own name.
    """
    hours = Quiet(quiet.from_, quiet.to) if quiet is not None else None
    wanted = frozenset(events if events is not None else EVENTS)
    return Subscriber("", title, npi, panel, wanted, delivery, address, format, content, hours, digest, zone, client)


def read_subscribers(site: Path) -> tuple[list[Subscriber], list[Finding]]:
    """The subscribers that the site's file names, and what is wrong with it."""
    if not (site / FILE).exists():
        return [], []
    content, problem = read(site / FILE, FILE)
    if problem is not None:
        return [], [problem]
    loaded = load(content, FILE)
    findings = list(loaded.findings)
    found: list[Subscriber] = []
    for name, node in loaded.tree.entries if loaded.tree is not None else ():
        where = f"{FILE}:{name.line}"
        if not _NAME.match(name.text):
            findings.append(finding("HIE208", where, f"{name.written!r} cannot be the name of a subscriber"))
            continue
        arguments, problems = keys_of(subscriber).convert(node if isinstance(node, Entries) else None, site)
        for each in problems:
            what = f"{name.text}: {each.what}"
            findings.append(finding(each.code, f"{FILE}:{each.node.line or name.line}", what, each.hint))
        if ("quiet" in arguments or "digest" in arguments) and "zone" not in arguments:
            findings.append(finding("HIE325", where, f"{name.text}: its times of day have no zone"))
        if not problems:
            made = subscriber(**arguments)
            title, panel = made.title or name.text, made.panel or name.text
            found.append(replace(made, name=name.text, title=title, panel=panel))
    return found, findings
