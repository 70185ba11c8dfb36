"""Observation to an observation of any template, its parts and members within it."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.element import Element, local
from transforms.fhir_to_ccda.entries.common import related
from transforms.fhir_to_ccda.entries.results import result
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.standing import left_out

DONE = ("final", "amended", "corrected", "")
"""The statuses that a template can say which knows only what is completed."""
_DEEPEST = 8


def observed(resource: Node, row: Row, run: Run, template: tuple[str, str] | None, depth: int = 0) -> Element:
    """The observation that an Observation is, of `template` or of none; its parts and members are its components."""
    empty = not resource.choice("value") and (resource.has("component") or resource.has("hasMember"))
    made = result(resource, row, run, template=template, empty=empty and not resource.has("dataAbsentReason"))
    for part in resource.all("component"):
        made.append(related("COMP", result(resource, row, run, part, template=None)))
    for reference in resource.all("hasMember") if depth < _DEEPEST else ():
        member = run.resolve(reference)
        is_new = member.peek("resourceType") == "Observation" and member.path not in run.done
        if is_new and not left_out(member, run):
            made.append(related("COMP", observed(member, row, run, None, depth + 1)))
    return made


def child(made: Element, name: str) -> Element:
    """The first child of that name, which there is."""
    return next(each for each in made if local(each) == name)


def swap(made: Element, name: str, other: Element) -> None:
    """Put `other` where the first child of that name is."""
    made.replace(child(made, name), other)
