"""A roster as a CSV file: one member a line, the columns by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from engine.registry.rows import RosterError, read_rows
from transforms.matching import Address, Name, Person, normal

COLUMNS = {
    "member": "The member's id in this roster; needed, and each its own.",
    "family": "Family name.",
    "given": "Given names.",
    "suffix": "Jr, Sr, II, III.",
    "former": "A former family name.",
    "birth_date": "YYYY-MM-DD or YYYYMMDD.",
    "sex": "F, M, or empty.",
    "line": "Street and house number.",
    "city": "City.",
    "state": "State; not compared.",
    "postal_code": "Postal code.",
    "phone": "Telephone; several are separated by a blank.",
    "ssn4": "The last four digits of the social security number, or all nine.",
    "authority": "The assigning authority of `identifier`: an object identifier, a URI or a namespace.",
    "identifier": "The member's identifier there, such as the hospital's MRN.",
    "since": "The day from which on this is a member; empty for always.",
    "until": "The first day on which this is none any more.",
}
"""Every column of a roster's file, with its line of the manual."""

_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
_NOT_APART = re.compile(r"[^0-9]")


class Member(NamedTuple):
    """One member of a roster; days as 20261125, None for open."""

    member: str
    person: Person
    since: int | None
    until: int | None


def checked_id(member: str, where: str) -> str:
    """The id of a member as every database can hold it; raises `RosterError` for one that none can."""
    if "\0" in member:
        raise RosterError(f"{where}: the member's id holds a NUL")
    return member


def read_roster(path: Path, name: str, most: int | None = None) -> Iterator[Member]:
    """The members in the file at `path`, called `name` in errors, `most` of them or all; raises `RosterError` at the
    line at fault."""
    seen: set[str] = set()
    for where, cells in islice(read_rows(path, name, partial(_heading, name)), most):
        member = _member(cells, where)
        if member.member in seen:
            raise RosterError(f"{where}: the member's id stands in an earlier line already")
        seen.add(member.member)
        yield member


def _heading(name: str, cells: list[str]) -> list[str]:
    columns = [cell.lower() for cell in cells]
    if "member" not in columns or len(set(columns)) < len(columns):  # a row without a heading, perhaps: not quoted
        raise RosterError(f"{name}:1: the first line names the columns, `member` among them and none twice")
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise RosterError(f"{name}:1: there is no column {unknown[0]!r}; there are {', '.join(COLUMNS)}")
    return columns


def _member(cells: Mapping[str, str], where: str) -> Member:
    if not cells.get("member"):
        raise RosterError(f"{where}: the member has no id")
    family, given = cells.get("family", ""), cells.get("given", "")
    birth = cells.get("birth_date", "")
    if birth and not normal.birth_date(birth):
        raise RosterError(f"{where}: birth_date is no day; write 1970-03-12")
    names = [Name.of(each, [given], cells.get("suffix", "")) for each in (family, cells.get("former", "")) if each]
    authority, identifier = cells.get("authority", ""), cells.get("identifier", "")
    address = Address.of(cells.get("line", ""), cells.get("city", ""), cells.get("postal_code", ""))
    person = Person(
        identifiers=frozenset({(normal.authority(authority), identifier)} if authority and identifier else ()),
        names=tuple(names or ([Name.of("", [given])] if given else ())),
        birth_date=normal.birth_date(birth),
        sex=_SEXES.get(cells.get("sex", "").lower(), ""),
        addresses=(address,) if address.line or address.postal_code else (),
        phones=frozenset(filter(None, map(normal.phone, _phones(cells.get("phone", ""))))),
        ssn4=normal.ssn4(cells.get("ssn4", "")),
    )
    return Member(checked_id(cells["member"], where), person, _day(cells, "since", where), _day(cells, "until", where))


def _phones(cell: str) -> list[str]:
    """Several numbers that blanks separate, or one that has blanks inside."""
    parts = cell.split()
    return parts if len(parts) > 1 and all(len(_NOT_APART.sub("", part)) >= 10 for part in parts) else [cell]


def _day(cells: Mapping[str, str], name: str, where: str) -> int | None:
    text = cells.get(name, "")
    if not text:
        return None
    day = normal.birth_date(text)
    if not day:
        raise RosterError(f"{where}: {name} is no day; write 2026-11-25")
    return int(day)
