"""Condition among the health concerns, to the Health Concern Act (4.132)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, coded
from transforms.fhir_to_ccda.element import Element
from transforms.fhir_to_ccda.entries.common import T
from transforms.fhir_to_ccda.entries.concern import concern
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
    code = coded("code", "75310-3", LOINC, "Health Concern")
    return concern(resource, inner, CONCERN, code, run, over=ended(resource), kind="REFR")
