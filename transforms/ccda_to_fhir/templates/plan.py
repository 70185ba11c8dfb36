"""What is planned: acts, visits, procedures, observations, instructions, interventions and goals."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, concept_or_absent, shown
from transforms.ccda_to_fhir.datatypes.times import end_of, put_day, start_of
from transforms.ccda_to_fhir.datatypes.values import put_value
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of
from transforms.ccda_to_fhir.planned import planned
from transforms.ccda_to_fhir.provenance import authors_of, put_authors
from transforms.ccda_to_fhir.registry import ENTRY_REFERENCE, carry, read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_planned, is_said_of, says_so, status_of
from transforms.elements import append, coded, put

GOAL_STATUS = "http://terminology.hl7.org/CodeSystem/goal-achievement"
PRIORITY = "2.16.840.1.113883.10.20.22.4.143"
PROGRESS = "2.16.840.1.113883.10.20.22.4.110"
EDUCATION = ("http://snomed.info/sct", "409073007", "Education")
_LIFECYCLE = {
    "active": "active",
    "new": "proposed",
    "held": "on-hold",
    "suspended": "on-hold",
    "completed": "completed",
    "aborted": "cancelled",
    "cancelled": "cancelled",
    "nullified": "entered-in-error",
}
_PROGRESS = {"385641008": "improving", "385633008": "improving", "260388006": "no-change", "230993007": "worsening"}


@template(
    "2.16.840.1.113883.10.20.22.4.39",
    "2.16.840.1.113883.10.20.22.4.40",
    "2.16.840.1.113883.10.20.22.4.41",
    "2.16.840.1.113883.10.20.22.4.44",
    "2.16.840.1.113883.10.20.22.4.130",
    "2.16.840.1.113883.10.20.22.4.140",
    "2.16.840.1.113883.10.20.22.4.141",
    any_mood=True,
)
def planned_act(act: Node, run: Run) -> list[Resource]:
    """Planned Act, Encounter, Procedure, Observation, Nutrition Recommendation, Patient Referral, Handoff: a request.

    One that its mood says has happened is what its class is.
    """
    return [planned(act, run)] if is_planned(act) else carry(act, run)


@template("2.16.840.1.113883.10.20.22.4.20", any_mood=True)
def instruction(act: Node, run: Run) -> list[Resource]:
    """Instruction: a ServiceRequest to teach the patient what its text says."""
    if not is_planned(act):
        return carry(act, run)
    resource = planned(act, run)
    append(resource, "category", coded(*EDUCATION))
    put(resource, "patientInstruction", text_of(act.get("text"), run))
    return [resource]


@template(
    "2.16.840.1.113883.10.20.22.4.131",
    "2.16.840.1.113883.10.20.22.4.146",
    any_mood=True,
)
def intervention_act(act: Node, run: Run) -> list[Resource]:
    """Intervention Act, Planned Intervention Act: what it holds, for the reason that it gives."""
    found: list[Resource] = []
    for link, inner in statements(act, "entryRelationship"):
        if link.attr("typeCode") != "RSON" and not inner.keeps(ENTRY_REFERENCE):
            found += read_entry(inner, run)
    if found:
        act.value("code", "code")
        act.target = found[0]
        return found
    return [planned(act, run)] if is_planned(act) else carry(act, run)


@template("2.16.840.1.113883.10.20.22.4.121", sections=[("61146-7", "observation")], any_mood=True)
def goal_observation(observation: Node, run: Run) -> list[Resource]:
    """Goal Observation: a Goal; one that is denied: a rejected Goal."""
    resource = start("Goal", observation, run, profile="us-core-goal")
    observation.target = resource
    status = _LIFECYCLE.get(status_of(observation), "active")
    resource["lifecycleStatus"] = "rejected" if is_negated(observation) and status != "entered-in-error" else status
    _put_progress(resource, observation, run)
    _put_description(resource, observation, run)
    span = observation.get("effectiveTime")
    put_day(resource, "startDate", start_of(span), run)
    _put_target(resource, observation, span, run)
    for author in authors_of(observation, run):
        who = author.actor.reference
        if who is not None and run.referred(who)["resourceType"] not in ("Device", "Organization"):
            put(resource, "expressedBy", who)
    for link, inner in statements(observation, "entryRelationship"):
        is_concern = inner.name == "act" and not inner.keeps(ENTRY_REFERENCE)
        if link.attr("typeCode") in ("RSON", "REFR") and is_concern and is_said_of(inner, observation):
            for made in filter(says_so, read_entry(inner, run)):
                if made["resourceType"] in ("Condition", "Observation", "ServiceRequest"):
                    append(resource, "addresses", run.refer(made))
    put_notes(resource, observation, run)
    put_authors(resource, observation, run, "", "")
    return [resource]


@template(PROGRESS, "2.16.840.1.113883.10.20.22.4.144")
def outcome_observation(observation: Node, run: Run) -> list[Resource]:
    """Outcome Observation, and progress toward a goal that stands for itself: an Observation."""
    return [observation_of(observation, run)]


def _put_description(resource: Resource, observation: Node, run: Run) -> None:
    """What the goal is: its code, unless that only says that it is one; then its value, or its text."""
    concept = codeable_concept(observation.get("code"), run)
    if concept is None or shown(concept) == "":
        text = text_of(observation.get("text"), run)
        concept = {"text": text} if text else concept
    resource["description"] = concept or concept_or_absent(observation.get("code"), run)


def _put_target(resource: Resource, observation: Node, span: Node | None, run: Run) -> None:
    target: Element = {}
    held: Element = {}
    put_value(held, observation.get("value"), run, "detail")
    text = held.get("detailString", "")
    if held and "detailAttachment" not in held and "detailDateTime" not in held:
        target["measure"] = resource["description"]
        target.update(held)
    put_day(target, "dueDate", end_of(span), run)
    if target:
        resource["target"] = [target]
    if text and not resource["description"].get("coding"):
        resource["description"]["text"] = text


def _put_progress(resource: Resource, observation: Node, run: Run) -> None:
    for each in taken(observation, resource, PROGRESS, names=("observation",)):
        concept = codeable_concept(each.get("value"), run)
        code = next((_PROGRESS.get(one.get("code", ""), "") for one in (concept or {}).get("coding", ())), "")
        if concept is not None and code:
            concept["coding"].insert(0, coded(GOAL_STATUS, code)["coding"][0])
        put(resource, "achievementStatus", concept)
    for each in taken(observation, resource, PRIORITY, names=("observation",)):
        concept = codeable_concept(each.get("value"), run)
        put(resource, "priority", concept)
