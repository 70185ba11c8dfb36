"""Goal to the Goal Observation (4.121)."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.codes import ACT_CODE, LOINC_URI, SNOMED, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import low_high, ts_text
from transforms.fhir_to_ccda.datatypes.values import shown as shown_value
from transforms.fhir_to_ccda.datatypes.values import value_of
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comment,
    comments,
    observation,
    references,
    related,
    status,
    text_reference,
)
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

GOAL = (f"{T}121", "")
PROGRESS = (f"{T}110", "")
PRIORITY = (f"{T}143", "")

_STATUSES = {
    "proposed": "new",
    "planned": "new",
    "accepted": "active",
    "active": "active",
    "on-hold": "suspended",
    "completed": "completed",
    "cancelled": "cancelled",
    "rejected": "aborted",
}


@entry("Goal", home="goals")
def goal(resource: Node, row: Row, run: Run) -> Element | None:
    """The goal of a Goal: what is measured and what it should be, else what is described; None of one in error."""
    run.mark(resource)
    targets = resource.all("target")
    measured = next((each for each in targets if each.one("measure")), EMPTY)
    made = observation(GOAL, mood="GOL")
    made.extend(ids_of(resource, run))
    described = resource.one("description")
    made.append(cd_of(measured.one("measure") or described, run, prefer=(LOINC_URI,)))
    made.append(text_reference(row))
    state = resource.text("lifecycleStatus")
    if state == "rejected":
        made.set("negationInd", "true")
    made.append(status(_STATUSES.get(state, "active")))
    start = ts_text(resource, "startDate", run)
    due = next((time for each in targets if (time := ts_text(each, "dueDate", run))), "")
    if start or due:
        made.append(low_high(start, due, kind="IVL_TS"))
    if measured:
        value = value_of(measured, run, "detail")
        made.extend([value] if value is not None else [])
        text = shown(described)
        if text and text != shown(measured.one("measure")):
            made.append(related("SUBJ", comment(text, row, run), inverted=True))
        described.pass_over(*described.names())
    made.extend(authors(resource, run, ("expressedBy", "statusDate")))
    made.extend(_relations(resource, row, run))
    for each in targets:
        if each is not measured:
            row.tell("Target", shown(each.one("measure")), shown_value(each, "detail"))
    row.tell("Goal", shown(described))
    row.tell("Target", f"{shown(measured.one('measure'))} {shown_value(measured, 'detail')}".strip())
    row.tell("Due", next((each.peek("dueDate") for each in targets if each.has("dueDate")), ""))
    row.tell("Status", state)
    return made


def _relations(resource: Node, row: Row, run: Run) -> list[Element]:
    made = []
    reached = resource.one("achievementStatus")
    if reached:
        row.tell("Progress", shown(reached))
        one = observation(PROGRESS)
        one.append(make("id", root=run.uuid("progress", run.own_id(resource))))
        one.append(coded("code", "ASSERTION", ACT_CODE))
        one.append(status())
        one.append(cd_of(reached, run, "value", kind="CD"))
        made.append(related("REFR", one))
    priority = resource.one("priority")
    if priority:
        row.tell("Priority", shown(priority))
        one = observation(PRIORITY)
        one.append(make("id", root=run.uuid("priority", run.own_id(resource))))
        one.append(coded("code", "225773000", SNOMED, "Preference"))
        one.append(cd_of(priority, run, "value", kind="CD"))
        made.append(related("REFR", one))
    made += comments(resource, row, run)
    return made + references(resource, run, "addresses", "outcomeReference")
