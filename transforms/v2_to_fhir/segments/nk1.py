"""NK1: next of kin and other parties, as RelatedPerson and as a contact of the patient."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import IDENTIFIER_TYPE, absent, append, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier
from transforms.v2_to_fhir.datatypes.names import xpn_human_name
from transforms.v2_to_fhir.datatypes.times import put_date, put_field_time
from transforms.v2_to_fhir.elements import append_each, of_field, put_first
from transforms.v2_to_fhir.related import end_relation, related_person
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.pid import SSN
from transforms.v2_to_fhir.source import SourceSegment

ORGANIZATIONS = ("EMR", "E", "F", "I", "S")
"""The parties of NK1-3 that are no persons: employer, federal agency, insurance company, state agency."""


def nk1_patient(nk1: SourceSegment, run: Run, patient: Resource) -> None:
    """NK1[Patient]: a contact of the patient."""
    contact: Element = {}
    _put_relationships(contact, nk1, run)
    put_first(contact, "name", nk1, 2, run, xpn_human_name)
    _put_telecom(contact, nk1, run)
    put_first(contact, "address", nk1, 4, run, xad_address)
    put_code(contact, "gender", nk1.text(15), "AdministrativeSex", run, nk1.where(15), "0001")
    organization = xon_organization_resource(nk1.first(13), run)
    if organization is not None:
        contact["organization"] = run.refer(organization)
        append(organization, "contact", _contact_person(nk1, run))
    _put_period(contact, nk1, run)
    if not contact:
        return
    if not contact.keys() & {"name", "telecom", "address", "organization"}:
        contact["name"] = absent("unknown")
    append(patient, "contact", contact)


def nk1_related_person(nk1: SourceSegment, run: Run, patient: Resource) -> Resource:
    """NK1[RelatedPerson]."""
    identifiers = [
        of_field(cx_identifier(value, run, nk1.where(field)), nk1, field) for field in (33, 12) for value in nk1[field]
    ]
    names = [xpn_human_name(value, run, nk1.where(2)) for value in nk1[2]]
    if _is_contact_alone(nk1):
        names = [of_field(xpn_human_name(value, run, nk1.where(30)), nk1, 30) for value in nk1[30]]
    relation = nk1.first(3)
    person = related_person(
        run,
        patient,
        [each for each in names if each],
        relation.peek(1) if relation is not None else "",
        *[each for each in identifiers if each],
    )
    _put_relationships(person, nk1, run)
    _put_telecom(person, nk1, run)
    put_code(person, "gender", nk1.text(15), "AdministrativeSex", run, nk1.where(15), "0001")
    put_date(person, "birthDate", nk1.text(16), run, nk1.where(16))
    append_each(person, "address", nk1, 4, run, xad_address)
    if _is_contact_alone(nk1):
        append_each(person, "address", nk1, 32, run, xad_address)
    _put_period(person, nk1, run)
    end_relation(person, run)
    if not person.keys() & {"name", "relationship"}:
        person["name"] = [absent("unknown")]
    number = nk1.text(37)
    if number:
        kind = {"coding": [{"system": IDENTIFIER_TYPE, "code": "SS"}]}
        append(person, "identifier", {"type": kind, "system": SSN, "value": number})
    language = cwe_codeable_concept(nk1.first(20), run, nk1.where(20), "PrimaryLanguage", "0296")
    if language is not None:
        append(person, "communication", {"language": language})
    return person


def _is_contact_alone(nk1: SourceSegment) -> bool:
    """Whether NK1-30 and what follows tell of the party itself; beside a person or an organization, of someone else.

    The contact person of an organization is its contact; one beside a person is kept as it was sent.
    """
    return not nk1.has(2) and not nk1.has(13)


def _put_relationships(element: Element, nk1: SourceSegment, run: Run) -> None:
    append_each(element, "relationship", nk1, 3, run, cwe_codeable_concept, codes="Relationship", table="0063")
    append_each(element, "relationship", nk1, 7, run, cwe_codeable_concept, codes="ContactRole", table="0131")


def _put_telecom(element: Element, nk1: SourceSegment, run: Run) -> None:
    append_each(element, "telecom", nk1, 5, run, xtn_contact_point)
    append_each(element, "telecom", nk1, 6, run, xtn_contact_point, use="work")
    append_each(element, "telecom", nk1, 40, run, xtn_contact_point)
    if _is_contact_alone(nk1):
        append_each(element, "telecom", nk1, 31, run, xtn_contact_point)
        append_each(element, "telecom", nk1, 41, run, xtn_contact_point)


def _put_period(element: Element, nk1: SourceSegment, run: Run) -> None:
    period: Element = {}
    put_field_time(period, "start", nk1, 8, run)
    put_field_time(period, "end", nk1, 9, run)
    put(element, "period", period)


def _contact_person(nk1: SourceSegment, run: Run) -> Element:
    """Whom to ask for at an organization."""
    contact: Element = {}
    put_first(contact, "name", nk1, 30, run, xpn_human_name)
    append_each(contact, "telecom", nk1, 31, run, xtn_contact_point)
    append_each(contact, "telecom", nk1, 41, run, xtn_contact_point)
    put_first(contact, "address", nk1, 32, run, xad_address)
    return contact
