"""A roster as HL7 v2: the ADT messages by which another system adds persons, revises and deletes them.

The file is that system's record: the last message about a person counts. Who is in no message is no member, so that a
file which is replaced stands for the whole roster, and one that is added to keeps who is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from engine.registry.hl7_file import read_messages
from engine.registry.rosters import Member, checked_id
from engine.registry.rows import RosterError
from schemas.hl7v2 import Er7, Hl7Error
from transforms.matching import normal
from transforms.notify.person import person_of_pid
from transforms.v2_to_fhir.source import Reading, SourceSegment, Value

ADDS = frozenset({"A01", "A04", "A05", "A08", "A28", "A31"})
ENDS = "A29"  # delete person information (HL7 v2.9, 3.3.29); A23 deletes a visit, and the person stays
MERGES = frozenset({"A18", "A30", "A34", "A36", "A39", "A40"})
"""Those by which the number of MRG-1 is given up for that of PID-3 (3.3.40)."""


class _Event(NamedTuple):
    """What one message says of a member."""

    where: str
    kind: str
    member: str
    given_up: str
    er7: Er7


def read_hl7_roster(path: Path, name: str, most: int | None = None) -> Iterator[Member]:
    """The members that the file at `path`, called `name` in errors, leaves; of its first `most` messages, or of all.

    A member's id is the number that PID-3 gives of the authority which the first message's PID-3 names first. A28 makes
    a member from the day of EVN-6 (event occurred) on, if that is there. A29 ends one on that day, else on that of
    EVN-2. Messages about a visit's course change nothing. Raises `RosterError` at the message at fault.
    """
    last: dict[str, int] = {}
    since: dict[str, int] = {}
    for number, event in enumerate(_events(path, name, most)):
        last[event.member] = number
        last.pop(event.given_up, None)
        day = _day(event.er7, "EVN-6")
        if event.kind == "A28":
            since.pop(event.member, None)
            if day is not None:
                since[event.member] = day
    for number, event in enumerate(_events(path, name, most)):
        if last.get(event.member) != number:
            continue
        until = (_day(event.er7, "EVN-6") or _day(event.er7, "EVN-2")) if event.kind == ENDS else None
        person = person_of_pid(event.er7)
        if person is not None and (event.kind != ENDS or until is not None):
            yield Member(event.member, person, since.get(event.member), until)


def _events(path: Path, name: str, most: int | None) -> Iterator[_Event]:
    authority: frozenset[str] | None = None
    for where, body in islice(read_messages(path, name), most):
        try:
            er7 = Er7.parse(body)
            if er7.message_type != "ADT":
                raise RosterError(f"{where}: the message is no ADT")
            kind = er7.trigger_event
            if kind not in ADDS and kind != ENDS and kind not in MERGES:
                continue
            if len(er7.named("PID")) != 1 or (kind in MERGES and len(er7.named("MRG")) != 1):
                raise RosterError(f"{where}: {'PID and MRG' if kind in MERGES else 'PID'} must be there, and once")
            if authority is None:
                authority = _first_authority(_numbers(er7, "PID", 3))
            member = _of_authority(_numbers(er7, "PID", 3), authority)
            given_up = _of_authority(_numbers(er7, "MRG", 1), authority) if kind in MERGES else ""
        except Hl7Error as error:
            raise RosterError(f"{where}: {error}") from None
        if not member or (kind in MERGES and not given_up):
            field = "MRG-1" if member else "PID-3"
            raise RosterError(f"{where}: {field} has no number of the authority that the first message's PID-3 names")
        yield _Event(where, kind, checked_id(member, where), given_up, er7)


def _numbers(er7: Er7, segment: str, field: int) -> Sequence[Value]:
    return [each for each in SourceSegment(er7.named(segment)[0], Reading(er7))[field] if each[1]]


def _first_authority(numbers: Sequence[Value]) -> frozenset[str]:
    return _names(numbers[0]) if numbers else frozenset()


def _of_authority(numbers: Sequence[Value], authority: frozenset[str]) -> str:
    """The first of `numbers` that `authority` has given, which any of its names tells; "" where none is."""
    return next((each[1] for each in numbers if _names(each) & authority or not (_names(each) or authority)), "")


def _names(number: Value) -> frozenset[str]:
    """What the assigning authority (CX-4) is called: its namespace, and its universal id."""
    authority = number.part(4)
    return frozenset(normal.authority(authority[part]) for part in (1, 2) if authority[part])


def _day(er7: Er7, path: str) -> int | None:
    day = normal.birth_date(er7.get(f"{path}.1"))
    return int(day) if day else None
