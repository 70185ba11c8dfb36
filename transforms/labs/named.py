"""Who is named in an order as the one that gets its result: who ordered it, who gets a copy, the ordering facility."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from schemas.tables import CodeMap
from transforms.elements import NPI
from transforms.labs.orders import Order
from transforms.v2_to_fhir.source import SourceSegment, Value

Role = Literal["ordering", "copy", "facility"]

NPI_OID = "2.16.840.1.113883.4.6"
_NPI = re.compile(r"\d{10}\Z", re.ASCII)
_NPI_NAMES = ("NPI", NPI_OID, f"urn:oid:{NPI_OID}", NPI)
_ROLES: dict[str, Role] = {"OP": "ordering", "RCT": "copy"}
"""Participations (PRT-4, HL7 table 0912) of those that get the result."""
_REMOVED = ("DE", "D", "DL")


class Named(NamedTuple):
    """Somebody that the message names at `where` (`OBR-16`): by the NPI, where that is known, else `why` it is not.
    `person` is the family and given name, by which two numbers of one person are known as one's."""

    role: Role
    where: str
    npi: str
    why: str
    person: tuple[str, str] = ("", "")


class Reader(NamedTuple):
    """How numbers are told apart: `ids` maps the site's own to NPIs, by authority and sender (MSH-4.1, MSH-3.1).

    `bare` says that ten digits without authority and type are an NPI.
    """

    ids: CodeMap | None
    senders: tuple[str, ...]
    bare: bool

    def named(self, order: Order) -> list[Named]:
        """Everybody that `order` names, each once for each NPI and role."""
        found: dict[object, Named] = {}
        for each in self._all(order):
            found.setdefault((each.role, each.npi) if each.npi else each, each)
        return list(found.values())

    def _all(self, order: Order) -> Iterator[Named]:
        obr, orc = order.obr, order.orc
        yield from self._persons("ordering", obr, 16)
        if orc is not None:
            yield from self._persons("ordering", orc, 12)
        yield from self._persons("copy", obr, 28)
        for prt in order.named("PRT"):
            role = _ROLES.get(prt.text(4))
            if role is not None and prt.text(2) not in _REMOVED:
                yield from self._persons(role, prt, 5)
                yield from self._organizations("facility" if role == "ordering" else role, prt, 8)
        if orc is not None:
            yield from self._organizations("facility", orc, 21)

    def _persons(self, role: Role, segment: SourceSegment, field: int) -> Iterator[Named]:
        """XCN: the number (1), its assigning authority (9) and type (13); the authority stands in 8 by some."""
        for value in segment[field]:
            person = (value.part(2)[1].upper(), value[3].upper())
            if value[1] or any(person):
                authority = (*_parts(value.part(9)), value[8])
                yield self._named(role, segment.where(field), value[1], authority, value[13], person)

    def _organizations(self, role: Role, segment: SourceSegment, field: int) -> Iterator[Named]:
        """XON: the number (10, in old versions 3), its assigning authority (6) and type (7); the name (1)."""
        for value in segment[field]:
            number = value[10] or value[3]
            name = (value[1].upper(), "")
            if number or name[0]:
                yield self._named(role, segment.where(field), number, _parts(value.part(6)), value[7], name)

    def _named(
        self, role: Role, where: str, number: str, authority: tuple[str, ...], kind: str, person: tuple[str, str]
    ) -> Named:
        known = tuple(filter(None, authority))
        is_npi = kind == "NPI" or any(each in _NPI_NAMES for each in known) or (self.bare and not known and not kind)
        if is_npi and _NPI.match(number):
            return Named(role, where, number, "", person)
        for each in known or ("",):
            target = self.ids.find(number, each, self.senders) if self.ids is not None and number else None
            if target is not None:
                return Named(role, where, target.code, "", person)
        if not number:
            why = "a name alone, without a number"
        elif is_npi:
            why = "no NPI: it has ten digits"
        else:
            why = "a number that is no NPI" + (f", and {self.ids.name} does not have it" if self.ids else "")
        return Named(role, where, "", why, person)


def _parts(authority: Value) -> tuple[str, ...]:
    """The name and the universal id of an assigning authority (HD)."""
    return authority[1], authority[2]
