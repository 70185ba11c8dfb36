"""What is ordered, planned or proposed: ServiceRequest, CarePlan and Appointment (4.39 to 4.41, 4.140)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import SNOMED_URI, attributes_of, cd_of, has_code, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of, time_of, ts_text
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    INSTRUCTION,
    T,
    act,
    authors,
    comment,
    comments,
    indications,
    not_carried,
    performers,
    references,
    related,
    status,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.entries.places import place_of
from transforms.fhir_to_ccda.narrative import Row, reference
from transforms.fhir_to_ccda.parties import participant_of, party_of, performer_of
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.xhtml import plain

PLANNED_ACT = (f"{T}39", "2014-06-09")
PLANNED_PROCEDURE = (f"{T}41", "2014-06-09")
REFERRAL = (f"{T}140", "")

MOODS = {
    "proposal": "PRP",
    "plan": "INT",
    "directive": "RQO",
    "order": "RQO",
    "original-order": "RQO",
    "reflex-order": "RQO",
    "filler-order": "RQO",
    "instance-order": "RQO",
    "option": "PRP",
}
"""How firm a request is, as a mood."""
STATUSES = {
    "draft": "new",
    "active": "active",
    "on-hold": "suspended",
    "revoked": "aborted",
    "completed": "completed",
    "cancelled": "cancelled",
    "stopped": "aborted",
    "not-started": "new",
    "scheduled": "active",
    "in-progress": "active",
}
_ASKED_FOR = ("proposed", "pending", "waitlist")
"""The statuses of an appointment that nobody has given yet."""
_PRIORITIES = {"routine": "R", "urgent": "UR", "asap": "A", "stat": "S"}
_PRIORITY_SYSTEM = "2.16.840.1.113883.5.7"


@entry("ServiceRequest")
def service_request(resource: Node, row: Row, run: Run) -> Element | None:
    """The planned procedure of a ServiceRequest, negated where it must not be done; None of one entered in error."""
    if _is_education(resource) and resource.peek("status") == "completed":
        return _instruction(resource, row, run)
    return _request(resource, row, run, "procedure", "PROC", PLANNED_PROCEDURE)


def _is_education(resource: Node) -> bool:
    """Whether a request is to teach the patient something (SNOMED CT, education)."""
    return any(has_code(each, SNOMED_URI, "409073007") for each in resource.all("category"))


def _instruction(resource: Node, row: Row, run: Run) -> Element:
    """The Instruction (4.20) that a request to teach is."""
    run.mark(resource)
    made = act(INSTRUCTION, mood="INT")
    forbidden = resource.text("doNotPerform") == "true"
    if forbidden:
        made.set("negationInd", "true")
    resource.text("intent")
    resource.pass_over("category")
    made.extend(ids_of(resource, run))
    made.append(cd_of(resource.one("code"), run))
    said = resource.text("patientInstruction")
    made.append(reference("text", row.anchor("Instruction", said)) if said else text_reference(row))
    made.append(status(resource.text("status")))
    if resource.choice("occurrence") in ("occurrenceDateTime", "occurrencePeriod"):
        made.append(time_of(resource, "occurrence", run, kind="IVL_TS"))
    made.extend(performers(resource, run, "performer", ""))
    made.extend(authors(resource, run, ("requester", "authoredOn")))
    made.extend(indications(resource, row, run))
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "encounter", "basedOn"))
    row.tell("Instruction", ("do not: " if forbidden else "") + shown(resource.one("code")))
    return made


@entry("ServiceRequest", sections=("referral",))
def referral(resource: Node, row: Row, run: Run) -> Element | None:
    """The Patient Referral Act of a ServiceRequest that stands; of another state, a planned act of no template."""
    stands = resource.peek("status") == "active" and resource.peek("intent") != "option"
    made = _request(resource, row, run, "act", "PCPR", REFERRAL if stands else None)
    if not any(str(each.tag).endswith("}effectiveTime") for each in made):
        made.append(null("effectiveTime"))
    return made


def _request(resource: Node, row: Row, run: Run, name: str, cls: str, template: tuple[str, str] | None) -> Element:
    run.mark(resource)
    state = resource.text("status")
    forbidden = resource.text("doNotPerform") == "true"
    made = make(name, classCode=cls, moodCode=MOODS.get(resource.text("intent"), "INT"))
    made.extend(templates(template) if template is not None else [])
    if forbidden:
        made.set("negationInd", "true")
    made.extend(ids_of(resource, run))
    if not resource.one("code"):
        run.gap(f"{resource.path}.code", "what is requested")
    made.append(cd_of(resource.one("code"), run))
    made.append(text_reference(row))
    made.append(status(STATUSES[state]) if state in STATUSES else null("statusCode"))
    if resource.choice("occurrence") in ("occurrenceDateTime", "occurrencePeriod"):
        made.append(time_of(resource, "occurrence", run, kind="IVL_TS"))
    priority = _PRIORITIES.get(resource.text("priority"))
    if priority:
        made.append(make("priorityCode", code=priority, codeSystem=_PRIORITY_SYSTEM))
        row.tell("Priority", resource.peek("priority"))
    if name == "procedure":
        made.extend([cd_of(each, run, "targetSiteCode") for each in resource.all("bodySite")])
    made.extend(performers(resource, run, "performer", ""))
    made.extend(authors(resource, run, ("requester", "authoredOn")))
    for each in resource.all("locationReference"):
        place = place_of(each, run)
        if place is not None:
            made.append(place)
    made.extend(indications(resource, row, run))
    for concept in (*resource.all("orderDetail"), *resource.all("locationCode"), *resource.all("performerType")):
        made.append(related("SUBJ", comment(shown(concept), row, run), inverted=True))
        concept.pass_over(*concept.names())
    if resource.text("patientInstruction"):
        text = resource.text("patientInstruction")
        made.append(related("SUBJ", comment(text, row, run), inverted=True))
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "encounter", "basedOn", "replaces", "supportingInfo", "specimen"))
    row.tell("Planned", ("do not: " if forbidden else "") + shown(resource.one("code")))
    row.tell("Time", told_time(resource, "occurrence"))
    row.tell("Status", state if state != "active" else "")
    return made


@entry("CarePlan", home="plan")
def care_plan(resource: Node, row: Row, run: Run) -> Element | None:
    """The planned act of a CarePlan, its activities within it; None of one entered in error."""
    run.mark(resource)
    state = resource.text("status")
    mood = MOODS.get(resource.text("intent"), "INT")
    made = make("act", classCode="ACT", moodCode=mood)
    made.extend(templates(PLANNED_ACT) if state == "active" else [])
    made.extend(ids_of(resource, run))
    kinds = resource.all("category")
    made.append(cd_of(kinds[0], run) if kinds else null("code"))
    for each in kinds[1:]:
        made[-1].extend([make("translation", **attributes_of(one, run)) for one in each.all("coding")])
    text = resource.text("title"), resource.text("description"), plain(resource.one("text").text("div"))
    row.tell("Planned", *filter(None, text))
    made.append(text_reference(row))
    made.append(status(STATUSES[state]) if state in STATUSES else null("statusCode"))
    low, high = period_of(resource.one("period"), run)
    if low or high:
        made.append(low_high(low, high, kind="IVL_TS"))
    made.extend(authors(resource, run, ("author", "created")))
    for each in resource.all("contributor"):
        made.append(participant_of(party_of(each, run), run, "PART"))
    for activity in resource.all("activity"):
        made.extend(_activity(activity, row, run, resource))
    made.extend(references(resource, run, "addresses", kind="RSON"))
    made.extend(
        references(resource, run, "encounter", "goal", "basedOn", "replaces", "partOf", "supportingInfo", "careTeam")
    )
    made.extend(comments(resource, row, run))
    row.tell("Status", state if state != "active" else "")
    row.tell("Period", told_time(resource, "period"))
    return made


def _activity(activity: Node, row: Row, run: Run, plan: Node) -> list[Element]:
    made = references(activity, run, "reference", "outcomeReference")
    detail = activity.one("detail")
    if detail.peek("status") == "entered-in-error":
        not_carried(detail, run, "this was entered in error; the document does not tell of it")
    elif detail:
        forbidden = detail.text("doNotPerform") == "true"
        one = make("act", classCode="ACT", moodCode="INT", negationInd="true" if forbidden else "")
        state = detail.text("status")
        one.append(make("id", root=run.uuid("activity", activity.path.rpartition(".")[2], run.own_id(plan))))
        one.append(cd_of(detail.one("code"), run))
        said = detail.text("description") or shown(detail.one("code"))
        one.append(status(STATUSES[state]) if state in STATUSES else null("statusCode"))
        if detail.choice("scheduled") == "scheduledPeriod":
            one.append(time_of(detail, "scheduled", run, kind="IVL_TS"))
        if said:
            said = f"do not: {said}" if forbidden else said
            one.append(make("text", make("reference", value=f"#{row.anchor('Planned', said)}")))
        made.append(related("COMP", one))
    for each in activity.all("progress"):
        made.append(related("SUBJ", comment(each.text("text"), row, run, each), inverted=True))
    return made


@entry("Appointment", home="plan")
def appointment(resource: Node, row: Row, run: Run) -> Element | None:
    """The planned encounter of an Appointment; None of one entered in error."""
    run.mark(resource)
    state = resource.text("status")
    made = make("encounter", classCode="ENC", moodCode="ARQ" if state in _ASKED_FOR else "APT")
    made.extend(templates((f"{T}40", "2014-06-09")))
    made.extend(ids_of(resource, run))
    kinds = [*resource.all("serviceType"), *resource.all("appointmentType")]
    made.append(cd_of(kinds[0], run) if kinds else null("code"))
    made.append(text_reference(row))
    ended = {"cancelled": "cancelled", "noshow": "cancelled", "fulfilled": "completed"}
    made.append(status(ended.get(state, "active")))
    low, high = ts_text(resource, "start", run), ts_text(resource, "end", run)
    made.append(low_high(low, high, kind="IVL_TS") if low or high else null("effectiveTime"))
    for each in resource.all("participant"):
        actor = each.one("actor")
        found = run.find(actor)
        if found.peek("resourceType") == "Location":
            place = place_of(actor, run)
            made.extend([place] if place is not None else [])
        elif found is not run.patient and actor:
            made.append(performer_of(party_of(actor, run), run))
    made.extend(indications(resource, row, run))
    for name in ("description", "comment", "patientInstruction"):
        if resource.text(name):
            made.append(related("SUBJ", comment(resource.text(name), row, run), inverted=True))
    made.extend(references(resource, run, "basedOn"))
    row.tell("Planned", shown(kinds[0]) if kinds else "Appointment")
    row.tell("Time", told_time(resource, "start"))
    row.tell("Status", state)
    return made
