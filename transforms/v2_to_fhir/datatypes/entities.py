"""CWE, EI and OG where they stand for a thing: an organization, a device, a role, a group of results."""

from __future__ import annotations

from schemas.codes import system_uri
from schemas.fhir import Element, Resource
from transforms.elements import CORE, OWN, add_extension, extension
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.elements import decimal
from transforms.v2_to_fhir.extensions import V2_SYSTEM
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

_TRIPLETS = ((1, 2, 3), (4, 5, 6), (10, 11, 12))


def cwe_organization(cwe: Value | None, run: Run) -> Element | None:
    """CWE[Organization]: a reference to it."""
    if cwe is None:
        return None
    identifier = _identifier(cwe, _TRIPLETS[0])
    name = cwe[9] or cwe[2]
    if identifier is None and not name:
        return None
    resource: Resource = {"resourceType": "Organization", "active": True}
    if identifier is not None:
        resource["identifier"] = [identifier]
    resource["name"] = name or cwe[1]
    return run.share(resource, *_key(identifier, name, run))


def cwe_device(cwe: Value | None, run: Run) -> Element | None:
    """CWE[Device]: a reference to one, its codes read as its identifiers."""
    if cwe is None:
        return None
    resource: Resource = {"resourceType": "Device"}
    identifiers = cwe_identifiers(cwe)
    names = [text for text in dict.fromkeys((cwe[2], cwe[5], cwe[11], cwe[9])) if text]
    if not identifiers and not names:
        return None
    if identifiers:
        resource["identifier"] = identifiers
    if names:
        resource["deviceName"] = [{"name": name, "type": "user-friendly-name"} for name in names]
    return run.share(resource, *_key(identifiers[0] if identifiers else None, names[0] if names else "", run))


def cwe_identifiers(cwe: Value) -> list[Element]:
    """CWE[Identifier]: each code as an identifier, its text beside it."""
    found = []
    for places in _TRIPLETS:
        identifier = _identifier(cwe, places)
        if identifier is not None:
            found.append(identifier)
    return found


def cwe_practitioner_role(cwe: Value | None, run: Run, where: str) -> Element | None:
    """CWE[PractitionerRole]: the code of a role."""
    return cwe_codeable_concept(cwe, run, where)


def ei_device(ei: Value | None, run: Run) -> Element | None:
    """EI[Identifier-Extension] of a device: a reference to the Device."""
    identifier = ei_identifier(ei, run)
    if identifier is None:
        return None
    resource: Resource = {"resourceType": "Device", "identifier": [identifier]}
    return run.share(resource, *identifier_key(identifier, run))


def ei_device_udi_carrier(ei: Value | None) -> Element | None:
    """EI[Device-udiCarrier]."""
    if ei is None or not ei.has(1):
        return None
    element: Element = {"deviceIdentifier": ei[1]}
    for number, name in ((2, "namespace-id"), (3, "universal-id"), (4, "universal-id-type")):
        if ei.has(number):
            add_extension(element, extension(f"{OWN}assigning-authority-{name}", "valueString", ei[number]))
    return element


def og_extension_subidentifier(og: Value, run: Run, where: str) -> Element | None:
    """OG[Extension-Subidentifier]: what tells results of one code apart, or groups them."""
    inner: list[Element] = []
    if og.has(1):
        inner.append(extension("original-sub-identifier", "valueString", og[1]))
    for number, name in ((2, "group"), (3, "sequence")):
        value = decimal(og.peek(number), run, where) if og.has(number) else None
        if value is not None:
            og.mark(number)
            inner.append(extension(name, "valueDecimal", value))
    if og.has(4):
        inner.append(extension("identifier", "valueString", og[4]))
    return {"url": f"{CORE}observation-v2-subid", "extension": inner} if inner else None


def _identifier(cwe: Value, places: tuple[int, int, int]) -> Element | None:
    if not cwe.has(places[0]):
        return None
    element: Element = {}
    name = cwe[places[2]]
    uri = system_uri(name) if name else ""
    if uri:
        element["system"] = uri
    elif name:
        element["extension"] = [extension(V2_SYSTEM, "valueString", name)]
    element["value"] = cwe[places[0]]
    return element


def _key(identifier: Element | None, name: str, run: Run) -> tuple[str, ...]:
    if identifier is not None:
        return identifier_key(identifier, run)
    return (run.sender, "name", name.casefold())
