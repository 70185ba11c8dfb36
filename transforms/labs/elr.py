"""A result message as the report to public health that HL7's guide wants (ELR 2.5.1, release 1).

What is known is put in its place, and what is required and not known is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Literal, NamedTuple

from schemas.finding import Finding, Severity
from schemas.hl7v2 import Er7, Path, Segment, timestamp
from schemas.tables import CodeMap
from transforms.labs.named import NPI_OID
from transforms.registry import Provider

MISSING = "LAB-401"
LEFT_OUT = "LAB-402"

Profile = Literal["NoAck", "Ack"]
_PROFILES: Mapping[str, str] = {
    "NoAck": "PHLabReport-NoAck^ELR_Receiver^2.16.840.1.113883.9.11^ISO",
    "Ack": "PHLabReport-Ack^^2.16.840.1.113883.9.10^ISO",
}
_SEGMENTS = frozenset(
    ("MSH", "SFT", "PID", "NTE", "NK1", "PV1", "PV2", "ORC", "OBR", "TQ1", "TQ2", "CTD", "OBX", "SPM")
)
"""The segments that the guide's message has."""
_LAST_OF_OBX = 25
_OID = re.compile(r"(?:urn:oid:)?([0-2](?:\.(?:0|[1-9]\d*))+)\Z", re.ASCII)
_PRODUCT = "hie"

_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "MSH": ("3.2", "4.2", "5.2", "6.2", "10", "11.1"),
    "PID": ("3[1].1", "3[1].4.2", "3[1].5", "5[1].1"),
    "OBR": ("3.1", "3.3", "4.1", "7", "16.1", "22", "25"),
    "OBX": ("3.1", "11", "23.1", "24"),
    "SPM": ("2", "4.1", "17"),
}
"""Elements without which the guide has no report (usage R), of each segment of that name."""
_REQUIRED_ONCE = ("ORC-12.1", "ORC-21.1", "ORC-22", "ORC-23")
"""What only the first order's ORC must have."""
_AUTHORITIES = (("PID", "3", 4), ("ORC", "12", 9), ("OBR", "16", 9), ("ORC", "21", 6))
"""Assigning authorities (HD in a component): segment, field, component."""
_NUMBERS = (("ORC", "2"), ("ORC", "3"), ("OBR", "2"), ("OBR", "3"))
"""Order numbers (EI), whose authority is components 2 to 4."""


class Ends(NamedTuple):
    """Who sends the report and who gets it, each `NAME^OID^ISO`; "" leaves what the message has."""

    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


class Report(NamedTuple):
    """How a report is made: `systems` gives the OID of an authority's local name, `supply` what is put where the
    message says nothing at all, `facility` is the ordering one."""

    profile: Profile
    ends: Ends
    systems: CodeMap | None
    supply: Mapping[str, str]
    facility: Provider | None
    now: datetime


def to_report(er7: Er7, how: Report) -> list[Finding]:
    """Turn `er7`, a copy, into a report; what is not as the guide wants it."""
    findings = list(_left_out(er7))
    _number(er7)
    _complete(er7)
    _facility(er7, how.facility)
    _supply(er7, how.supply)
    _universal(er7, how.systems)
    _header(er7, how)
    return [*findings, *_missing(er7)]


def _left_out(er7: Er7) -> Iterator[Finding]:
    """Take out the segments that the guide does not have, and the fields of an OBX that its version does not."""
    others = sorted({segment.name for segment in er7.segments if segment.name and segment.name not in _SEGMENTS})
    for name in others:
        er7.remove(f"{name}[*]")
        yield Finding(LEFT_OUT, name, "the guide has no such segment: left out", "", Severity.INFORMATION)
    for obx in er7.named("OBX"):
        more = [number for number in range(_LAST_OF_OBX + 1, len(obx.fields)) if obx.fields[number]]
        for number in more:
            where = f"OBX[{obx.occurrence}]-{number}"
            yield Finding(LEFT_OUT, where, "version 2.5.1 has no such field: left out", "", Severity.INFORMATION)
        if more:
            obx.overwrite(er7.delimiters.field.join(obx.fields[: _LAST_OF_OBX + 1]))


def _header(er7: Er7, how: Report) -> None:
    for field, text in zip((3, 4, 5, 6), how.ends, strict=True):
        if text:
            er7.set_raw(f"MSH-{field}", text)
    er7.set("MSH-7", timestamp(how.now))
    er7.set_raw("MSH-9", "ORU^R01^ORU_R01")
    er7.set_raw("MSH-12", "2.5.1")
    er7.set("MSH-15", "AL" if how.profile == "Ack" else "NE")
    er7.set("MSH-16", "NE")
    er7.set_raw("MSH-21", _PROFILES[how.profile])
    software = er7.named("SFT")
    own = er7.add("SFT", after=software[-1] if software else er7.named("MSH")[0])
    made = version("hie-engine")
    for place, told in (("1.1", _PRODUCT), ("2", made), ("3", _PRODUCT), ("4", made)):
        own.set(place, told)


def _number(er7: Er7) -> None:
    """Number the segments: PID and OBR from 1, OBX, NTE and SPM within what they belong to."""
    orders, notes = 0, 0
    counts = {"OBX": 0, "SPM": 0}
    for segment in er7.segments:
        if segment.name == "PID":
            segment.set("1", "1")
        elif segment.name == "OBR":
            orders += 1
            segment.set("1", str(orders))
            counts = {"OBX": 0, "SPM": 0}
        elif segment.name in counts:
            counts[segment.name] += 1
            segment.set("1", str(counts[segment.name]))
            counts["OBX"] = 0 if segment.name == "SPM" else counts["OBX"]
        notes = notes + 1 if segment.name == "NTE" else 0
        if notes:
            segment.set("1", str(notes))


def _complete(er7: Er7) -> None:
    """Say in each order what another segment of it says already; an order without ORC or SPM gets one where its OBR has
    what belongs there."""
    for obr in list(er7.named("OBR")):
        segments = er7.segments
        at = segments.index(obr)
        orc = segments[at - 1] if segments[at - 1].name == "ORC" else er7.add("ORC", after=segments[at - 1])
        orc.set("1", "RE")
        for mine, theirs in (("2", "2"), ("3", "3"), ("12", "16")):
            _either(orc, mine, obr, theirs)
        specimens = _specimens(er7, obr)
        for spm in specimens:
            if not spm.get("17"):
                spm.set("17.1", obr.get("7"))
            if not spm.get("18"):
                spm.set("18", obr.get("14"))
            _first_of(obr, "7", spm.get("17.1"))
        for obx in _of_order(er7, obr, "OBX"):
            if obx.get("2") == "CE":
                obx.set("2", "CWE")
            _first_of(obx, "14", obr.get("7"))


def _specimens(er7: Er7, obr: Segment) -> list[Segment]:
    """The specimens of an order; one made of OBR-15, which old versions have in their place."""
    found = _of_order(er7, obr, "SPM")
    source = obr.raw("15.1")
    if found or not source:
        return found
    spm = er7.add("SPM", after=[obr, *_of_order(er7, obr)][-1])
    spm.set("1", "1")
    spm.set_raw("4", source.replace("&", "^") if "&" in source else source)
    spm.set_raw("2", "^" + obr.raw("3").replace("^", "&"))
    obr.remove("15")
    return [spm]


def _of_order(er7: Er7, obr: Segment, name: str = "") -> list[Segment]:
    """The segments of that name, else all, behind `obr` up to the next order."""
    found = []
    segments = er7.segments
    for segment in segments[segments.index(obr) + 1 :]:
        if segment.name in ("OBR", "ORC", "PID"):
            break
        if not name or segment.name == name:
            found.append(segment)
    return found


def _either(one: Segment, mine: str, other: Segment, theirs: str) -> None:
    if not one.raw(mine):
        one.set_raw(mine, other.raw(theirs))
    elif not other.raw(theirs):
        other.set_raw(theirs, one.raw(mine))


def _first_of(segment: Segment, field: str, text: str) -> None:
    if text and not segment.raw(field):
        segment.set(field, text)


def _facility(er7: Er7, facility: Provider | None) -> None:
    """Put the directory's entry of the ordering facility where the first order does not name one."""
    orcs = er7.named("ORC")
    if facility is None or not orcs or orcs[0].raw("21"):
        return
    orc = orcs[0]
    for path, text in (("21.1", facility.name), ("21.6.2", NPI_OID), ("21.6.3", "ISO"), ("21.7", "NPI")):
        orc.set(path, text)
    orc.set("21.10", facility.npi)
    place = (facility.line, "", facility.city, facility.state, facility.postal_code)
    for number, text in enumerate(place if not orc.raw("22") else (), start=1):
        orc.set(f"22.{number}", text)
    digits = re.sub(r"\D", "", facility.phone)[-10:]
    if len(digits) == 10 and not orc.raw("23"):
        for path, text in (("23.2", "WPN"), ("23.3", "PH"), ("23.6", digits[:3]), ("23.7", digits[3:])):
            orc.set(path, text)


def _supply(er7: Er7, supply: Mapping[str, str]) -> None:
    """Put the site's texts into fields that are empty as a whole, so that no part is another's."""
    places = [(Path.parse(written), text) for written, text in supply.items()]
    empty = {
        (place.segment, segment.occurrence, place.field)
        for place, _ in places
        for segment in er7.named(place.segment)
        if not segment.raw(str(place.field))
    }
    for place, text in places:
        for segment in er7.named(place.segment):
            if (place.segment, segment.occurrence, place.field) in empty:
                part = f".{place.component}" if place.component else ""
                segment.set(f"{place.field}{part}" + (f".{place.subcomponent}" if place.subcomponent else ""), text)


def _universal(er7: Er7, systems: CodeMap | None) -> None:
    """Give authorities that have a local name alone the OID that the site knows them by."""
    for name, field, component in _AUTHORITIES:
        for segment in er7.named(name):
            for number in range(1, segment.raw(field).count(er7.delimiters.repetition) + 2):
                place = f"{field}[{number}].{component}"
                _name_oid(segment, f"{place}.1", f"{place}.2", f"{place}.3", systems)
    for name, field in _NUMBERS:
        for segment in er7.named(name):
            _name_oid(segment, f"{field}.2", f"{field}.3", f"{field}.4", systems)
    for field in ("3", "4"):
        for segment in er7.named("MSH"):
            _name_oid(segment, f"{field}.1", f"{field}.2", f"{field}.3", systems)


def _name_oid(segment: Segment, local: str, universal: str, kind: str, systems: CodeMap | None) -> None:
    name = segment.get(local)
    if not name or segment.get(universal):
        return
    target = systems.find(name, "") if systems is not None else None
    oid = _OID.match(target.code if target is not None else NPI_OID if name == "NPI" else "")
    if oid is not None:
        segment.set(universal, oid[1])
        segment.set(kind, "ISO")


def _missing(er7: Er7) -> Iterator[Finding]:
    """What the guide requires and the message does not have."""
    for name, elements in _REQUIRED.items():
        if not er7.named(name):
            yield _lacks(name)
        for segment in er7.named(name):
            where = name if segment.occurrence == 1 else f"{name}[{segment.occurrence}]"
            for element in elements:
                if segment.get(element) in ("", '""'):
                    yield _lacks(f"{where}-{element.replace('[1]', '')}")
    for path in _REQUIRED_ONCE:
        if not er7.get(path):
            yield _lacks(path)
    for obx in er7.named("OBX"):
        where = f"OBX[{obx.occurrence}]"
        if "LN" not in (obx.get("3.3"), obx.get("3.6")):
            yield Finding(MISSING, f"{where}-3", "no LOINC code, which the guide wants", "map it", Severity.WARNING)
        if not obx.raw("5") and not obx.raw("8") and obx.get("11") not in ("X", "N"):
            yield _lacks(f"{where}-5")
        if obx.get("2") in ("NM", "SN") and obx.raw("5") and not obx.raw("6"):
            yield _lacks(f"{where}-6")


def _lacks(where: str) -> Finding:
    hint = "the sender, supply, systems or the directory may say it"
    return Finding(MISSING, where, "required by the guide, and not known", hint, Severity.WARNING)
