"""ROL: who has which part in the care of a patient, in a visit or in a procedure."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import xon_organization, xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.datatypes.people import practitioner_role, xcn_practitioner, xcn_related_person
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.related import end_relation, related_person
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

DELETED = "FHIR-141"
RELATIONSHIP = "HL70063"
"""The table of a role that is a relationship to the patient, and not a provider's."""
_DELETIONS = ("D", "DE", "UN")
"""Delete and unlink (tables 0206 and 0287)."""
_WORK_PLACES = ("M", "O", "S", "SH", "TM")
_ORGANIZATION_PLACES = ("B", "BI", "L")


def is_deleted(segment: SourceSegment, field: int, run: Run) -> bool:
    """Whether an action code says that what the segment tells of holds no longer; a finding says so, too.

    The segment is kept as it was sent: there is nothing in FHIR that would undo it in the receiver.
    """
    if segment.raw(field).partition("^")[0] not in _DELETIONS:
        return False
    what = "the sender takes this back; it is kept as it was sent, and not carried as something that holds"
    run.tell(DELETED, segment.where(field), what)
    return True


def rol_patient_general_practitioner(rol: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """ROL[Patient-GeneralPractitioner]."""
    role = _role(rol, run)
    if role is None:
        return None
    append(patient, "generalPractitioner", run.refer(role))
    organization = xon_organization_resource(rol.first(14), run)
    for value in rol[11]:
        address = xad_address(value, run, rol.where(11))
        if address is None:
            continue
        if value[7] in _ORGANIZATION_PLACES and organization is not None:
            append(organization, "address", address)
        elif value[7] in _WORK_PLACES:
            place = {"resourceType": "Location", "mode": "instance", "address": address}
            append(role, "location", run.share(place, role["id"], str(rol.number)))
        else:
            append(run.referred(role["practitioner"]), "address", address)
    _put_period(role, rol, run)
    return role


def rol_care_team(rol: SourceSegment, run: Run, patient: Resource) -> Resource:
    """ROL[CareTeam]."""
    team = care_team(run, patient)
    participant: Element = {}
    append_each(participant, "role", rol, 3, run, cwe_codeable_concept, codes="ProviderRole", table="0443")
    append_each(participant, "role", rol, 9, run, cwe_codeable_concept)
    member = xcn_practitioner(rol.first(4), run, rol.where(4))
    organization = xon_organization_resource(rol.first(14), run)
    if organization is not None:
        append(organization, "type", cwe_codeable_concept(rol.first(10), run, rol.where(10), table="0406"))
        participant["member" if member is None else "onBehalfOf"] = run.refer(organization)
    if member is not None:
        participant["member"] = member
        append_each(run.referred(member), "address", rol, 11, run, xad_address)
        append_each(run.referred(member), "telecom", rol, 12, run, xtn_contact_point)
    _put_period(participant, rol, run)
    append(team, "participant", participant)
    append(team, "reasonCode", cwe_codeable_concept(rol.first(8), run, rol.where(8)))
    return team


def rol_encounter_practitioner_role(rol: SourceSegment, run: Run, encounter: Resource) -> Resource | None:
    """ROL[Encounter-PractitionerRole]."""
    role = _role(rol, run)
    if role is None:
        return None
    append_each(run.referred(role["practitioner"]), "address", rol, 11, run, xad_address)
    participant: Element = {"type": role["code"]} if "code" in role else {}
    _put_period(participant, rol, run)
    participant["individual"] = run.refer(role)
    append(encounter, "participant", participant)
    return role


def rol_procedure(rol: SourceSegment, run: Run, procedure: Resource) -> Resource | None:
    """Who took part in a procedure: our own map, for the guide has none."""
    person = xcn_practitioner(rol.first(4), run, rol.where(4))
    if person is None:
        return None
    performer: Element = {}
    put(
        performer, "function", cwe_codeable_concept(rol.first(3), run, rol.where(3), codes="ProviderRole", table="0443")
    )
    performer["actor"] = person
    put(performer, "onBehalfOf", xon_organization(rol.first(14), run))
    append(procedure, "performer", performer)
    return procedure


def rol_related_person(rol: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """ROL[RelatedPerson]."""
    found = xcn_related_person(rol.first(4), run, rol.where(4))
    relation = rol.first(3)
    if found is None or relation is None:
        return None
    identifiers = found.get("identifier", [])
    person = related_person(run, patient, found.get("name", []), relation.peek(1), *identifiers)
    append(person, "identifier", ei_identifier(rol.first(1), run))
    append_each(person, "relationship", rol, 3, run, cwe_codeable_concept, codes="Relationship", table="0063")
    append_each(person, "telecom", rol, 12, run, xtn_contact_point)
    append_each(person, "address", rol, 11, run, xad_address)
    _put_period(person, rol, run)
    end_relation(person, run)
    return person


def care_team(run: Run, patient: Resource) -> Resource:
    """Those who care for a patient, whichever segments name them."""
    team = run.add("CareTeam", patient["id"])
    team.setdefault("status", "active")
    team["subject"] = run.refer(patient)
    return team


def _role(rol: SourceSegment, run: Run) -> Resource | None:
    """The PractitionerRole that a ROL gives to a person."""
    person = xcn_practitioner(rol.first(4), run, rol.where(4))
    if person is None:
        return None
    code = cwe_codeable_concept(rol.first(3), run, rol.where(3), "ProviderRole", "0443")
    organization = xon_organization(rol.first(14), run)
    codes = [code] if code is not None else []
    role = run.referred(practitioner_role(person, run, *codes, organization=organization))
    append(role, "identifier", ei_identifier(rol.first(1), run))
    append_each(role, "telecom", rol, 12, run, xtn_contact_point)
    append(role, "location", pl_location(rol.first(13), run))
    return role


def _put_period(element: Element, rol: SourceSegment, run: Run) -> None:
    period: Element = {}
    put_field_time(period, "start", rol, 5, run)
    put_field_time(period, "end", rol, 6, run)
    put(element, "period", period)
