"""Observation of function and mind: Functional Status (4.67), Mental Status (4.74), or an assessment scale (4.69)."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, LOINC_URI, SNOMED, SNOMED_URI, has_code
from transforms.fhir_to_ccda.element import Element
from transforms.fhir_to_ccda.entries.common import T
from transforms.fhir_to_ccda.entries.observations import DONE, child, observed
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import Run

FUNCTIONAL = (f"{T}67", "2014-06-09")
SCALE = (f"{T}69", "")
MENTAL = (f"{T}74", "2015-08-01")


@entry("Observation", sections=("functional",))
def functional_status(resource: Node, row: Row, run: Run) -> Element | None:
    """The functional status that an Observation says; None of one entered in error."""
    if resource.peek("status") not in DONE:
        return observed(resource, row, run, None)
    if resource.has("component") or resource.has("hasMember"):
        return observed(resource, row, run, SCALE)
    in_loinc = any(each.peek("system") == LOINC_URI for each in resource.one("code").all("coding"))
    return observed(resource, row, run, FUNCTIONAL if in_loinc else SCALE)


@entry("Observation", sections=("mental",))
def mental_status(resource: Node, row: Row, run: Run) -> Element | None:
    """The mental status that an Observation says; None of one entered in error."""
    if resource.peek("status") not in DONE:
        return observed(resource, row, run, None)
    code = resource.one("code")
    if has_code(code, SNOMED_URI, "373930000") and has_code(code, LOINC_URI, "75275-8"):
        made = observed(resource, row, run, MENTAL)
        _lead_with_snomed(made)
        return made
    return observed(resource, row, run, SCALE)


def _lead_with_snomed(made: Element) -> None:
    """Put SNOMED CT's code first and LOINC's beside it (CONF 1198-14591, 32788)."""
    code = child(made, "code")
    for each in code:
        if each.get("codeSystem") == SNOMED and code.get("codeSystem") == LOINC:
            kept = dict(code.attrib)
            code.attrib.clear()
            code.attrib.update(dict(each.attrib))
            each.attrib.clear()
            each.attrib.update(kept)
            return
