"""Who assigns identifiers and answers for things: systems, assigners and Organizations to HD and XON."""

from __future__ import annotations

from urllib.parse import unquote

from schemas.codes import identifier_system
from transforms.elements import CORE, IDENTIFIER_TYPE, OWN, URI
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import codes_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Part, decoded
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.datatypes.authorities import AUTHORITY, UNIVERSAL_ID_TYPE
from transforms.v2_to_fhir.extensions import V2_TEXT

_KNOWN = {
    "http://hl7.org/fhir/sid/us-npi": ("NPI", "2.16.840.1.113883.4.6", "ISO"),
    "http://hl7.org/fhir/sid/us-ssn": ("SSA", "2.16.840.1.113883.4.1", "ISO"),
}
"""The authorities behind the identifier systems that FHIR itself names."""

Hd = tuple[str, str, str]


def hd_of(identifier: Node, run: Run) -> Hd:
    """The assigning authority of an Identifier: by its assigner, else by its system."""
    system = identifier.text("system")
    own = _site_name(system, run)
    if own:
        return own, "", ""
    assigner = identifier.one("assigner")
    named = assigner_hd(assigner, run)
    if named[1]:
        return named
    by_system = system_hd(system)
    if named[0] and (not by_system[1] or identifier_system(named[0], "") == system):
        return named
    return (named[0] or by_system[0], *by_system[1:])


def assigner_hd(reference: Node, run: Run) -> Hd:
    """The HD of a Reference(Organization): the resource's, else what the reference itself says."""
    if not reference:
        return "", "", ""
    if reference.has("reference"):
        organization = run.resolve(reference)
        if organization:
            run.done.add(organization.path)
            found = organization_hd(organization)
            return (reference.text("display") or found[0], *found[1:])
    identifier = reference.one("identifier")
    universal = system_hd(identifier.text("value")) if identifier.text("system") == URI else ("", "", "")
    return (reference.text("display"), *universal[1:])


def organization_hd(organization: Node) -> Hd:
    """Organization[HD]: its namespace id and its universal id."""
    namespace = universal = kind = ""
    for identifier in organization.all("identifier"):
        value = identifier.text("value")
        kinds = codes_of(identifier.one("type"), UNIVERSAL_ID_TYPE)
        system = identifier.text("system")
        if system == URI or (kinds and not system):
            found = system_hd(value)
            universal, kind = found[1] or value, (kinds or [found[2]])[0]
        elif not system and not namespace:
            namespace = value
        elif not system and not universal:
            universal = value
    name = organization.text("name")
    if not namespace and name != universal:
        namespace = name
    return namespace, universal, kind


def system_hd(system: str) -> Hd:
    """The HD of an identifier system (URI)."""
    if system in _KNOWN:
        return _KNOWN[system]
    if system.startswith(AUTHORITY):
        name = unquote(system.removeprefix(AUTHORITY).rpartition(":")[2])
        namespace, bar, kind = name.partition("|")
        return ("", namespace, kind) if bar else (name, "", "")
    for prefix, kind in (("urn:oid:", "ISO"), ("urn:uuid:", "UUID"), ("urn:dns:", "DNS")):
        if system.startswith(prefix):
            return "", system.removeprefix(prefix), kind
    return ("", system, "URI") if ":" in system else (system, "", "")


def xon_of(reference: Node, run: Run) -> dict[int, Part]:
    """Reference(Organization)[XON]."""
    organization = run.resolve(reference) if reference.has("reference") else None
    if not organization:
        return {1: reference.text("display")}
    other = reference.extension(V2_TEXT).text("valueString") if reference.has("extension") else ""
    if other:
        run.done.add(organization.path)
        return decoded(other)
    return xon_of_organization(organization, run)


def xon_of_organization(organization: Node, run: Run) -> dict[int, Part]:
    """Organization[XON]."""
    parts: dict[int, Part] = {1: organization.text("name")}
    run.done.add(organization.path)
    organization.text("active")
    for each in organization.extensions(f"{OWN}organization-name-type"):
        parts[2] = each.one("valueCoding").text("code")
    identifier = _chosen(organization)
    if not identifier:
        return parts
    kinds = codes_of(identifier.one("type"), UNIVERSAL_ID_TYPE)
    if kinds or (not identifier.has("system") and not identifier.has("type") and identifier.peek("value") == parts[1]):
        # It stands for an authority, whose name is its identifier.
        namespace, universal, kind = organization_hd(organization)
        return {1: namespace or universal, **({6: ["", universal, kind], 10: universal} if universal else {})}
    value = identifier.text("value")
    parts[10 if run.has_component("XON", 10) and field_of(identifier, "XON") != 3 else 3] = value
    parts[4], parts[5] = check_digit_of(identifier)
    parts[6] = hd_of(identifier, run)
    parts[7] = identifier_type_of(identifier)
    return parts


def identifier_type_of(identifier: Node) -> str:
    """The type of an Identifier, a code of table 0203 or one of the sender's own, which names no system."""
    kind = identifier.one("type")
    found = codes_of(kind, IDENTIFIER_TYPE) or codes_of(kind, "")
    return found[0] if found else ""


def check_digit_of(identifier: Node) -> tuple[str, str]:
    """The check digit of an Identifier and its scheme."""
    if not identifier.has("extension"):
        return "", ""
    digit = identifier.extension(f"{CORE}identifier-checkDigit").text("valueString")
    return digit, identifier.extension(f"{CORE}namingsystem-checkDigit").text("valueString")


def _chosen(organization: Node) -> Node:
    """The identifier to write of an Organization: the first with a system."""
    found = [each for each in organization.all("identifier") if not field_of(each, "IN1")]
    return next((each for each in found if each.has("system")), found[0] if found else organization.one("identifier"))


def _site_name(system: str, run: Run) -> str:
    """The assigning authority that the site's own map has for an identifier system."""
    return run.authorities.get(system, "") if system else ""
