"""Which function writes the entries of which resources, by the section they are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.element import Element
from transforms.fhir_to_ccda.entries.allergies import allergy
from transforms.fhir_to_ccda.entries.medications import medication
from transforms.fhir_to_ccda.entries.problems import problem_concern
from transforms.fhir_to_ccda.entries.results import report, single
from transforms.fhir_to_ccda.entries.vitals import by_time, is_vital, vitals
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run
from transforms.fhir_to_ccda.section import Section

Writer = Callable[[Node, Row, Run], Element | None]

WRITERS: Mapping[str, Writer] = {
    "AllergyIntolerance": allergy,
    "Condition": problem_concern,
    "MedicationRequest": medication,
    "MedicationStatement": medication,
    "MedicationAdministration": medication,
    "MedicationDispense": medication,
}
"""What writes the entry of a resource of that type, whatever the section."""


def write(resources: list[Node], section: Section, run: Run) -> None:
    """Write the entries of `resources` into `section`, once each; what has no writer is told."""
    fresh = [each for each in resources if each.path not in run.done]
    vital = [each for each in fresh if section.kind.key == "vitals" and each.peek("resourceType") == "Observation"]
    for each in fresh:
        if each.path in run.done:
            continue
        kind = each.peek("resourceType")
        if any(each is one for one in vital):
            _write_vitals(vital, section, run)
        elif kind == "Observation":
            section.add(single(each, section.row, run))
        elif kind == "DiagnosticReport":
            section.add(report(each, section.row, run))
        elif kind in WRITERS:
            row = section.row(each)
            section.add(WRITERS[kind](each, row, run), row)
        else:
            what = f"no entry of this section tells of this {kind[:30]}; it is left out"
            run.tell(NOT_CARRIED, each.path, what)


def _write_vitals(resources: list[Node], section: Section, run: Run) -> None:
    for group in by_time([each for each in resources if is_vital(each)], run):
        section.add(vitals(group, section.row, run))
    for each in resources:
        if each.path not in run.done:
            section.add(single(each, section.row, run))
