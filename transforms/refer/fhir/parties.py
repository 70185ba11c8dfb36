"""The two sides of a referral as FHIR has them: PractitionerRole, Practitioner, Organization."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from schemas.fhir import Element, Resource
from transforms.elements import US_CORE, extension
from transforms.fhir_node import Node
from transforms.identity import resource_id
from transforms.refer.fhir.source import Entries
from transforms.refer.fhir.values import concept, concept_of, identifier, identifier_of, unknown
from transforms.refer.referral import NO_CODE, NOBODY, Identifier, Party, npi_and_others

DIRECT = f"{US_CORE}us-core-direct"
"""Says of an e-mail address that it is a Direct address; an address without it is plain mail, and no place for a
patient's data."""


def party(reference: Node, entries: Entries) -> Party:
    """Whom a reference names, a role, a person or an organization; what it shows where the resource is not here."""
    if not reference:
        return NOBODY
    found = entries.resolve(reference)
    node = found.node
    person_reference = node.one("practitioner") if found.type == "PractitionerRole" else Node(None, "")
    person = entries.resolve(person_reference).node if person_reference else Node(None, "")
    place_reference = node.one("organization") if found.type == "PractitionerRole" else Node(None, "")
    place = entries.resolve(place_reference).node
    if found.type == "Practitioner":
        person = node
    elif found.type == "Organization":
        place = node
    shown = "" if person or found.type == "Organization" else person_reference.peek("display")
    named = reference.peek("display") if not node else ""
    is_place = reference.peek("type") == "Organization"
    if named and not is_place:
        shown = named
    name = person.one("name")
    is_person = person or found.type == "PractitionerRole"
    own = [person, node] if is_person else [place, reference]
    npi, others = npi_and_others([each for element in own for each in _numbers(element, entries)])
    telecoms = [*node.all("telecom"), *person.all("telecom"), *place.all("telecom")]
    return Party(
        npi=npi,
        identifiers=others,
        family=name.peek("family") or (name.peek("text") if not name.peek("given") else "") or shown,
        given=tuple(name.peeks("given")),
        organization=place.peek("name") or (named if is_place else "" if place else place_reference.peek("display")),
        specialty=concept(node.one("specialty")) if found.type == "PractitionerRole" else NO_CODE,
        direct=_direct(telecoms),
        phone=next((each.peek("value") for each in telecoms if each.peek("system") == "phone"), ""),
    )


def party_resources(party: Party, side: str) -> list[Resource]:
    """The PractitionerRole of a party, and the Practitioner and Organization that it joins; [] of nobody."""
    if party == NOBODY:
        return []
    key = (*_key(party), side)
    role: Resource = {"resourceType": "PractitionerRole", "id": resource_id("PractitionerRole", *key)}
    found = [role]
    listed = [identifier_of(each) for each in party.numbers]
    is_person = bool(party.family or party.given or (listed and not party.organization))
    if is_person:
        person: Resource = {"resourceType": "Practitioner", "id": resource_id("Practitioner", *key)}
        if listed:
            person["identifier"] = listed
        name: Element = {"family": party.family} if party.family else {}
        if party.given:
            name["given"] = list(party.given)
        if name:
            person["name"] = [name]
        found.append(person)
        role["practitioner"] = {"reference": f"urn:uuid:{person['id']}"}
    if party.organization:
        place: Resource = {"resourceType": "Organization", "id": resource_id("Organization", *key), "active": True}
        if listed and not is_person:
            place["identifier"] = listed
        place["name"] = party.organization
        found.append(place)
        role["organization"] = {"reference": f"urn:uuid:{place['id']}"}
    if party.specialty != NO_CODE:
        role["specialty"] = [concept_of(party.specialty)]
    telecom: list[Element] = [{"system": "phone", "value": party.phone, "use": "work"}] if party.phone else []
    if party.direct:
        flag = extension(DIRECT, "valueBoolean", True)
        telecom.append({"extension": [flag], "system": "email", "value": party.direct, "use": "work"})
    if telecom:
        role["telecom"] = telecom
    return found


def reference_of(resources: list[Resource]) -> Element:
    """A reference to the role that `party_resources` made, or why there is none."""
    return {"reference": f"urn:uuid:{resources[0]['id']}"} if resources else unknown()


def logical_reference_of(party: Party) -> Element:
    """A reference to a party by its number and name, for a Task that travels alone."""
    if party == NOBODY:
        return unknown()
    kind: Literal["Practitioner", "Organization"] = (
        "Practitioner" if party.family or party.given or not party.organization else "Organization"
    )
    found: Element = {"type": kind}
    numbers = party.numbers
    if numbers:
        found["identifier"] = identifier_of(numbers[0])
    shown = " ".join((*party.given, party.family)).strip() or party.organization
    if shown:
        found["display"] = shown
    return found if numbers or shown else unknown()


def _numbers(node: Node, entries: Entries) -> list[Identifier]:
    return [each for each in (identifier(one, entries) for one in node.all("identifier")) if each is not None]


def _direct(telecoms: list[Node]) -> str:
    for each in telecoms:
        if any(one.peek("url") == DIRECT and one.peek("valueBoolean") == "true" for one in each.all("extension")):
            return each.peek("value")
    return ""


def _key(party: Party) -> tuple[str, ...]:
    return tuple(str(getattr(party, each.name)) for each in fields(Party))
