"""PRT: who or what takes part, and in which role."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import CORE, OWN, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import xon_organization, xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import pln_identifier
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.datatypes.people import (
    cwe_practitioner_role,
    practitioner_role,
    xcn_practitioner,
    xcn_related_person,
)
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.related import end_relation, related_person
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.rol import care_team
from transforms.v2_to_fhir.source import SourceSegment

CARE_TEAM = ("AD", "AP", "ARI", "AT", "CP", "FHCP", "OP", "PH", "PP", "PRI", "RP", "RT", "VP", "PO")
"""The participations (table 0912) that make a member of the care team."""
PRIMARY_CARE = "PP"
_PREFERRED = {"B": "pager", "C": "phone", "E": "email", "F": "fax", "H": "phone", "O": "phone"}
"""The kind of contact point that each preferred method of contact (table 0185) is."""
_PREFERRED_USE = {"C": "mobile", "H": "home", "O": "work"}


def prt_patient_general_practitioner_practitioner(prt: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """PRT[Patient-GeneralPractitioner-Practitioner]: for a participation that names a person and nothing more."""
    for value in prt[5]:
        append(patient, "generalPractitioner", xcn_practitioner(value, run, prt.where(5)))
    return patient


def prt_patient_general_practitioner_practitioner_role(
    prt: SourceSegment, run: Run, patient: Resource
) -> Resource | None:
    """PRT[Patient-GeneralPractitioner-PractitionerRole]."""
    role = prt_practitioner_role(prt, run)
    if role is not None:
        append(patient, "generalPractitioner", run.refer(role))
    return role


def prt_care_team(prt: SourceSegment, run: Run, patient: Resource) -> Resource:
    """PRT[CareTeam]."""
    team = care_team(run, patient)
    participant: Element = {}
    append_each(participant, "role", prt, 4, run, cwe_codeable_concept, codes="Participation", table="0912")
    organization = xon_organization_resource(prt.first(8), run)
    member = xcn_practitioner(prt.first(5), run, prt.where(5))
    reached = lives = organization
    if member is not None:
        lives = run.referred(member)
        role = cwe_practitioner_role(prt.first(6), member, run, prt.where(6), *participant.get("role", []))
        participant["member"] = role or member
        reached = run.referred(participant["member"])
        if organization is not None:
            participant["onBehalfOf"] = run.refer(organization)
    elif organization is not None:
        participant["member"] = run.refer(organization)
    if lives is not None and reached is not None:
        append_each(lives, "address", prt, 14, run, xad_address)
        append_each(reached, "telecom", prt, 15, run, xtn_contact_point)
    _put_period(participant, prt, run)
    append(team, "participant", participant)
    return team


def prt_practitioner_role(prt: SourceSegment, run: Run) -> Resource | None:
    """PRT[PractitionerRole]."""
    person = xcn_practitioner(prt.first(5), run, prt.where(5))
    organization = xon_organization_resource(prt.first(8), run)
    if person is None:
        return None
    code = cwe_codeable_concept(prt.first(4), run, prt.where(4), "Participation", "0912")
    codes = [code] if code is not None else []
    reference = run.refer(organization) if organization is not None else None
    role = run.referred(practitioner_role(person, run, *codes, organization=reference))
    append(role, "specialty", cwe_codeable_concept(prt.first(6), run, prt.where(6)))
    if organization is not None:
        unit = cwe_codeable_concept(prt.first(7), run, prt.where(7), "ParticipantOrganizationUnitType", "0406")
        append(organization, "type", unit)
    append(role, "location", pl_location(prt.first(9), run))
    _put_period(role, prt, run)
    append_each(run.referred(person), "address", prt, 14, run, xad_address)
    _put_telecom(role, prt, run)
    append_each(role, "identifier", prt, 24, run, pln_identifier)
    return role


def prt_related_person(prt: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """PRT[RelatedPerson]."""
    found = xcn_related_person(prt.first(5), run, prt.where(5))
    role = prt.first(4)
    if found is None:
        return None
    identifiers = found.get("identifier", [])
    relation = role.peek(1) if role is not None else ""
    person = related_person(run, patient, found.get("name", []), relation, *identifiers)
    append_each(person, "relationship", prt, 4, run, cwe_codeable_concept, codes="Participation", table="0912")
    _put_telecom(person, prt, run)
    append_each(person, "address", prt, 14, run, xad_address)
    _put_period(person, prt, run)
    end_relation(person, run)
    append_each(person, "identifier", prt, 24, run, pln_identifier)
    organization = xon_organization(prt.first(8), run)
    if organization is not None:
        add_extension(person, extension(f"{OWN}organization", "valueReference", organization))
    place = pl_location(prt.first(9), run)
    if place is not None:
        add_extension(person, extension(f"{OWN}location", "valueReference", place))
    return person


def prt_encounter(prt: SourceSegment, run: Run, encounter: Resource) -> Resource | None:
    """Who takes part in a visit: our own map, after ROL[Encounter-PractitionerRole], which PRT took the place of."""
    role = prt_practitioner_role(prt, run)
    if role is None:
        return None
    participant: Element = {"type": role["code"]} if "code" in role else {}
    if "period" in role:
        participant["period"] = role["period"]
    participant["individual"] = run.refer(role)
    append(encounter, "participant", participant)
    return role


def _put_telecom(element: Element, prt: SourceSegment, run: Run) -> None:
    """Put PRT-15 into `element`; those that PRT-23 prefers are marked."""
    method = prt.text(23)
    for value in prt[15]:
        point = xtn_contact_point(value, run, prt.where(15))
        if point is None:
            continue
        is_kind = _PREFERRED.get(method) == point.get("system", "phone")
        if is_kind and _PREFERRED_USE.get(method, point.get("use")) == point.get("use"):
            add_extension(point, extension(f"{CORE}iso21090-preferred", "valueBoolean", True))
        append(element, "telecom", point)


def _put_period(element: Element, prt: SourceSegment, run: Run) -> None:
    period: Element = {}
    put_field_time(period, "start", prt, 11, run)
    put_field_time(period, "end", prt, 12, run)
    put(element, "period", period)
