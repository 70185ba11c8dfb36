"""Payers: what insures the patient."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.quantities import positive_int
from transforms.ccda_to_fhir.datatypes.times import period
from transforms.ccda_to_fhir.entry import put_notes, start
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor, organization, related_person
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_planned, is_said_of, status_of
from transforms.elements import OWN, absent, add_extension, append, coded, put

POLICY = "2.16.840.1.113883.10.20.22.4.61"
PLANNED_COVERAGE = "2.16.840.1.113883.10.20.22.4.129"
SUBSCRIBER_RELATIONSHIP = "http://terminology.hl7.org/CodeSystem/subscriber-relationship"
COVERAGE_CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"
ROLE_CODE = "2.16.840.1.113883.5.111"
GUARANTOR = f"{OWN}ccda-guarantor"
PAYOR = f"{OWN}ccda-payor"
_RELATIONSHIPS = {
    **{"SELF": "self", "FAMDEP": "other", "SPON": "other", "SPO": "spouse", "SPS": "spouse", "HUSB": "spouse"},
    **{"WIFE": "spouse", "DOMPART": "common", "CHILD": "child", "NCHILD": "child", "SON": "child", "DAU": "child"},
    **{"STPCHLD": "child", "ADOPT": "child", "FTH": "parent", "MTH": "parent", "PRN": "parent"},
}
_STATUSES = {"nullified": "entered-in-error", "cancelled": "cancelled", "aborted": "cancelled", "new": "draft"}


@template("2.16.840.1.113883.10.20.22.4.60", sections=[("48768-6", "act")], any_mood=True)
def coverage_activity(act: Node, run: Run) -> list[Resource]:
    """Coverage Activity: the policies that it holds, in their order."""
    found: list[Resource] = []
    act.value("code", "code")
    act.value("statusCode", "code")
    for link, inner in statements(act, "entryRelationship"):
        made = read_entry(inner, run)
        order = positive_int(link.get("sequenceNumber"), run)
        for each in made:
            if each["resourceType"] == "Coverage" and order is not None:
                each["order"] = order
        found += made
    if not found:
        return policy_activity(act, run)
    act.target = found[0]
    return found


@template(POLICY, PLANNED_COVERAGE, any_mood=True)
def policy_activity(act: Node, run: Run) -> list[Resource]:
    """Policy Activity: a Coverage; one that is planned: a draft; a negated one is cancelled."""
    resource = start("Coverage", act, run, "beneficiary", "us-core-coverage")
    act.target = resource
    status = _STATUSES.get(status_of(act), "draft" if is_planned(act) else "active")
    resource["status"] = "cancelled" if is_negated(act) and status != "entered-in-error" else status
    put(resource, "type", codeable_concept(act.get("code"), run))
    for each in act.all("performer"):
        _put_performer(resource, each, run)
    for each in act.all("participant"):
        role = each.get("participantRole")
        if role is not None and each.attr("typeCode") == "COV":
            _put_covered(resource, each, role, run)
        elif role is not None and each.attr("typeCode") == "HLD":
            put(resource, "policyHolder", related_person(role, run))
            role.target = resource
    for link, inner in statements(act, "entryRelationship"):
        is_plan = link.attr("typeCode") == "REFR" and inner.attr("moodCode") == "DEF"
        if is_plan and is_said_of(inner, act):
            _put_plan(resource, inner, run)
    if "payor" not in resource:
        resource["payor"] = [{"display": "unknown"}]
    if "relationship" not in resource and run.options.profile == "us-core":
        resource["relationship"] = coded(SUBSCRIBER_RELATIONSHIP, "other", "Other")
        resource["relationship"]["text"] = "unknown"
    if "subscriberId" not in resource and run.options.profile == "us-core":
        resource.pop("meta", None)  # us-core-15: a number of the member, which is not known
        resource["_subscriberId"] = absent("unknown")
    put_notes(resource, act, run)
    put_authors(resource, act, run, "", "")
    return [resource]


def _put_performer(resource: Resource, performer: Node, run: Run) -> None:
    """Who pays. FHIR's Coverage has no guarantor, and that of US Core one payor: others stand beside."""
    entity = performer.get("assignedEntity")
    if entity is None:
        return
    if entity.value("code", "code") == "GUAR":
        who = actor(entity, run).reference
        add_extension(resource, *([{"url": GUARANTOR, "valueReference": who}] if who is not None else ()))
        return
    company = organization(entity.get("representedOrganization"), run) or organization(entity, run)
    entity.target = resource
    if company is None or company in resource.get("payor", ()):
        return
    if "payor" in resource:
        add_extension(resource, {"url": PAYOR, "valueReference": company})
    else:
        resource["payor"] = [company]


def _put_covered(resource: Resource, participant: Node, role: Node, run: Run) -> None:
    """The patient as the insurance knows one: the member's number, and what one is to the subscriber."""
    role.target = resource
    numbers = identifiers(role, run)
    for number in numbers:
        put(resource, "subscriberId", number.get("value"))
        append(resource, "identifier", number)
    put(resource, "period", period(participant.get("time"), run))
    concept = codeable_concept(role.get("code"), run)
    if concept is None:
        return
    code = next((_RELATIONSHIPS.get(each.get("code", ""), "") for each in concept.get("coding", ())), "")
    if code:
        concept["coding"].insert(0, coded(SUBSCRIBER_RELATIONSHIP, code)["coding"][0])
    resource["relationship"] = concept
    if code == "self":
        resource["subscriber"] = run.refer(run.patient)


def _put_plan(resource: Resource, plan: Node, run: Run) -> None:
    plan.target = resource
    text = text_of(plan.get("text"), run)
    for number in identifiers(plan, run):
        kind: Element = {"type": coded(COVERAGE_CLASS, "plan", "Plan"), "value": number.get("value", "")}
        put(kind, "name", text)
        append(resource, "class", kind)
    if text and "class" not in resource:
        resource["class"] = [{"type": coded(COVERAGE_CLASS, "plan", "Plan"), "value": text}]
