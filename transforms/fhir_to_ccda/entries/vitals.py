"""Vital signs to the Vital Signs Organizer (4.26) and the Vital Sign Observation (4.27)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, SNOMED, coded
from transforms.fhir_to_ccda.datatypes.times import onset_of, time_of
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import T, left_out, status
from transforms.fhir_to_ccda.entries.results import Rows, members, result
from transforms.fhir_to_ccda.run import Run

ORGANIZER = (f"{T}26", "2015-08-01")
OBSERVATION = (f"{T}27", "2014-06-09")

_DONE = ("final", "amended", "corrected", "")


def is_vital(resource: Node) -> bool:
    """Whether the template can say this Observation: a quantity that stands, or parts that are quantities."""
    if resource.peek("status") not in _DONE:
        return False
    holders = [resource, *resource.all("component")]
    kinds = {each.choice("value") for each in holders}
    return kinds <= {"valueQuantity", ""} and not any(each.one("valueQuantity").has("comparator") for each in holders)


def by_time(resources: list[Node], run: Run) -> list[list[Node]]:
    """The observations of each time together, in the order in which the times first occur."""
    groups: dict[tuple[str, ...], list[Node]] = {}
    for each in members(resources, run):
        groups.setdefault((*onset_of(each, "effective", run), each.choice("effective")), []).append(each)
    return list(groups.values())


def vitals(group: list[Node], rows: Rows, run: Run) -> Element | None:
    """The organizer of the vital signs of one time; None where all of them were entered in error."""
    made = make("organizer", *templates(ORGANIZER), classCode="CLUSTER", moodCode="EVN")
    made.append(make("id", root=run.uuid("vitals", *(run.own_id(each) for each in group))))
    code = coded("code", "46680005", SNOMED, "Vital Signs")
    code.append(coded("translation", "74728-7", LOINC, "Vital signs"))
    made.append(code)
    made.append(status())
    made.append(time_of(group[0], "effective", run))
    parts: list[Element] = []
    for each in group:
        if left_out(each, "status", run):
            continue
        run.mark(each)
        if each.choice("value") or not (each.has("component") or each.has("hasMember")):
            parts.append(_one(each, rows, run))
        parts += [_one(each, rows, run, part) for part in each.all("component")]
    made.extend([make("component", each) for each in parts])
    return made if parts else None


def _one(resource: Node, rows: Rows, run: Run, part: Node | None = None) -> Element:
    made = result(resource, rows(resource), run, part, template=OBSERVATION)
    value = next(each for each in made if str(each.tag).endswith("}value"))
    if not str(value.get("{http://www.w3.org/2001/XMLSchema-instance}type", "")).endswith("PQ"):
        made.replace(value, null("value", value.get("nullFlavor", "UNK"), kind="PQ"))
    elif value.get("value") and not value.get("unit"):
        value.set("unit", "1")  # what a PQ without a unit means (data types, PQ.unit); the template wants it said
    return made
