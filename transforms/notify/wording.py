"""A notice in plain words, for people: short lines, nothing that they have to look up."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from schemas.hl7v2 import Er7
from transforms.moments import moment
from transforms.notify.events import sender_of
from transforms.notify.notice import Notice, zone_of
from transforms.v2_to_fhir.source import Reading, SourceSegment, Value

_WIDTH = 14
_LONGEST = 200  # of one value
_WHAT = {
    "admit": "admitted as an inpatient",
    "emergency": "came to the emergency department",
    "observation": "taken under observation",
    "outpatient": "came as an outpatient",
    "transfer": "transferred",
    "discharge": "discharged",
}
_OF_PHASE = {"arrival": "admitted", "transfer": "transferred", "discharge": "discharged"}
_SEXES = {"F": "female", "M": "male", "O": "other", "A": "ambiguous"}
_NPI = "NPI"
_TIMES = {"arrival": 44, "discharge": 45}
_LABELS = {"update": "Changed", "withdrawal": "Taken back"}
_KINDS = {
    "update": "This takes the place of what you were told of it before.",
    "withdrawal": "What you were told of it before is taken back: it has not happened, or not so.",
}


def wording(er7: Er7, notice: Notice, time_zone: str = "") -> str:
    """The notice about the ADT message `er7`, ended by a line feed; what the message does not say has no line.

    With the least content it says whose event it is, which, when, where, and who treats them.
    """
    facts = dict(_facts(er7, notice, time_zone))
    lines = [notice.heading]
    if notice.kind in _KINDS:
        lines.append(_KINDS[notice.kind])
    lines.append("")
    lines += [_line(name, text) for name, text in facts.items() if text]
    return "\n".join(lines) + "\n"


def _facts(er7: Er7, notice: Notice, time_zone: str) -> Iterator[tuple[str, str]]:
    pid, pv1, zone = _Fields(er7, "PID"), _Fields(er7, "PV1"), zone_of(er7, time_zone)
    full = not notice.is_least
    yield "Patient", _name(pid[5])
    yield "Your number", _plain(notice.member)
    if full:
        born = _when(pid[7][1], "", days=True)
        yield "Born", ", ".join(filter(None, (born, _SEXES.get(pid[8][1], ""))))
    yield "What", "visit ended" if notice.ends_outpatient else _WHAT.get(notice.event, _OF_PHASE[notice.phase])
    if notice.kind != "new" and (notice.kind, notice.phase) != ("withdrawal", "discharge"):
        yield "When", _when(pv1[_TIMES.get(notice.phase, 0)][1], zone)
    yield _LABELS.get(notice.kind, "When"), _spaced(notice.occurred)
    yield "Where", _plain(notice.institution or sender_of(er7))
    treating = pv1.all(7)
    yield "Treated by", _people(treating if full else treating[:1], with_number=full)
    if full:
        yield from _more(er7, pid, pv1, zone)


def _more(er7: Er7, pid: _Fields, pv1: _Fields, zone: str) -> Iterator[tuple[str, str]]:
    """What a notice with all its content says besides."""
    place = pv1[3]
    unit = _plain(place[9] or place[1])
    yield "Unit", ", ".join(filter(None, (unit, _named("room", place[2]), _named("bed", place[3]))))
    yield "Admitted", _when(pv1[44][1], zone)
    yield "Discharged", _when(pv1[45][1], zone)
    yield "Disposition", _concept(pv1[36])
    yield "Went to", _plain(pv1[37][2] or pv1[37][1])
    yield "Reason", _concept(_Fields(er7, "PV2")[3])
    diagnoses = (_concept(_Fields(er7, "DG1", at)[3]) for at in range(len(er7.named("DG1"))))
    yield "Diagnoses", "; ".join(dict.fromkeys(filter(None, diagnoses)))
    yield "Referred by", _people(pv1.all(8), with_number=True)
    yield "Visit number", _plain(pv1[19][1])
    yield "Their number", _plain(pid[3][1])


class _Fields:
    """The fields of a segment by number, their first repetitions; empty where there is no such segment."""

    def __init__(self, er7: Er7, name: str, at: int = 0) -> None:
        self._reading = Reading(er7)
        found = er7.named(name)
        self._segment = SourceSegment(found[at], self._reading) if at < len(found) else None

    def __getitem__(self, number: int) -> Value:
        return next(iter(self.all(number)), Value("", self._reading.component, self._reading))

    def all(self, number: int) -> list[Value]:
        """Every repetition."""
        return self._segment[number] if self._segment is not None and number else []


def _line(name: str, text: str) -> str:
    label = f"{name}:".ljust(_WIDTH + 1)
    return textwrap.fill(
        text, 78, initial_indent=label + " ", subsequent_indent=" " * (_WIDTH + 2), break_on_hyphens=False
    )


def _name(value: Value) -> str:
    """A person's name (XPN): prefix, given names, family name, suffix."""
    parts = (value[5], value[2], value[3], value[1], value[4])
    return _joined(parts)


def _people(people: Iterable[Value], *, with_number: bool) -> str:
    """The people of a field (XCN), with their NPI."""
    found = []
    for value in people:
        name = _joined((value[6], value[3], value[4], value[2], value[5], value[7]))
        is_npi = _NPI in (value[13], value[9])
        number = f"NPI {_plain(value[1])}" if with_number and is_npi and value[1] else ""
        if name or number:
            found.append(f"{name} ({number})" if name and number else name or number)
    return "; ".join(dict.fromkeys(found))


def _concept(value: Value) -> str:
    """A coded element (CWE): its text, and its code behind that."""
    text, code = _plain(value[2] or value[9]), _plain(value[1])
    return f"{text} ({code})" if text and code else text or code


def _named(what: str, text: str) -> str:
    return f"{what} {_plain(text)}" if text else ""


def _when(text: str, zone: str, *, days: bool = False) -> str:
    found = _spaced(moment(text, zone).text)
    return found[:10] if days else found


def _spaced(text: str) -> str:
    """A FHIR dateTime as people read it: `2026-03-12 08:25 (UTC+01:00)`."""
    day, _, clock = text.partition("T")
    if not clock:
        return day
    offset = "UTC" if clock.endswith("Z") else f"UTC{clock[-6:]}"
    return f"{day} {clock[:5]} ({offset})"


def _joined(parts: Iterable[str]) -> str:
    return " ".join(filter(None, map(_plain, parts)))


def _plain(text: str) -> str:
    """`text` on one line, without what no person can read; a null is nothing."""
    if text == '""':
        return ""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split())[:_LONGEST]
