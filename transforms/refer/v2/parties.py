"""The two sides of a referral as HL7 v2 names them: XCN, XON, and the PRD or CTD of a provider."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from transforms.elements import NPI
from transforms.fhir_to_v2.datatypes.authorities import system_hd
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run
from transforms.refer.referral import NO_CODE, Coded, Identifier, Party, npi_and_others
from transforms.refer.v2.source import Source
from transforms.refer.v2.values import coded, cwe_of, identifier_of, numbers, xtns_of
from transforms.v2_to_fhir.source import SourceSegment, Value

_NPI_AUTHORITY = ("", "2.16.840.1.113883.4.6", "ISO")


def xcn_party(values: list[Value], source: Source) -> Party:
    """Who XCN repetitions name: one person, who may have several numbers."""
    found: list[Identifier] = []
    for value in values:
        if value[1]:
            hd = value.part(9)
            if value[13] == "NPI" or hd[1] == "NPI":
                found.append(Identifier(value[1], NPI))
            else:
                found.append(identifier_of(hd[1], hd[2], hd[3], value[1], source))
    named = next((value for value in values if value.has(2)), None)
    family = (named.part(2)[1] or named[2]) if named is not None else ""
    return _party(found, family, _given(named, 3) if named is not None else ())


def xcns_of(party: Party) -> list[dict[int, Part]]:
    """XCN of a person: one for each number, the name in each."""
    name: dict[int, Part] = {2: party.family, **_given_parts(party, 3)}
    numbered: list[dict[int, Part]] = []
    if party.npi:
        numbered.append({1: party.npi, **name, 9: list(_NPI_AUTHORITY), 10: "L", 13: "NPI"})
    numbered += [{1: each.value, **name, 9: [*system_hd(each.system)], 10: "L"} for each in party.identifiers]
    if not numbered and any(name.values()):
        numbered.append(name)
    return numbered


def provider_party(segment: SourceSegment, source: Source) -> Party:
    """Who a PRD or CTD names; the specialty is the second code of the role."""
    found: list[Identifier] = []
    for value in segment[7]:
        kind, other = value[2], value[3]
        if kind == "NPI":
            found.append(Identifier(value[1], NPI))
        elif value[1]:
            system = other if ":" in other else identifier_of(other or kind, "", "", value[1], source).system
            found.append(Identifier(value[1], system))
    named = segment.first(2)
    family = (named.part(1)[1] or named[1]) if named is not None else ""
    phone, direct = numbers(segment[5])
    return replace(
        _party(found, family, _given(named, 2) if named is not None else ()),
        organization=_organization(segment),
        specialty=_specialty(segment),
        phone=phone,
        direct=direct,
    )


def put_provider(name: str, party: Party, role: Coded, run: Run) -> None:
    """Write a party as a PRD or CTD (`name`), its organization as its place where the segment has no field for one."""
    line = run.line(name)
    line.put(1, {**cwe_of(role), **(cwe_of(party.specialty, 4) if party.specialty != NO_CODE else {})})
    line.put(2, {1: party.family, **_given_parts(party, 2)})
    if party.organization and run.has_field(name, 10):
        line.put(10, {1: party.organization})
    elif party.organization:
        line.put(4, {9: party.organization})
    line.put(5, *xtns_of(party.phone, party.direct, run))
    if party.npi:
        line.put(7, {1: party.npi, 2: "NPI"})
    for each in party.identifiers:
        line.put(7, {1: each.value, 2: "XX", 3: each.system})


def merged(first: Party, second: Party) -> Party:
    """What two places of a message say of one side: the first's word counts where both speak."""
    own = set(first.identifiers)
    return Party(
        npi=first.npi or second.npi,
        identifiers=(*first.identifiers, *(each for each in second.identifiers if each not in own)),
        family=first.family or second.family,
        given=first.given if first.family or first.given else second.given,
        organization=first.organization or second.organization,
        specialty=first.specialty if first.specialty != NO_CODE else second.specialty,
        direct=first.direct or second.direct,
        phone=first.phone or second.phone,
    )


def is_another(one: Party, other: Party) -> bool:
    """Whether both are persons, and not the same."""
    numbers = bool(one.npi and other.npi) and one.npi != other.npi
    names = bool(one.family and other.family) and one.family.casefold() != other.family.casefold()
    return numbers or names


def _party(found: Iterable[Identifier], family: str, given: tuple[str, ...]) -> Party:
    npi, others = npi_and_others(found)
    return Party(npi=npi, identifiers=others, family=family, given=given)


def _given(value: Value, place: int) -> tuple[str, ...]:
    return tuple(each for each in (value[place], *value[place + 1].split()) if each)


def _given_parts(party: Party, place: int) -> dict[int, Part]:
    first, *others = (*party.given, "")
    return {place: first, place + 1: " ".join(filter(None, others))}


def _organization(segment: SourceSegment) -> str:
    named = segment.first(10) if segment.name == "PRD" else None
    if named is not None and named[1]:
        return named[1]
    place = segment.first(4)
    return place[9] or place.part(4)[1] if place is not None else ""


def _specialty(segment: SourceSegment) -> Coded:
    return next((coded(value, 4) for value in segment[1] if value[4]), NO_CODE)
