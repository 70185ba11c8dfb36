"""Organization, Device and Specimen as the coded or numbered things that fields name."""

from __future__ import annotations

from schemas.codes import system_name
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.authorities import hd_of
from transforms.fhir_to_v2.datatypes.identifiers import ei_of, ei_subcomponents
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.extensions import V2_SYSTEM


def cwe_of_organization(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Organization)[CWE]: its identifier and its name."""
    organization = run.resolve(reference) if reference.has("reference") else EMPTY
    if not organization:
        return {2: reference.text("display")}
    run.done.add(organization.path)
    organization.text("active")
    identifier = organization.one("identifier")
    name, value = organization.text("name"), identifier.text("value")
    return {1: value, 2: "" if name == value else name, 3: _system(identifier, run) if value else ""}


def cwe_of_device(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Device)[CWE]: its identifiers and names."""
    device = run.resolve(reference) if reference.has("reference") else EMPTY
    if not device:
        return {2: reference.text("display")}
    run.done.add(device.path)
    parts: dict[int, Part] = {}
    names = [each.text("name") for each in device.all("deviceName")]
    for place, identifier in zip((1, 4, 10), device.all("identifier"), strict=False):
        parts[place] = identifier.text("value")
        parts[place + 2] = _system(identifier, run)
    parts.update(dict(zip((2, 5, 11), names, strict=False)))
    for each in device.all("deviceName"):
        each.text("type")
    return parts


def ei_of_device(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Device)[EI]."""
    device = run.resolve(reference) if reference.has("reference") else EMPTY
    run.done.add(device.path)
    return ei_of(device.one("identifier") if device else reference.one("identifier"), run)


def specimen_numbers(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Specimen)[EIP]: the placer's and the filler's number."""
    return eip_of(run.resolve(reference) if reference.has("reference") else EMPTY, run)


def eip_of(resource: Node, run: Run) -> dict[int, Part]:
    """The identifiers of a resource as an EIP: the placer's (PGN, PLAC) and the filler's (FGN, FILL)."""
    parts: dict[int, Part] = {}
    for identifier in resource.all("identifier"):
        kind = identifier.one("type").one("coding").peek("code")
        if kind in ("PGN", "PLAC") and 1 not in parts:
            parts[1] = ei_subcomponents(identifier, run)
        elif (kind in ("FGN", "FILL", "") or not kind) and 2 not in parts:
            parts[2] = ei_subcomponents(identifier, run)
    return parts


def _system(identifier: Node, run: Run) -> str:
    own = identifier.extension(V2_SYSTEM).text("valueString") if identifier.has("extension") else ""
    system = identifier.text("system")
    return own or system_name(system) or hd_of(identifier, run)[0] or system
