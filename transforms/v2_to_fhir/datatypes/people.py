"""XCN, CNN, NDL and PPN to Practitioner and PractitionerRole."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import add_extension, append, extension
from transforms.v2_to_fhir.datatypes.authorities import (
    hd_organization,
    put_authority,
    put_authority_named,
    put_check_digit,
    put_type,
)
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.locations import ndl_location
from transforms.v2_to_fhir.datatypes.names import name_period, put_assembly_order, put_family
from transforms.v2_to_fhir.datatypes.times import period
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.extensions import ASSIGNING_FACILITY, V2_FIELD
from transforms.v2_to_fhir.related import related_person
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

_MOTHER = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "mother"}


def xcn_practitioner(xcn: Value | None, run: Run, where: str) -> Element | None:
    """XCN[Practitioner]: a reference to the Practitioner, who is in the bundle once."""
    if xcn is None:
        return None
    resource: Resource = {"resourceType": "Practitioner"}
    identifier = xcn_identifier(xcn, run)
    if identifier is not None:
        resource["identifier"] = [identifier]
    name = xcn_human_name(xcn, run, where)
    if name is not None:
        resource["name"] = [name]
    if identifier is None and name is None:
        return None
    if xcn.has(7):
        degree = cwe_codeable_concept(xcn.part(7), run, where, "DegreeLicenseCertificate", "0360")
        if degree is not None:
            resource["qualification"] = [{"code": degree}]
    reference = run.share(resource, *person_key(identifier, name, run))
    _keep_other(reference, resource, xcn, run)
    return reference


def _keep_other(reference: Element, resource: Resource, xcn: Value, run: Run) -> None:
    """Keep what the message writes of a person whom it has written otherwise before."""
    known = run.referred(reference)
    for name, value in resource.items():
        held = known.get(name)
        if held is not value and held != value:
            keep_text(reference, xcn.wire, run)
            return


def xcn_practitioner_role(xcn: Value | None, run: Run, where: str, *role: Element) -> Element | None:
    """XCN[PractitionerRole]: a reference to the role, `role` its codes, of the Practitioner that `xcn` names."""
    practitioner = xcn_practitioner(xcn, run, where)
    return None if practitioner is None else practitioner_role(practitioner, run, *role)


def cwe_practitioner_role(
    cwe: Value | None, practitioner: Element, run: Run, where: str, *codes: Element
) -> Element | None:
    """CWE[PractitionerRole]: a reference to the role that the kind of provider `cwe` makes beside `codes`."""
    kind = cwe_codeable_concept(cwe, run, where)
    return None if kind is None else practitioner_role(practitioner, run, *codes, kind)


def xcn_related_person(xcn: Value | None, run: Run, where: str) -> Element | None:
    """XCN[RelatedPerson]: name and identifier of someone who is related to a patient, to be put into the resource."""
    if xcn is None:
        return None
    element: Element = {}
    identifier = xcn_identifier(xcn, run)
    if identifier is not None:
        element["identifier"] = [identifier]
    name = xcn_human_name(xcn, run, where)
    if name is not None:
        degree = xcn[7]
        if degree:
            name.setdefault("suffix", []).append(degree)
        element["name"] = [name]
    return element or None


def cx_related_person_mother(cx: Value, run: Run, where: str, patient: Resource) -> Resource | None:
    """CX[RelatedPerson-Mother]: the patient's mother, of whom a number is known and no more."""
    identifier = cx_identifier(cx, run, where)
    if identifier is None:
        return None
    add_extension(identifier, extension(V2_FIELD, "valueString", "PID-21"))
    mother = related_person(run, patient, [], _MOTHER["code"], identifier)
    append(mother, "relationship", {"coding": [_MOTHER]})
    return mother


def practitioner_role(practitioner: Element, run: Run, *codes: Element, organization: Element | None = None) -> Element:
    """A reference to the role of a Practitioner that `codes` (CodeableConcepts) and `organization` make."""
    resource: Resource = {"resourceType": "PractitionerRole", "practitioner": practitioner}
    if organization is not None:
        resource["organization"] = organization
    if codes:
        resource["code"] = list(codes)
    parts = [run.referred(practitioner)["id"], run.referred(organization)["id"] if organization is not None else ""]
    for code in codes:
        parts += [f"{each.get('system', '')}|{each.get('code', '')}" for each in code.get("coding", [])]
        parts.append(code.get("text", ""))
    return run.share(resource, *parts)


def xcn_identifier(xcn: Value, run: Run) -> Element | None:
    """The identifier in an XCN."""
    if not xcn.has(1):
        return None
    element: Element = {}
    put_check_digit(element, xcn[11], xcn[12])
    kind = xcn[13]
    put_type(element, kind)
    if xcn.has(9):
        put_authority(element, xcn.part(9), run)
    elif kind == "NPI":
        put_authority_named(element, "", "2.16.840.1.113883.4.6", "ISO", run)
    element["value"] = xcn[1]
    facility = hd_organization(xcn.part(14), run) if xcn.has(14) else None
    if facility is not None:
        add_extension(element, extension(ASSIGNING_FACILITY, "valueReference", facility))
    return element


def xcn_human_name(xcn: Value, run: Run, where: str) -> Element | None:
    """The name in an XCN."""
    element: Element = {}
    put_family(element, xcn, 2)
    for name, texts in (("given", (xcn[3], xcn[4])), ("suffix", (xcn[5], xcn[21])), ("prefix", (xcn[6],))):
        found = [text for text in texts if text]
        if found:
            element[name] = found
    if not element:
        return None
    put_code(element, "use", xcn[10], "NameType", run, where, "0200")
    validity = name_period(xcn, 17, 19, 20, run, where)
    if validity is not None:
        element["period"] = validity
    put_assembly_order(element, xcn, 18, run, where)
    return element


def person_key(identifier: Element | None, name: Element | None, run: Run) -> tuple[str, ...]:
    """What identifies a person: the identifier, within its system or the sender, else the name within the sender."""
    if identifier is not None:
        return identifier_key(identifier, run)
    given = " ".join((name or {}).get("given", []))
    return (run.sender, "name", (name or {}).get("family", "").casefold(), given.casefold())


def cnn_practitioner(cnn: Value | None, run: Run, where: str) -> Element | None:
    """CNN[Practitioner]: a reference to the Practitioner."""
    if cnn is None:
        return None
    resource: Resource = {"resourceType": "Practitioner"}
    identifier: Element | None = None
    if cnn.has(1):
        identifier = {}
        put_authority_named(identifier, cnn[9], cnn[10], cnn[11], run)
        identifier["value"] = cnn[1]
        resource["identifier"] = [identifier]
    name: Element = {}
    put_family(name, cnn, 2)
    for part, texts in (("given", (cnn[3], cnn[4])), ("suffix", (cnn[5], cnn[7])), ("prefix", (cnn[6],))):
        found = [text for text in texts if text]
        if found:
            name[part] = found
    if name:
        resource["name"] = [name]
    if identifier is None and not name:
        return None
    return run.share(resource, *person_key(identifier, name, run))


def ndl_practitioner_role(ndl: Value | None, run: Run, where: str, *codes: Element) -> Element | None:
    """NDL[PractitionerRole]: a reference to the role of who acted, when and where."""
    if ndl is None:
        return None
    # Some senders put the parts of the name into the field itself, as a CN of HL7 v2.2, not into its first part.
    practitioner = cnn_practitioner(ndl.part(1) if not _is_flat(ndl) else ndl, run, where)
    if practitioner is None:
        return None
    role = practitioner_role(practitioner, run, *codes)
    if _is_flat(ndl):
        return role
    resource = run.referred(role)
    when = period(ndl[2], ndl[3], run, where)
    if when is not None:
        resource["period"] = when
    place = ndl_location(ndl, run)
    if place is not None and place not in resource.get("location", []):
        resource.setdefault("location", []).append(place)
    return role


def _is_flat(ndl: Value) -> bool:
    """Whether the parts of the name stand as components: a second part that is no time."""
    return ndl.is_simple(1) and ndl.has(2) and not ndl.peek(2)[:1].isdecimal()
