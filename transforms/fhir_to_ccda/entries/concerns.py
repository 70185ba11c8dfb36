"""Condition among the health concerns, to the Health Concern Act (4.132)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, coded
from transforms.fhir_to_ccda.datatypes.times import low_high, ts_text
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.entries.common import T, act, authors, related, status
from transforms.fhir_to_ccda.entries.problems import ended, problem
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

CONCERN = (f"{T}132", "2015-08-01")


@entry("Condition", sections=("concerns",))
def health_concern(resource: Node, row: Row, run: Run) -> Element | None:
    """The Health Concern Act of a Condition; None of one entered in error."""
    inner = problem(resource, row, run)
    if inner is None:
        return None
    over = ended(resource)
    made = act(CONCERN)
    made.append(make("id", root=run.uuid("concern", run.own_id(resource))))
    made.append(coded("code", "75310-3", LOINC, "Health Concern"))
    made.append(status("completed" if over else "active"))
    made.append(low_high(ts_text(resource, "recordedDate", run), "", kind="IVL_TS", ended=over))
    made.extend(authors(resource, run, ("recorder", "recordedDate")))
    made.append(related("REFR", inner))
    return made
