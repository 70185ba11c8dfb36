"""Visits, and what was found at them."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.encompassing import (
    put_discharge,
    put_kind,
    put_location,
    put_participant,
    put_span,
    service_delivery_location,
)
from transforms.ccda_to_fhir.entry import COMMENT, start, taken
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.reasons import put_reasons
from transforms.ccda_to_fhir.registry import template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, says_so, status_of
from transforms.ccda_to_fhir.templates.problems import encounter_diagnosis
from transforms.elements import CORE, add_extension, append, extension, put

NOTE = f"{CORE}note"
"""What stands for a note where R4 has no place for one."""
DIAGNOSIS = "2.16.840.1.113883.10.20.22.4.80"


@template(
    "2.16.840.1.113883.10.20.22.4.49",
    "2.16.840.1.113883.10.20.1.21",
    sections=[("46240-8", "encounter")],
    carries=["encounter"],
)
def encounter_activity(encounter: Node, run: Run) -> list[Resource]:
    """Encounter Activity: an Encounter, the header's where it is that."""
    resource = start("Encounter", encounter, run, profile="us-core-encounter")
    encounter.target = resource
    put_kind(resource, encounter.get("code"), run)
    put_span(resource, encounter, run)
    if is_negated(encounter) and status_of(encounter) != "nullified":
        resource["status"] = "cancelled"
    put(resource, "priority", codeable_concept(encounter.get("priorityCode"), run))
    put_discharge(resource, encounter.get("sdtc:dischargeDispositionCode"), run)
    for each in encounter.all("performer"):
        put_participant(resource, each, codeable_concept(each.get("sdtc:functionCode"), run), run)
    for each in encounter.all("participant"):
        role = each.get("participantRole")
        if each.attr("typeCode") == "LOC" and role is not None:
            put_location(resource, service_delivery_location(role, run))
    put_reasons(resource, encounter, run)
    for act in taken(encounter, resource, DIAGNOSIS, codes=("29308-4",), names=("act",)):
        for condition in encounter_diagnosis(act, run):
            if condition["resourceType"] != "Condition":
                continue
            condition["encounter"] = run.refer(resource)
            if says_so(condition):
                append(resource, "diagnosis", {"condition": run.refer(condition)})
    for act in taken(encounter, resource, COMMENT, codes=("48767-8",), names=("act",)):
        add_extension(resource, extension(NOTE, "valueAnnotation", {"text": text_of(act.get("text"), run) or "-"}))
    put_authors(resource, encounter, run, "", "")
    return [resource]
