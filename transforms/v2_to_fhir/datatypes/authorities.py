"""HD and XON as those who assign identifiers and answer for things: systems, assigners, Organizations."""

from __future__ import annotations

from urllib.parse import quote

from schemas.codes import concept_map, identifier_system
from schemas.fhir import Element
from transforms.elements import CORE, IDENTIFIER_TYPE, URI, add_extension, coded, extension
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.extensions import V2_FIELD
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

AUTHORITY = "urn:hie-engine:authority:"
"""What the system of an assigning authority begins with that the message names by nothing but a local name."""
UNIVERSAL_ID_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0301"


def universal_uri(universal: str, kind: str) -> str:
    """The URI of a universal id (HD.2) of that type (HD.3, table 0301), "" where it makes none."""
    if not universal:
        return ""
    match kind.upper():
        case "ISO":
            return f"urn:oid:{universal.removeprefix('urn:oid:')}"
        case "UUID" | "GUID":
            return f"urn:uuid:{universal.removeprefix('urn:uuid:').lower()}"
        case "URI" | "URL" | "HTTP" if ":" in universal:
            return universal
        case "DNS":
            return f"urn:dns:{universal}"
        case "" if universal.startswith(("http://", "https://", "urn:")):
            return universal
        case "" if universal.count(".") > 2 and universal.replace(".", "").isdecimal():
            return f"urn:oid:{universal}"
    return ""


def system_of(namespace: str, universal: str, kind: str, run: Run) -> str:
    """The identifier system of an assigning authority: the site's own, its universal id's, else one of its name."""
    systems = run.options.systems
    if systems is not None:
        for name in (namespace, universal):
            found = systems.find(name, "", run.senders) if name else None
            if found is not None:
                return found.code
    uri = universal_uri(universal, kind)
    if uri or not (namespace or universal):
        return uri
    name = quote(namespace or f"{universal}|{kind}", safe="")
    return AUTHORITY + (f"{quote(run.facility, safe='')}:{name}" if run.options.authorities == "by_facility" else name)


def put_authority(element: Element, hd: Value, run: Run) -> None:
    """Put the assigning authority `hd` into an identifier: its system, and who assigns as an Organization."""
    put_authority_named(element, hd[1], hd[2], hd[3] if hd.has(2) else "", run)


def put_authority_named(element: Element, namespace: str, universal: str, kind: str, run: Run) -> None:
    """As `put_authority`, for the parts of an EI or of an authority that stands for itself."""
    if not namespace and not universal:
        return
    known = identifier_system(namespace, universal)
    if known:
        element["system"] = known
        assigner: Element = {"display": namespace} if namespace else {}
        if namespace and universal:
            # The name says who it is; that the message gave the number as well is said here.
            assigner["identifier"] = {"system": URI, "value": universal_uri(universal, kind) or universal}
        if assigner:
            element["assigner"] = assigner
        return
    element["system"] = system_of(namespace, universal, kind, run)
    element["assigner"] = _organization(namespace, universal, kind, run)


def put_type(element: Element, code: str) -> None:
    """Put the identifier's type, a code of table 0203, into it."""
    if code.strip():
        element["type"] = coded(IDENTIFIER_TYPE, code)


def put_check_digit(element: Element, digit: str, scheme: str) -> None:
    """Put a check digit and its scheme (table 0061) into an identifier."""
    if digit:
        add_extension(element, extension(f"{CORE}identifier-checkDigit", "valueString", digit))
    if scheme:
        add_extension(element, extension(f"{CORE}namingsystem-checkDigit", "valueString", scheme))


def hd_organization(hd: Value | None, run: Run) -> Element | None:
    """HD[Organization]: a reference to it."""
    if hd is None or not (hd.has(1) or hd.has(2)):
        return None
    return _organization(hd[1], hd[2], hd[3], run)


def xon_organization(xon: Value | None, run: Run) -> Element | None:
    """XON[Organization]: a reference to it."""
    found = xon_organization_resource(xon, run)
    return None if found is None or xon is None else refer_xon(found, xon, run)


def refer_xon(organization: Element, xon: Value, run: Run) -> Element:
    """A reference to the Organization of an XON, with what the message writes where it has another name here."""
    reference = run.refer(organization)
    if xon.has(1) and organization.get("name") != xon[1]:
        keep_text(reference, xon.wire, run)
    return reference


def xon_organization_resource(xon: Value | None, run: Run) -> Element | None:
    """The Organization of an XON, for a map that adds to it (an address, a contact)."""
    if xon is None:
        return None
    name, number = xon[1], xon[10] or xon[3]
    if not name and not number:
        return None
    resource: Element = {"resourceType": "Organization", "active": True}
    if number:
        identifier: Element = {}
        put_check_digit(identifier, xon[4], xon[5])
        put_type(identifier, xon[7])
        if xon.has(6):
            put_authority(identifier, xon.part(6), run)
        identifier["value"] = number
        if not xon.has(10) and run.er7.version >= "2.5":
            add_extension(identifier, extension(V2_FIELD, "valueString", "XON-3"))
        resource["identifier"] = [identifier]
    if name:
        resource["name"] = name
    if xon.has(2):
        _put_name_type(resource, xon[2])
    key = (
        (resource["identifier"][0].get("system") or run.sender, number)
        if number
        else (run.sender, "name", name.casefold())
    )
    return run.referred(run.share(resource, *key))


def xon_string(xon: Value | None) -> str:
    """XON[string]: the organization's name, else its identifier."""
    return "" if xon is None else xon[1] or xon[10] or xon[3]


def _organization(namespace: str, universal: str, kind: str, run: Run) -> Element:
    """A reference to the Organization that a namespace id or a universal id stands for."""
    identifiers: list[Element] = []
    if namespace:
        identifiers.append({"value": namespace})
    if universal:
        uri = universal_uri(universal, kind)
        own: Element = {"system": URI, "value": uri} if uri else {"value": universal}
        if kind:
            own["type"] = coded(UNIVERSAL_ID_TYPE, kind)
        identifiers.append(own)
    resource = {
        "resourceType": "Organization",
        "identifier": identifiers,
        "active": True,
        "name": namespace or universal,
    }
    reference = run.share(resource, *((universal, kind) if universal else (run.sender, namespace)))
    if namespace and run.referred(reference)["name"] != resource["name"]:
        reference["display"] = namespace
    return reference


def _put_name_type(resource: Element, code: str) -> None:
    found = concept_map("OrganizationalNameType").find(code)
    value = {"system": found[0].system, "code": found[0].code} if found else {"code": code}
    add_extension(resource, extension("urn:hie-engine:organization-name-type", "valueCoding", value))
