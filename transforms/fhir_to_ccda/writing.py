"""The entries of a section, each resource once."""

from __future__ import annotations

from transforms.ccda_to_fhir.extensions import RELATED
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.element import Element, local, make
from transforms.fhir_to_ccda.entries.common import related
from transforms.fhir_to_ccda.entries.observations import observed
from transforms.fhir_to_ccda.entries.results import report, single
from transforms.fhir_to_ccda.entries.vitals import by_time, is_measured, is_panel, panel, vitals
from transforms.fhir_to_ccda.registry import writer_of
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run
from transforms.fhir_to_ccda.section import Section
from transforms.fhir_to_ccda.standing import left_out

_WRAPPERS = frozenset(("CONC", "11535-2", "46241-6", "10183-2", "42346-7", "75310-3"))
"""Codes of acts that only wrap a statement."""
_DEEPEST = 8


def write(resources: list[Node], section: Section, run: Run) -> None:
    """Write the entries of `resources` into `section`, once each; what has no writer is told."""
    fresh = [each for each in resources if each.path not in run.done]
    key = run.section = section.kind.key
    vital = [each for each in fresh if key == "vitals" and each.peek("resourceType") == "Observation"]
    vital_paths = {each.path for each in vital}
    for each in fresh:
        if each.path in run.done:
            continue
        kind = each.peek("resourceType")
        writer = writer_of(kind, key)
        if each.path in vital_paths:
            _write_vitals(vital, section, run)
        elif writer is not None:
            row = section.row(each)
            made = writer(each, row, run)
            section.add(made, row)
            if made is not None:
                attach(made, each, section, run)
        elif kind == "Observation" and key != "results":
            if not left_out(each, run):
                made = observed(each, section.row(each), run, None)
                section.add(made)
                attach(made, each, section, run)
        elif kind == "Observation":
            section.add(single(each, section.row, run))
        elif kind == "DiagnosticReport":
            section.add(report(each, section.row, run))
        else:
            what = f"no entry of this section tells of this {kind[:30]}; it is left out"
            run.tell(NOT_CARRIED, each.path, what)


def attach(entry: Element, owner: Node, section: Section, run: Run, depth: int = 0) -> None:
    """Put what a resource says is related to it (the way to FHIR found it within its entry) into that entry."""
    into = _main(entry)
    for extension in owner.extensions(RELATED):
        found = run.resolve(extension.one("valueReference"))
        kind = found.peek("resourceType")
        if not found or found.path in run.done or depth > _DEEPEST:
            continue
        writer = writer_of(kind, section.kind.key)
        row = section.row(found)
        if writer is not None:
            made = writer(found, row, run)
        elif kind == "Observation" and not left_out(found, run):
            made = observed(found, row, run, None)
        else:
            continue
        if made is not None:
            into.append(make("component", made) if local(into) == "organizer" else related("REFR", made))
            attach(made, found, section, run, depth + 1)


def _main(entry: Element) -> Element:
    """The statement that an entry is about: that within an act that only wraps it."""
    inner = [each for each in entry if local(each) == "entryRelationship" and each.get("typeCode") in ("SUBJ", "REFR")]
    wraps = any(local(each) == "code" and each.get("code") in _WRAPPERS for each in entry)
    return next(iter(inner[0])) if wraps and inner and local(entry) == "act" else entry


def _write_vitals(resources: list[Node], section: Section, run: Run) -> None:
    for each in resources:
        if each.path not in run.done and is_panel(each, run):
            made = panel(each, section.row, run)
            section.add(made)
            if made is not None:
                attach(made, each, section, run)
    alone = [each for each in resources if each.path not in run.done and is_measured(each)]
    for group in by_time(alone, run):
        section.add(vitals(group, section.row, run))
    for each in resources:
        if each.path not in run.done:
            section.add(single(each, section.row, run))
