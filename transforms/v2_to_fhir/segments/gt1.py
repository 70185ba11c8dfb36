"""GT1: who pays: our own map to RelatedPerson and Account.guarantor."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import IDENTIFIER_TYPE, append, coded, put
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier
from transforms.v2_to_fhir.datatypes.names import xpn_human_name
from transforms.v2_to_fhir.datatypes.times import put_date, put_field_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.related import related_person
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.in1 import SELF
from transforms.v2_to_fhir.segments.pid import SSN
from transforms.v2_to_fhir.source import SourceSegment


def gt1_account(gt1: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """The guarantor of the patient's account: the patient, someone related or an organization."""
    party = _party(gt1, run, patient)
    if party is None:
        return None
    account = run.account
    if account is None:
        account = run.account = run.add("Account", patient["id"], "of the patient")
        account.setdefault("status", "unknown")
        account["subject"] = [run.refer(patient)]
    guarantor: Element = {"party": run.refer(party)}
    period: Element = {}
    put_field_time(period, "start", gt1, 13, run)
    put_field_time(period, "end", gt1, 14, run)
    put(guarantor, "period", period)
    append(account, "guarantor", guarantor)
    return party


def gt1_related_person(gt1: SourceSegment, run: Run, patient: Resource, names: list[Element]) -> Resource:
    """A guarantor who is a person other than the patient."""
    relation = gt1.first(11)
    numbers = [number for number in (cx_identifier(value, run, gt1.where(2)) for value in gt1[2]) if number is not None]
    person = related_person(run, patient, names, relation.peek(1) if relation is not None else "")
    append(person, "identifier", *numbers)
    social = gt1.text(12)
    if social:
        append(person, "identifier", {"type": coded(IDENTIFIER_TYPE, "SS"), "system": SSN, "value": social})
    append_each(person, "relationship", gt1, 11, run, cwe_codeable_concept, codes="Relationship", table="0063")
    append_each(person, "telecom", gt1, 6, run, xtn_contact_point, use="home")
    append_each(person, "telecom", gt1, 7, run, xtn_contact_point, use="work")
    put_code(person, "gender", gt1.text(9), "AdministrativeSex", run, gt1.where(9), "0001")
    put_date(person, "birthDate", gt1.text(8), run, gt1.where(8))
    append_each(person, "address", gt1, 5, run, xad_address)
    return person


def _party(gt1: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    relation = gt1.first(11)
    if relation is not None and relation.peek(1).upper() in SELF:
        relation[1]
        return patient
    names = [name for name in (xpn_human_name(value, run, gt1.where(3)) for value in gt1[3]) if name is not None]
    if names:
        return gt1_related_person(gt1, run, patient, names)
    organization = xon_organization_resource(gt1.first(21), run)
    if organization is not None:
        append_each(organization, "address", gt1, 5, run, xad_address)
        append_each(organization, "telecom", gt1, 7, run, xtn_contact_point)
    return organization
