"""IN1: an insurance that covers the patient."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import (
    IDENTIFIER_TYPE,
    R5,
    absent,
    add_extension,
    append,
    coded,
    extension,
    put,
    unknown_concept,
)
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import xon_organization_resource
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import cwe_identifiers, cx_identifier
from transforms.v2_to_fhir.datatypes.names import xpn_human_name
from transforms.v2_to_fhir.datatypes.times import put_date, put_field_time
from transforms.v2_to_fhir.elements import append_each, of_field, put_first
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.related import related_person
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

COVERAGE_CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"
SELF = ("SEL", "18", "SELF", "S", "PATIENT")
"""The relationships that say that the insured is the patient: of table 0063, of X12 and the words of old feeds."""


def in1_coverage(in1: SourceSegment, run: Run, patient: Resource) -> Resource:
    """IN1[Coverage]."""
    coverage = run.add("Coverage", patient["id"], *_key(in1, run))
    if claims(coverage, "us-core-coverage", run):
        coverage["_subscriberId"] = absent("unknown")
    append(coverage, "identifier", *cwe_identifiers(in1.first(2), run))
    coverage["status"] = "active"
    put_first(coverage, "type", in1, 15, run, cwe_codeable_concept, table="0086")
    _put_holder(coverage, in1, run)
    coverage["beneficiary"] = run.refer(patient)
    _put_member_number(coverage, in1, run)
    _put_insured(coverage, in1, run, patient)
    period: Element = {}
    put_field_time(period, "start", in1, 12, run)
    put_field_time(period, "end", in1, 13, run)
    put(coverage, "period", period)
    _put_payor(coverage, in1, run)
    _put_classes(coverage, in1)
    order = in1.text(22)
    if order.isdecimal() and int(order) > 0:
        coverage["order"] = int(order)
    return coverage


def _key(in1: SourceSegment, run: Run) -> tuple[str, ...]:
    """What tells a patient's insurances apart: plan, company and the number of the policy or the insured."""
    number = in1.raw(36) or in1.raw(49)
    plan, company = in1.raw(2).partition("^")[0], in1.raw(3).partition("^")[0]
    if number or plan or company:
        return (plan, company, number)
    return (run.control_id, str(run.count("coverage")))


def _put_holder(coverage: Resource, in1: SourceSegment, run: Run) -> None:
    """The group that the insurance was bought for, and the subscriber's number in it."""
    numbers = [cx_identifier(value, run, in1.where(10)) for value in in1[10]]
    group = xon_organization_resource(in1.first(11), run)
    for number in numbers:
        if number is None:
            continue
        if group is None or _type(number) == "SN":
            add_extension(coverage, extension(f"{R5}Coverage.subscriberId", "valueIdentifier", number))
        else:
            append(group, "identifier", number)
    if group is not None:
        coverage["policyHolder"] = run.refer(group)


def _put_member_number(coverage: Resource, in1: SourceSegment, run: Run) -> None:
    for value in in1[49]:
        number = cx_identifier(value, run, in1.where(49))
        if number is not None:
            add_extension(coverage, extension(f"{R5}Coverage.subscriberId", "valueIdentifier", number))
            coverage.setdefault("subscriberId", number["value"])
    policy = in1.text(36)
    if policy:
        append(coverage, "identifier", {"type": coded(IDENTIFIER_TYPE, "MB"), "value": policy})
        coverage.setdefault("subscriberId", policy)
    if "subscriberId" in coverage:
        coverage.pop("_subscriberId", None)


def _put_insured(coverage: Resource, in1: SourceSegment, run: Run, patient: Resource) -> None:
    relation = in1.first(17)
    concept = cwe_codeable_concept(relation, run, in1.where(17), "Relationship", "0063")
    if concept is not None:
        coverage["relationship"] = concept
    elif run.options.profile != "none":
        coverage["relationship"] = unknown_concept()
    code = relation.peek(1) if relation is not None else ""
    if code.upper() in SELF:
        coverage["subscriber"] = run.refer(patient)
        return
    names = [name for name in (xpn_human_name(value, run, in1.where(16)) for value in in1[16]) if name is not None]
    if not names:
        return
    # IN1-17 tells what the insured is to the patient, as a related person's relationship does.
    person = related_person(run, patient, names, code)
    append(person, "relationship", concept)
    append_each(person, "address", in1, 19, run, xad_address)
    put_date(person, "birthDate", in1.text(18), run, in1.where(18))
    put_code(person, "gender", in1.text(43), "AdministrativeSex", run, in1.where(43), "0001")
    coverage["subscriber"] = run.refer(person)


def _put_payor(coverage: Resource, in1: SourceSegment, run: Run) -> None:
    numbers = [cx_identifier(value, run, in1.where(3)) for value in in1[3]]
    company = xon_organization_resource(in1.first(4), run)
    if company is None:
        company = _company_of(numbers, run)
    if company is None:
        coverage["payor"] = [absent("unknown")]
        return
    has_number = "identifier" in company
    for number in numbers:
        append(company, "identifier", of_field(number, in1, 3) if has_number else number)
    append_each(company, "address", in1, 5, run, xad_address)
    append_each(company, "telecom", in1, 7, run, xtn_contact_point)
    contact: Element = {}
    put_first(contact, "name", in1, 6, run, xpn_human_name)
    if contact:
        append(company, "contact", contact)
    append(coverage, "payor", run.refer(company))


def _company_of(numbers: list[Element | None], run: Run) -> Resource | None:
    """The company that is known by its number alone."""
    for number in numbers:
        if number is not None:
            company: Resource = {"resourceType": "Organization", "active": True, "name": number["value"]}
            return run.referred(run.share(company, number.get("system") or run.sender, number["value"]))
    return None


def _put_classes(coverage: Resource, in1: SourceSegment) -> None:
    group = in1.text(8)
    name = in1.text(9)
    if group:
        element: Element = {"type": coded(COVERAGE_CLASS, "group", "Group"), "value": group}
        put(element, "name", name)
        append(coverage, "class", element)
    elif name:
        append(coverage, "class", {"type": coded(COVERAGE_CLASS, "group", "Group"), "value": name, "name": name})
    plan = in1.first(2)
    if plan is not None and plan.has(1):
        element = {"type": coded(COVERAGE_CLASS, "plan", "Plan"), "value": plan[1]}
        put(element, "name", plan[2])
        append(coverage, "class", element)


def _type(identifier: Element) -> str:
    codings = identifier.get("type", {}).get("coding", [])
    return codings[0]["code"] if codings else ""
