"""What questions and scales are about: the categories of US Core beside FHIR's own."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import US_CORE_CATEGORY
from transforms.ccda_to_fhir.run import Run
from transforms.elements import append, coded

FUNCTIONAL, COGNITIVE, DISABILITY, SOCIAL_NEEDS = (
    "functional-status",
    "cognitive-status",
    "disability-status",
    "sdoh",
)
FUNCTIONAL_SECTION = "47420-5"
MENTAL_SECTION = "10190-7"
_NAMES = {SOCIAL_NEEDS: "SDOH"}
_SECTIONS = {FUNCTIONAL_SECTION: FUNCTIONAL, MENTAL_SECTION: COGNITIVE}
_TEMPLATES = {
    "2.16.840.1.113883.10.20.22.4.66": FUNCTIONAL,
    "2.16.840.1.113883.10.20.22.4.67": FUNCTIONAL,
    "2.16.840.1.113883.10.20.22.4.74": COGNITIVE,
    "2.16.840.1.113883.10.20.22.4.75": COGNITIVE,
    "2.16.840.1.113883.10.20.22.4.505": DISABILITY,
}
_CODES = {
    **dict.fromkeys(("69856-3", "69857-1", "69858-9", "69859-7", "69860-5", "69861-3", "89571-4"), DISABILITY),
    **dict.fromkeys(("88121-9", "88122-7", "88123-5", "88124-3"), SOCIAL_NEEDS),  # Hunger Vital Sign
    **dict.fromkeys(("93025-5", "71802-3", "93033-9", "93030-5", "76513-1"), SOCIAL_NEEDS),  # PRAPARE
    **dict.fromkeys(("96777-8", "96778-6", "96779-4"), SOCIAL_NEEDS),  # Accountable Health Communities
}
"""Questions and scales in LOINC that are known to ask for disabilities, or for what social care is needed."""


def subject_of(observation: Node, run: Run) -> str:
    """The category of what an observation is about: by its code, by what it is within, by its section; else ""."""
    here: Node | None = observation
    while here is not None and here.name != "section":
        code = here.get("code") if here.name in ("observation", "organizer") else None
        found = _CODES.get(code.peek("code")) if code is not None else None
        found = found or next((_TEMPLATES[each] for each in _templates(here) if each in _TEMPLATES), None)
        if found is not None:
            return found
        here = here.parent
    return _SECTIONS.get(run.section_code, "")


def put_subject(resource: Resource, category: str) -> None:
    """Put what an observation is about into it as a category of US Core's."""
    if category:
        name = _NAMES.get(category) or category.replace("-", " ").title()
        append(resource, "category", coded(US_CORE_CATEGORY, category, name))


def _templates(node: Node) -> tuple[str, ...]:
    return node.template_ids if node.name in ("observation", "organizer") else ()
