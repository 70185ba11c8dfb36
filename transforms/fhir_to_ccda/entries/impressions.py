"""ClinicalImpression to an act of the assessment, its summary in the narrative."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.times import time_of
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.entries.common import authors, comments, references, status, text_reference
from transforms.fhir_to_ccda.narrative import Row, reference
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

_STATUSES = {"in-progress": "active", "completed": "completed"}


@entry("ClinicalImpression", home="assessment")
def impression(resource: Node, row: Row, run: Run) -> Element | None:
    """The act of a ClinicalImpression; None of one entered in error."""
    run.mark(resource)
    made = make("act", *ids_of(resource, run), classCode="ACT", moodCode="EVN")
    made.append(coded("code", "51848-0", LOINC, "Assessment"))
    summary = resource.text("summary") or resource.text("description")
    made.append(reference("text", row.anchor("Assessment", summary)) if summary else text_reference(row))
    state = resource.text("status")
    made.append(status(_STATUSES[state]) if state in _STATUSES else null("statusCode"))
    made.append(time_of(resource, "effective", run, kind="IVL_TS"))
    made.extend(authors(resource, run, ("assessor", "date")))
    for each in resource.all("finding"):
        row.tell("Findings", shown(each.one("itemCodeableConcept")))
        made.extend(references(each, run, "itemReference"))
    made.extend(references(resource, run, "encounter", "problem"))
    made.extend(comments(resource, row, run))
    row.tell("Time", resource.peek("date")[:10])
    return made
