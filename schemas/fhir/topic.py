"""The topic that FHIR clients subscribe to, encounter events, and the filters it offers (Subscriptions R5 Backport).

A filter is a search: `Encounter?event=admit,emergency&facility=STANNE`. All its parameters must hold, and of the values
of one, with commas between, any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

EVENTS = ("admit", "emergency", "observation", "outpatient", "transfer", "discharge")
"""What may happen; an update or a withdrawal is one of what was told."""

TOPIC = "urn:hie-engine:topic:encounter-events"
"""The topic's canonical URL."""
FOCUS = "Encounter"
"""The type of resource that each event is about."""

PARAMETERS: Mapping[str, str] = {
    "event": "What happened: " + ", ".join(EVENTS) + ".",
    "facility": "The facility that sent it, as HL7 v2 names it (MSH-4).",
    "patient": "The patient, by reference: Patient/ID.",
    "patient.identifier": "The patient, by identifier: SYSTEM|VALUE, also of the subscriber's own panel.",
}
"""The parameters of a filter, and what each means."""

_SAME = {"subject": "patient", "patient:identifier": "patient.identifier", "subject.identifier": "patient.identifier",
         "subject:identifier": "patient.identifier", "subject:Patient.identifier": "patient.identifier",
         "subject:Patient": "patient"}  # fmt: skip
_MOST = 2_000
_COMMA = re.compile(r"(?<!\\),")
_BAR = re.compile(r"(?<!\\)\|")
_ESCAPED = re.compile(r"\\(.)")
_REFERENCE = re.compile(r"(?:(?:https?://\S+/)?Patient/)?([A-Za-z0-9.-]{1,64})\Z")


class FilterError(ValueError):
    """The text is no filter of this topic; says why, and quotes no value."""


@dataclass(frozen=True, slots=True)
class About:
    """What an event is about: `patients` are the ids of its Patients, `identifiers` theirs (system, value)."""

    event: str
    facility: str
    patients: frozenset[str]
    identifiers: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: for each of its parameters the values, one of which must fit."""

    parameters: tuple[tuple[str, tuple[str, ...]], ...]

    def holds(self, about: About) -> bool:
        """Whether the event passes."""
        return all(any(_fits(name, value, about) for value in values) for name, values in self.parameters)


def read_filter(text: str) -> Filter:
    """The filter that `text` writes; raises `FilterError`."""
    if len(text) > _MOST:
        raise FilterError(f"it has more than {_MOST:,} characters")
    type, mark, search = text.strip().rpartition("?")
    if mark and type != FOCUS:
        raise FilterError(f"it is no search of {FOCUS}, which the topic is about")
    found = []
    for name, written in parse_qsl(search, keep_blank_values=True, separator="&"):
        known = _SAME.get(name, name)
        if known not in PARAMETERS:
            raise FilterError(f"the topic is filtered by {', '.join(PARAMETERS)}")
        values = tuple(_ESCAPED.sub(r"\1", each) if known == "facility" else each for each in _COMMA.split(written))
        for each in values:
            _check(known, each)
        found.append((known, values))
    if not found:
        raise FilterError("it has no parameter")
    return Filter(tuple(found))


def _check(name: str, value: str) -> None:
    if not value.strip():
        raise FilterError(f"{name} has no value")
    if name == "event" and value not in EVENTS:
        raise FilterError(f"event is one of {', '.join(EVENTS)}")
    if name == "patient" and not _REFERENCE.match(value):
        raise FilterError("patient is a reference: Patient/ID")
    if name == "patient.identifier" and not _token(value)[1]:
        raise FilterError("patient.identifier is SYSTEM|VALUE, or VALUE")


def _fits(name: str, value: str, about: About) -> bool:
    match name:
        case "event":
            return value == about.event
        case "facility":
            return value.casefold() == about.facility.casefold()
        case "patient":
            found = _REFERENCE.match(value)
            return found is not None and found.group(1) in about.patients
    system, number = _token(value)
    return any(number == its and system in (None, its_system) for its_system, its in about.identifiers)


def _token(value: str) -> tuple[str | None, str]:
    """System and value of a token (R4, 3.1.1.4.10); the system None where any will do, "" where there must be none."""
    parts = [_ESCAPED.sub(r"\1", part) for part in _BAR.split(value, maxsplit=1)]
    return (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1])
