"""PRB, GOL, PTH and VAR: problems, goals, pathways, and what went otherwise."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, absent, add_extension, append, coded, extension, put, unknown_concept
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_string
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_date, put_date_time, put_field_time
from transforms.v2_to_fhir.elements import put_first
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.orc_medication import put_subject
from transforms.v2_to_fhir.source import SourceSegment

DELETED = "FHIR-133"
ACTION = "http://terminology.hl7.org/CodeSystem/v2-0287"
_DELETE = ("DE", "D")
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CATEGORY = coded("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item", "Problem List Item")
_ASSESS_PLAN = coded("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan")
_LIFE_CYCLE = {
    "active": "active",
    "inactive": "inactive",
    "resolved": "resolved",
    "remission": "remission",
    "relapse": "relapse",
    "recurrence": "recurrence",
    "recurring": "recurrence",
}
_CONFIRMATION = {
    "confirmed": "confirmed",
    "provisional": "provisional",
    "differential": "differential",
    "unconfirmed": "unconfirmed",
    "suspected": "provisional",
    "refuted": "refuted",
    "ruled": "refuted",
    "error": "entered-in-error",
}
_GOAL = {
    "active": "active",
    "achieved": "completed",
    "completed": "completed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "discontinued": "cancelled",
    "hold": "on-hold",
    "held": "on-hold",
    "proposed": "proposed",
    "planned": "planned",
    "accepted": "accepted",
    "rejected": "rejected",
}
_PLAN = {
    "active": "active",
    "completed": "completed",
    "cancelled": "revoked",
    "canceled": "revoked",
    "discontinued": "revoked",
    "suspended": "on-hold",
    "hold": "on-hold",
    "held": "on-hold",
    "draft": "draft",
    "planned": "draft",
}
"""Statuses of user-defined tables (0287, 0293, 0300, 0302) by the words that they are told in."""


def prb_condition(prb: SourceSegment, run: Run) -> Resource:
    """PRB, which the guide does not map: a problem."""
    number = ei_identifier(prb.first(4), run)
    condition = run.add("Condition", *_key("problem", number, run))
    claims(condition, "us-core-condition-problems-health-concerns", run)
    append(condition, "identifier", number)
    condition["category"] = [_CATEGORY]
    append(condition, "category", cwe_codeable_concept(prb.first(10), run, prb.where(10)))
    condition["code"] = cwe_codeable_concept(prb.first(3), run, prb.where(3)) or unknown_concept()
    put_subject(condition, "subject", run)
    if run.encounter is not None:
        condition["encounter"] = run.refer(run.encounter)
    put_field_time(condition, "recordedDate", prb, 7, run)
    if "recordedDate" not in condition:
        put_field_time(condition, "recordedDate", prb, 2, run)
    put_field_time(condition, "onsetDateTime", prb, 16, run)
    if "onsetDateTime" not in condition:
        put(condition, "onsetString", prb.text(17))
    put_field_time(condition, "abatementDateTime", prb, 9, run)
    put_first(condition, "severity", prb, 26, run, cwe_codeable_concept)
    _put_problem_status(condition, prb, run)
    return condition


def gol_goal(gol: SourceSegment, run: Run, condition: Resource | None) -> Resource:
    """GOL, which the guide does not map: a goal, set for the problem `condition` where one is open."""
    number = ei_identifier(gol.first(4), run)
    goal = run.add("Goal", *_key("goal", number, run))
    claims(goal, "us-core-goal", run)
    append(goal, "identifier", number)
    status = _word(gol, 18, _GOAL)
    if _is_deleted(gol, run):
        goal["lifecycleStatus"] = "entered-in-error"
    elif status:
        goal["lifecycleStatus"] = status
    elif gol.raw(1) == "AD":
        goal["lifecycleStatus"] = "active"
    else:
        goal["_lifecycleStatus"] = absent("unknown")
    _keep_concept(goal, "lifecycleStatus", gol, 18, run)
    put_first(goal, "achievementStatus", gol, 16, run, cwe_codeable_concept)
    append(goal, "category", cwe_codeable_concept(gol.first(9), run, gol.where(9)))
    goal["description"] = cwe_codeable_concept(gol.first(3), run, gol.where(3)) or unknown_concept()
    put_subject(goal, "subject", run)
    put_date(goal, "startDate", gol.text(7), run, gol.where(7))
    target: Element = {}
    put_date(target, "dueDate", gol.text(8), run, gol.where(8))
    append(goal, "target", target)
    put_date(goal, "statusDate", gol.text(19), run, gol.where(19))
    put(goal, "statusReason", "; ".join(value.whole() for value in gol[17]))
    if condition is not None:
        append(goal, "addresses", run.refer(condition))
    return goal


def pth_care_plan(pth: SourceSegment, run: Run, condition: Resource | None, goal: Resource | None) -> Resource:
    """PTH, which the guide does not map: a pathway, for the problem and towards the goal that are open."""
    number = ei_identifier(pth.first(3), run)
    plan = run.add("CarePlan", *_key("pathway", number, run))
    append(plan, "identifier", number)
    if _is_deleted(pth, run):
        plan["status"] = "entered-in-error"
    else:
        plan["status"] = _word(pth, 5, _PLAN) or "unknown"
    _keep_concept(plan, "status", pth, 5, run)
    plan["intent"] = "plan"
    if run.options.profile != "none":
        plan["category"] = [_ASSESS_PLAN]
    pathway = cwe_codeable_concept(pth.first(2), run, pth.where(2))
    append(plan, "category", pathway)
    put(plan, "title", cwe_string(pth.first(2)))
    put_subject(plan, "subject", run)
    if run.encounter is not None:
        plan["encounter"] = run.refer(run.encounter)
    put_field_time(plan, "created", pth, 4, run)
    if condition is not None:
        append(plan, "addresses", run.refer(condition))
    if goal is not None:
        append(plan, "goal", run.refer(goal))
    return plan


def var_annotation(var: SourceSegment, run: Run, resource: Resource) -> None:
    """VAR, which the guide does not map: what went otherwise, as a note on the problem, goal or pathway before it."""
    text = "\n".join(value.whole() for value in var[6])
    kind = var.first(5)
    if not text and kind is not None:
        text = cwe_string(kind)
    if not text:
        return
    note: Element = {}
    put(note, "authorReference", xcn_practitioner(var.first(4), run, var.where(4)))
    put_date_time(note, "time", var.text(2), run, var.where(2))
    note["text"] = text
    append(resource, "note", note)


def _put_problem_status(condition: Resource, prb: SourceSegment, run: Run) -> None:
    verification = _word(prb, 13, _CONFIRMATION)
    if _is_deleted(prb, run):
        verification = "entered-in-error"
    if verification:
        condition["verificationStatus"] = coded(_VERIFICATION, verification)
        _keep_concept(condition, "verificationStatus", prb, 13, run)
    if verification == "entered-in-error":
        return
    clinical = _word(prb, 14, _LIFE_CYCLE)
    if "abatementDateTime" in condition and clinical not in ("inactive", "resolved", "remission"):
        clinical = "resolved"
    if not clinical and prb.raw(1) == "AD" and not prb.has(14):
        clinical = "active"
    condition["clinicalStatus"] = coded(_CLINICAL, clinical) if clinical else absent("unknown")
    _keep_concept(condition, "clinicalStatus", prb, 14, run)


def _word(segment: SourceSegment, field: int, words: dict[str, str]) -> str:
    """The status that a code or its text says, "" where it says none that is known."""
    value = segment.first(field)
    if value is None:
        return ""
    for part in (1, 2):
        for word in value.peek(part).lower().replace("-", " ").replace("_", " ").split():
            if word in words:
                return words[word]
    return ""


def _keep_concept(resource: Resource, name: str, segment: SourceSegment, field: int, run: Run) -> None:
    """Keep the sender's status beside FHIR's."""
    concept = cwe_codeable_concept(segment.first(field), run, segment.where(field))
    if concept is None:
        return
    kept = extension(ALTERNATE_CODES, "valueCodeableConcept", concept)
    held = resource.get(name)
    add_extension(held if isinstance(held, dict) else resource.setdefault(f"_{name}", {}), kept)


def _is_deleted(segment: SourceSegment, run: Run) -> bool:
    """Whether the action (table 0287) takes it back; a finding tells, for it is there as entered in error."""
    if segment.raw(1) in ("AD", "DE", "D"):
        segment.text(1)
    if segment.raw(1) not in _DELETE:
        return False
    run.tell(DELETED, segment.where(1), "this is deleted: it is carried as entered in error, and is to be removed")
    return True


def _key(kind: str, number: Element | None, run: Run) -> tuple[str, ...]:
    if number is not None:
        owner = run.patient["id"] if run.patient is not None and "system" not in number else ""
        return (*identifier_key(number, run), owner, kind)
    return (run.sender, run.control_id, kind, str(run.count(kind)))
