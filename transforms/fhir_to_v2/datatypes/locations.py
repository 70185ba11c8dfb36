"""Location to PL, DLD and HD."""

from __future__ import annotations

from transforms.elements import URI
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.authorities import assigner_hd, hd_of, system_hd
from transforms.fhir_to_v2.datatypes.codes import cwe_of
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.datatypes.locations import PHYSICAL_TYPE

_NUMBERS = {"si": 4, "bu": 7, "wi": 8, "lvl": 8, "wa": 1, "poc": 1, "ro": 2, "bd": 3}
"""The component of a PL that a place of each physical type is."""


def pl_of(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Location)[PL]: the place and those that it is part of, each at its level."""
    places = run.chain(run.resolve(reference), "partOf") if reference.has("reference") else []
    if not places:
        shown = reference.text("display")
        return {9: shown} if shown else {}
    parts: dict[int, Part] = {}
    for place in places:
        run.done.add(place.path)
        place.skip("mode")
        number = _number(place)
        if number and number not in parts:
            parts[number] = _hd(place)
        elif number is None and place is places[0] and not place.has("identifier"):
            parts[9] = place.text("name")
    narrowest = places[0]
    description = narrowest.text("description")
    if description:
        parts[9] = description
    _put_whole(parts, narrowest, run)
    return parts


def dld_of(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Location)[DLD]: where a patient was discharged to."""
    place = run.resolve(reference) if reference.has("reference") else None
    if not place:
        return {1: ["", reference.text("display")]}
    run.done.add(place.path)
    place.skip("mode")
    kind = cwe_of(place.one("type"), run, "DischargedToLocation", "0113")
    name = place.text("name")
    if not kind:
        return {1: name}
    if name in kind.values():
        return {1: [str(kind.get(number, "")) for number in range(1, max(kind) + 1)]}
    return {1: [str(kind.get(number, "")) if number != 2 else name for number in range(1, max(2, *kind) + 1)]}


def hd_of_location(reference: Node, run: Run) -> list[str]:
    """Reference(Location)[HD]: a site."""
    place = run.resolve(reference) if reference.has("reference") else None
    if not place:
        return [reference.text("display")]
    run.done.add(place.path)
    place.skip("mode", "physicalType")
    found = _hd(place)
    return [found] if isinstance(found, str) else [*found]


def _number(place: Node) -> int | None:
    """The component of a PL that a place is, 1 (point of care) where nothing tells; None where it has no identity."""
    kind = place.one("physicalType")
    for coding in kind.all("coding"):
        if coding.peek("system") in (PHYSICAL_TYPE, ""):
            coding.skip(*coding.names())
            kind.text("text")
            return _NUMBERS.get(coding.peek("code"), 1)
    if kind.text("text"):
        return 1
    return 1 if place.has("identifier") or place.has("partOf") or kind else None


def _hd(place: Node) -> Part:
    """Location[HD]: the name as namespace id, and its universal id where it has one."""
    identifier = place.one("identifier")
    value, name = identifier.text("value"), place.text("name")
    if identifier.peek("system") == URI and identifier.text("system"):
        found = system_hd(value)
        return ["" if name == value else name, *found[1:]]
    if value and name and value != name and not identifier.has("system"):
        return [name, value]
    return value or name


def _put_whole(parts: dict[int, Part], place: Node, run: Run) -> None:
    """Put the identifier of the place as a whole, and who assigns it."""
    others = place.all("identifier")
    if len(others) > 1 and run.has_component("PL", 10):
        parts[10] = [others[1].text("value")]
        parts[11] = hd_of(others[1], run)
    elif others and others[0].has("assigner") and run.has_component("PL", 11):
        parts[11] = assigner_hd(others[0].one("assigner"), run)
