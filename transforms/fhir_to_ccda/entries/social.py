"""Observation in the Social History: smoking (4.78), tobacco (4.85), pregnancy (15.3.8), anything else (4.38)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import ACT_CODE, LOINC, LOINC_URI, coded, has_code
from transforms.fhir_to_ccda.element import Element, local, make, null
from transforms.fhir_to_ccda.entries.common import T
from transforms.fhir_to_ccda.entries.observations import DONE, child, observed, swap
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

SMOKING = (f"{T}78", "2014-06-09")
TOBACCO = (f"{T}85", "2014-06-09")
SOCIAL = (f"{T}38", "2015-08-01")
PREGNANCY = ("2.16.840.1.113883.10.20.15.3.8", "")


@entry("Observation", sections=("social",))
def social(resource: Node, row: Row, run: Run) -> Element | None:
    """The observation of the social history that an Observation is; None of one entered in error."""
    if resource.peek("status") not in DONE:
        return observed(resource, row, run, None)
    point = resource.choice("effective") == "effectiveDateTime"
    concept = resource.one("valueCodeableConcept")
    has_value = any(each.has("code") for each in concept.all("coding"))
    if has_code(resource.one("code"), LOINC_URI, "72166-2") and point and has_value:
        made = observed(resource, row, run, SMOKING)
        if child(made, "value").get("code"):
            return made
        return _as_social(made)
    if has_code(resource.one("code"), LOINC_URI, "11367-0") and has_value:
        return _since(observed(resource, row, run, TOBACCO))
    if has_code(resource.one("code"), LOINC_URI, "82810-3") and has_value:
        made = _since(observed(resource, row, run, PREGNANCY))
        swap(made, "code", coded("code", "ASSERTION", ACT_CODE))
        return made
    return _as_social(observed(resource, row, run, SOCIAL))


def _as_social(made: Element) -> Element:
    """What the template asks of a code that is not LOINC's: a translation (CONF 1198-32951)."""
    for each in list(made):
        if local(each) == "templateId":
            made.remove(each)
    for root, extension in (SOCIAL,):
        made[0:0] = [make("templateId", root=root), make("templateId", root=root, extension=extension)]
    code = child(made, "code")
    if code.get("codeSystem") != LOINC and not any(local(each) == "translation" for each in code):
        code.append(null("translation"))
    return made


def _since(made: Element) -> Element:
    """The time as one with a low, as the template has it."""
    time = child(made, "effectiveTime")
    if not len(time):
        value = time.get("value", "")
        swap(made, "effectiveTime", make("effectiveTime", make("low", value=value) if value else null("low")))
    return made
