"""PL, DLD, HD and NDL as places: Location."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.v2_to_fhir.datatypes.authorities import hd_organization, put_authority, universal_uri
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.identifiers import hd_identifier
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

PHYSICAL_TYPE = "http://terminology.hl7.org/CodeSystem/location-physical-type"

_LEVELS = (
    (4, "si", "Site"),
    (7, "bu", "Building"),
    (1, "poc", ""),
    (8, "lvl", "Level"),
    (2, "ro", "Room"),
    (3, "bd", "Bed"),
)
"""The parts of a PL from the widest place to the narrowest, and their physical types; a point of care has none."""


def pl_location(pl: Value | None, run: Run) -> Element | None:
    """PL[Location]: a reference to the narrowest place, each place part of the next wider one."""
    if pl is None:
        return None
    place, chain = _narrowest(pl, _LEVELS, 11, run)
    return _described(pl, run.referred(place) if place is not None else None, chain, run)


def ndl_location(ndl: Value, run: Run) -> Element | None:
    """The places in an NDL, as those of a PL."""
    levels = ((7, "si", "Site"), (10, "bu", "Building"), (4, "poc", ""), (11, "lvl", "Level"), (5, "ro", "Room"))
    return _narrowest(ndl, (*levels, (6, "bd", "Bed")), 0, run)[0]


def dld_location(dld: Value | None, run: Run, where: str) -> Element | None:
    """DLD[Location-Discharge]: a reference to where a patient was discharged to."""
    if dld is None or not dld.has(1):
        return None
    kind = cwe_codeable_concept(dld.part(1), run, where, "DischargedToLocation", "0113")
    name = dld.part(1)[2] or dld.part(1)[1]
    resource: Resource = {"resourceType": "Location", "mode": "kind", "name": name}
    if kind is not None:
        resource["type"] = [kind]
    return run.share(resource, run.sender, "discharged-to", name)


def hd_location(hd: Value | None, run: Run) -> Element | None:
    """HD[Location]: a reference to a site."""
    identifier = hd_identifier(hd)
    if hd is None or identifier is None:
        return None
    resource = _place(identifier, hd[1] or identifier["value"], "si", "Site")
    return run.share(resource, run.sender, f"si={identifier['value']}")


def _narrowest(
    value: Value, levels: tuple[tuple[int, str, str], ...], assigner: int, run: Run
) -> tuple[Element | None, list[str]]:
    """A reference to the narrowest place of `value`, and what identifies it: the places that lead to it.

    `levels` are the parts that name a place, `assigner` is the part that says who assigned their identifiers.
    """
    wider: Element | None = None
    chain: list[str] = [run.sender]
    for number, kind, display in levels:
        if not value.has(number):
            continue
        hd = value.part(number)
        identifier = hd_identifier(hd)
        if identifier is None:
            continue
        if kind == "si" and universal_uri(hd[2], hd[3]):
            chain = [identifier["value"]]
        else:
            chain.append(f"{kind}={identifier['value']}")
        resource = _place(identifier, hd[1] or identifier["value"], kind, display)
        if assigner and value.has(assigner):
            organization = hd_organization(value.part(assigner), run)
            if organization is not None:
                identifier["assigner"] = organization
        if wider is not None:
            resource["partOf"] = wider
        wider = run.share(resource, *chain)
    return wider, chain


def _place(identifier: Element, name: str, kind: str, display: str) -> Resource:
    physical: Element = (
        {"coding": [{"system": PHYSICAL_TYPE, "code": kind, "display": display}]}
        if display
        else {"text": "Point of care"}
    )
    return {
        "resourceType": "Location",
        "identifier": [identifier],
        "name": name,
        "mode": "instance",
        "physicalType": physical,
    }


def _described(pl: Value, narrowest: Resource | None, chain: list[str], run: Run) -> Element | None:
    """The narrowest place with what the PL says of it as a whole: a description, a comprehensive identifier."""
    description = pl[9]
    if narrowest is None:
        if not description:
            return None
        place: Resource = {
            "resourceType": "Location",
            "name": description,
            "description": description,
            "mode": "instance",
        }
        return run.share(place, *chain, description)
    if description:
        narrowest["description"] = description
    if pl.has(10):
        whole = pl.part(10)
        identifier: Element = {}
        if pl.has(11):
            put_authority(identifier, pl.part(11), run)
        identifier["value"] = whole[1]
        if identifier not in narrowest["identifier"] and whole[1]:
            narrowest["identifier"].append(identifier)
    return run.refer(narrowest)
