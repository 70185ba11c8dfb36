"""Procedure to the Procedure Activity Procedure (4.14)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import CPT_URI, SNOMED_URI, cd_of, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import time_of
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    T,
    authors,
    comment,
    comments,
    indications,
    performers,
    reasons,
    references,
    related,
    status,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.entries.devices import device_participant
from transforms.fhir_to_ccda.entries.places import place_of
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.parties import assigned, party_of
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

PROCEDURE = (f"{T}14", "2014-06-09")

_STATUSES = {"completed": "completed", "in-progress": "active", "stopped": "aborted", "not-done": "cancelled"}
"""HL7's guide, FC-ProcedureStatus; the others have no act status."""


@entry("Procedure", home="procedures")
def procedure(resource: Node, row: Row, run: Run) -> Element | None:
    """The procedure of a Procedure: negated where it was not done; None of one entered in error."""
    run.mark(resource)
    state = resource.text("status")
    negated = state == "not-done"
    negation = "true" if negated else ""
    mood = "INT" if state in ("preparation", "on-hold") else "EVN"
    made = make("procedure", classCode="PROC", moodCode=mood, negationInd=negation)
    made.extend(templates(PROCEDURE) if mood == "EVN" else [])
    made.extend(ids_of(resource, run))
    if not resource.one("code"):
        run.gap(f"{resource.path}.code", "which procedure it is")
    made.append(cd_of(resource.one("code"), run, prefer=(SNOMED_URI, CPT_URI)))
    made.append(text_reference(row))
    made.append(status(_STATUSES[state]) if state in _STATUSES else null("statusCode", "OTH" if state else "UNK"))
    made.append(time_of(resource, "performed", run, kind="IVL_TS"))
    made.extend([cd_of(each, run, "targetSiteCode") for each in resource.all("bodySite")])
    made.extend(performers(resource, run))
    made.extend(authors(resource, run, ("recorder", "")))
    if resource.one("asserter"):
        made.append(make("informant", assigned(party_of(resource.one("asserter"), run), run)))
    place = place_of(resource.one("location"), run)
    if place is not None:
        made.append(place)
    for each in resource.all("focalDevice"):
        made.append(device_participant(run.resolve(each.one("manipulated")), run))
    used = [found for each in resource.all("usedReference") if (found := run.resolve(each))]
    made.extend([device_participant(each, run) for each in used if each.peek("resourceType") == "Device"])
    made.extend(indications(resource, row, run))
    made.extend(reasons(resource, row, run, "statusReason"))
    for name in ("outcome", "complication", "followUp"):
        for each in resource.all(name):
            made.append(related("SUBJ", comment(f"{name}: {shown(each)}", row, run), inverted=True))
    made.extend(comments(resource, row, run))
    made.extend(references(resource, run, "encounter", "basedOn", "partOf", "report"))
    row.tell("Procedure", ("not done: " if negated else "") + shown(resource.one("code")))
    row.tell("Time", told_time(resource, "performed"))
    row.tell("Status", state if state != "completed" else "")
    for each in resource.all("bodySite"):
        row.tell("Body site", shown(each))
    return made
