"""Condition in the sections of a stay: what it was taken in for (4.34), and what it was let go with (4.33)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, coded
from transforms.fhir_to_ccda.element import Element, make
from transforms.fhir_to_ccda.entries.common import T, act, related
from transforms.fhir_to_ccda.entries.problems import problem
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

DISCHARGE = (f"{T}33", "2015-08-01")
ADMISSION = (f"{T}34", "2015-08-01")


@entry("Condition", sections=("discharge_diagnosis",))
def discharge_diagnosis(resource: Node, row: Row, run: Run) -> Element | None:
    """The Hospital Discharge Diagnosis of a Condition."""
    return _wrapped(resource, row, run, DISCHARGE, "11535-2", "Hospital discharge diagnosis")


@entry("Condition", sections=("admission_diagnosis",))
def admission_diagnosis(resource: Node, row: Row, run: Run) -> Element | None:
    """The Hospital Admission Diagnosis of a Condition."""
    return _wrapped(resource, row, run, ADMISSION, "46241-6", "Admission diagnosis")


def _wrapped(resource: Node, row: Row, run: Run, template: tuple[str, str], code: str, display: str) -> Element | None:
    inner = problem(resource, row, run)
    if inner is None:
        return None
    made = act(template)
    made.append(make("id", root=run.uuid("diagnosis", run.own_id(resource))))
    made.append(coded("code", code, LOINC, display))
    made.append(related("SUBJ", inner))
    return made
