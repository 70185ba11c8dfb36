"""A roster as FHIR: a Bundle with one Group and its Patients, or a Group that contains them (R4, 8.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from engine.registry.bundles import Found, only, read_resources
from engine.registry.rosters import Member, checked_id
from engine.registry.rows import RosterError
from schemas.fhir.resource import Resource
from schemas.fhir.structure import structure
from transforms.notify.person import person_of_patient

_PATIENT = ("identifier", "name", "telecom", "gender", "birthDate", "address")
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T.*)?\Z", re.ASCII)


class _Enough(Exception):  # noqa: N818 - no error: as many were read as were asked for
    pass


class _Place(NamedTuple):
    """Which member of the Group it is, and its days."""

    number: int
    since: int | None
    until: int | None


class _Group:
    """The Group's members by what they refer to."""

    def __init__(self, most: int | None) -> None:
        self.group: Found | None = None
        self.members: dict[str, _Place] = {}
        self._most = most
        self._read = 0

    def take(self, where: str, member: Any) -> None:
        """Take in one `Group.member`; of two periods of one member the later counts."""
        if self._read == self._most:
            raise _Enough
        self._read += 1
        whole = {"resourceType": "Group", "type": "person", "actual": True, "member": [member]}
        wrong = next(structure(whole, ""), None)
        if wrong is not None:
            raise RosterError(f"{where}{wrong.where.removeprefix('.member[0]')}: {wrong.what}")
        if member.get("inactive"):
            return
        entity, period = member["entity"], member.get("period", {})
        if not isinstance(entity.get("reference"), str):
            raise RosterError(f"{where}.entity: has no literal reference")
        place = _Place(self._read - 1, _day(period.get("start"), where), _day(period.get("end"), where, after=True))
        name = entity["reference"].partition("/_history/")[0]
        before = self.members.get(name)
        if before is None or (before.since or 0) <= (place.since or 0):
            self.members[name] = place

    def find(self, found: Found) -> str | None:
        """What the Group calls the Patient `found`; None where it is no member."""
        id = found.resource.get("id")
        names = (found.url, "/".join(found.url.split("/")[-2:]), f"Patient/{id}" if id else "")
        return next((name for name in names if name in self.members), None)


def read_group(path: Path, name: str, most: int | None = None) -> Iterator[Member]:
    """The members of the Group in the file at `path`, called `name` in errors; among its first `most` resources and
    members, or all.

    A member's id is the Patient's first identifier of the type MR, else its first identifier, else its id. Who is
    `inactive` is none, and in a Group that is not active nobody is. `period` is inclusive. Raises `RosterError` at the
    place at fault.
    """
    group = _Group(most)
    read = 0
    try:
        for found in islice(read_resources(path, name, group.take), most):
            read += 1
            if found.resource["resourceType"] == "Group":
                if group.group is not None:
                    raise RosterError(f"{found.where}: a second Group; a roster is one Group")
                group.group = found
    except _Enough:
        return  # in the middle of the Group: who is a member is said by what follows
    if group.group is None:
        if read != most:
            raise RosterError(f"{name}: the file has no Group")
        return
    if not _is_active(group.group):
        return
    yield from _members(path, name, most, group, group.group)


def _members(path: Path, name: str, most: int | None, group: _Group, found_group: Found) -> Iterator[Member]:
    seen: set[str] = set()
    left = len(group.members)
    for called, found in _patients(path, name, most, group, found_group):
        place = group.members[called]
        patient = only(found.resource, _PATIENT, found.where)
        try:
            member = Member(_id(patient, found), person_of_patient(patient), place.since, place.until)
        except (AttributeError, TypeError):  # what R4 allows, such as a null that only has an extension
            raise RosterError(f"{found.where}: a name, address or identifier has parts without a value") from None
        if member.member in seen:
            raise RosterError(f"{found.where}: an earlier Patient has the member's id already")
        seen.add(member.member)
        left -= 1
        yield member
    if left and most is None:
        raise RosterError(f"{found_group.where}: {left} members whose Patient is not in the file")


def _patients(path: Path, name: str, most: int | None, group: _Group, inside: Found) -> Iterator[tuple[str, Found]]:
    for number, each in enumerate(inside.resource.get("contained", ())):
        called = f"#{each.get('id')}" if isinstance(each, dict) else ""
        if called in group.members and each.get("resourceType") == "Patient":
            yield called, Found(f"{inside.where}.contained[{number}]", each)
    for found in islice(read_resources(path, name), most):
        called_so = group.find(found) if found.resource["resourceType"] == "Patient" else None
        if called_so is not None:
            yield called_so, found


def _is_active(found: Found) -> bool:
    group = only(found.resource, ("active", "type", "actual"), found.where)
    if group.get("type") != "person" or group.get("actual") is not True:
        raise RosterError(f"{found.where}: a roster is a Group of type person that is actual")
    return group.get("active") is not False


def _id(patient: Resource, found: Found) -> str:
    numbers = [each for each in patient.get("identifier", ()) if each.get("value")]
    records = (each for each in numbers if any(of.get("code") == "MR" for of in each.get("type", {}).get("coding", ())))
    chosen = next(records, numbers[0] if numbers else {"value": found.resource.get("id")})
    if not isinstance(chosen["value"], str):
        raise RosterError(f"{found.where}: the Patient has neither an identifier nor an id")
    return checked_id(chosen["value"], found.where)


def _day(written: Any, where: str, *, after: bool = False) -> int | None:
    """The day of a dateTime: the first that it may mean, or the first `after` all that it may mean."""
    if written is None:
        return None
    found = _DATE.match(written) if isinstance(written, str) else None
    try:
        year, month, day = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        first = date(year, month or 1, day or 1)
    except ValueError:
        raise RosterError(f"{where}.period: no dateTime") from None
    if after:
        if day:
            first += timedelta(days=1)
        else:
            first = date(year + 1, 1, 1) if month in (0, 12) else date(year, month + 1, 1)
    return int(f"{first:%Y%m%d}")
