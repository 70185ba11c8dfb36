"""Encounter to the Encounter Activity (4.49) and its diagnoses (4.80), or to a Planned Encounter (4.40)."""

from __future__ import annotations

from schemas.finding import Severity
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    act,
    authors,
    indications,
    references,
    related,
    status,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.entries.places import place_of
from transforms.fhir_to_ccda.entries.problems import problem
from transforms.fhir_to_ccda.header.encounter import encounter_code
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import party_of, performer_of
from transforms.fhir_to_ccda.parties import shown as shown_party
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import CHANGED, Run

ACTIVITY = (f"{T}49", "2015-08-01")
DIAGNOSIS = (f"{T}80", "2015-08-01")
PLANNED = (f"{T}40", "2014-06-09")

_STATUSES = {
    "in-progress": "active",
    "arrived": "active",
    "triaged": "active",
    "onleave": "suspended",
    "finished": "completed",
    "cancelled": "cancelled",
}
"""HL7's guide, CF-EncounterStatus, read backwards."""


@entry("Encounter", home="encounters")
def encounter(resource: Node, row: Row, run: Run) -> Element | None:
    """The encounter of an Encounter, in the mood of an intent where it is only planned; None of one in error."""
    run.mark(resource)
    state = resource.text("status")
    planned = state == "planned"
    made = make("encounter", classCode="ENC", moodCode="INT" if planned else "EVN")
    made.extend(templates(PLANNED if planned else ACTIVITY))
    made.extend(ids_of(resource, run))
    code = encounter_code(resource, run)
    made.append(null("code") if code is None else code)
    made.append(text_reference(row))
    if planned:
        made.append(status("active"))
    elif state in _STATUSES:
        made.append(status(_STATUSES[state]))
    if state in ("arrived", "triaged", "unknown"):
        run.tell(CHANGED, f"{resource.path}.status", "an act status says this less exactly", "", Severity.INFORMATION)
    low, high = period_of(resource.one("period"), run)
    made.append(low_high(low, high, ended=state == "finished"))
    if resource.one("priority"):
        made.append(cd_of(resource.one("priority"), run, "priorityCode"))
    disposition = resource.one("hospitalization").one("dischargeDisposition")
    if disposition and not planned:
        made.append(cd_of(disposition, run, "sdtc:dischargeDispositionCode"))
        row.tell("Discharged to", shown(disposition))
    made.extend(_performers(resource, row, run))
    made.extend(authors(resource, run))
    for each in resource.all("location"):
        place = place_of(each.one("location"), run, each.one("period"))
        if place is not None:
            row.tell("Place", shown_party(each.one("location"), run))
            made.append(place)
    made.extend(indications(resource, row, run))
    made.extend(_diagnoses(resource, row, run))
    made.extend(references(resource, run, "basedOn", "appointment", "partOf", "episodeOfCare"))
    for kind in resource.all("type") or [resource.one("class")]:
        row.tell("Encounter", shown(kind))
    row.tell("Period", told_time(resource, "period") or "")
    row.tell("Period", _period(resource.one("period")))
    row.tell("Status", state if state != "finished" else "")
    return made


def _period(period: Node) -> str:
    start, end = period.peek("start")[:16].replace("T", " "), period.peek("end")[:16].replace("T", " ")
    return f"{start} – {end}" if end else start


def _performers(resource: Node, row: Row, run: Run) -> list[Element]:
    made = []
    for each in resource.all("participant"):
        party = party_of(each.one("individual"), run)
        if party is None:
            continue
        kinds = each.all("type")
        function = cd_of(kinds[0], run, "sdtc:functionCode") if kinds else None
        one = performer_of(party, run, function=function)
        low, high = period_of(each.one("period"), run)
        if low or high:
            one.append(low_high(low, high, "time", "IVL_TS"))
        row.tell("With", shown_party(each.one("individual"), run))
        made.append(one)
    return made


def _diagnoses(resource: Node, row: Row, run: Run) -> list[Element]:
    """The diagnoses of an encounter; one that is on the problem list too is referred to."""
    made = []
    for each in resource.all("diagnosis"):
        condition = run.resolve(each.one("condition"))
        if condition.peek("resourceType") != "Condition" or condition.path in run.done:
            made += references(each, run, "condition")
            continue
        told = Row("none")
        observation = problem(condition, told, run)
        if observation is None:
            continue
        _refer(observation, row.mention("Diagnosis", shown(condition.one("code")) or "not named"))
        outer = act(DIAGNOSIS)
        outer.append(coded("code", "29308-4", LOINC, "Diagnosis"))
        outer.append(related("SUBJ", observation))
        made.append(related("SUBJ", outer))
    return made


def _refer(observation: Element, id: str) -> None:
    """Let a problem within another entry refer to its place in that entry's row."""
    for each in observation.iter("{urn:hl7-org:v3}reference"):
        each.set("value", f"#{id}")
