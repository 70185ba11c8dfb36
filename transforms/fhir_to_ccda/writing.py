"""The entries of a section, each resource once."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.entries.results import report, single
from transforms.fhir_to_ccda.entries.vitals import by_time, is_vital, vitals
from transforms.fhir_to_ccda.registry import writer_of
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run
from transforms.fhir_to_ccda.section import Section


def write(resources: list[Node], section: Section, run: Run) -> None:
    """Write the entries of `resources` into `section`, once each; what has no writer is told."""
    fresh = [each for each in resources if each.path not in run.done]
    key = run.section = section.kind.key
    vital = [each for each in fresh if key == "vitals" and each.peek("resourceType") == "Observation"]
    for each in fresh:
        if each.path in run.done:
            continue
        kind = each.peek("resourceType")
        writer = writer_of(kind, key)
        if any(each is one for one in vital):
            _write_vitals(vital, section, run)
        elif writer is not None:
            row = section.row(each)
            section.add(writer(each, row, run), row)
        elif kind == "Observation":
            section.add(single(each, section.row, run))
        elif kind == "DiagnosticReport":
            section.add(report(each, section.row, run))
        else:
            what = f"no entry of this section tells of this {kind[:30]}; it is left out"
            run.tell(NOT_CARRIED, each.path, what)


def _write_vitals(resources: list[Node], section: Section, run: Run) -> None:
    for group in by_time([each for each in resources if is_vital(each)], run):
        section.add(vitals(group, section.row, run))
    for each in resources:
        if each.path not in run.done:
            section.add(single(each, section.row, run))
