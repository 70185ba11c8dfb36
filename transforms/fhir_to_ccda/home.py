"""Which section tells of a resource, where no Composition says so."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.registry import home_by_type
from transforms.fhir_to_ccda.run import Run

_BY_CATEGORY = {
    "vital-signs": "vitals",
    "laboratory": "results",
    "imaging": "results",
    "social-history": "social",
    "sdoh": "social",
    "functional-status": "functional",
    "cognitive-status": "mental",
    "survey": "social",
}
_VITAL_CODES = frozenset(
    [
        "85353-1",
        "9279-1",
        "8867-4",
        "2708-6",
        "59408-5",
        "8310-5",
        "8302-2",
        "8306-3",
        "8287-5",
        "29463-7",
        "3141-9",
        "39156-5",
        "3140-1",
        "85354-9",
        "8480-6",
        "8462-4",
        "9843-4",
        "59576-9",
        "77606-2",
        "8289-1",
    ]
)
"""Vital signs by LOINC (US Core; Vital Sign Result Type)."""
_REFERRALS = frozenset(("3457005", "306206005", "44383000", "103696004", "306252003", "103697008", "REF"))
_DIRECTIVES = frozenset(("adr", "acd", "dnr", "42348-3", "75320-2"))
_LOINC = "http://loinc.org"


def home_of(resource: Node) -> str:
    """The key of the kind of section that tells of a resource; "" where none does."""
    kind = resource.peek("resourceType")
    if kind == "Observation":
        return _of_observation(resource)
    if kind == "Condition":
        return _of_condition(resource)
    if kind == "Encounter" and resource.peek("status") == "planned":
        return "plan"
    if kind == "ServiceRequest":
        return "referral" if _is_referral(resource) else "plan"
    if kind == "Consent":
        return "directives" if _is_directive(resource) else ""
    if kind == "DiagnosticReport":
        return "results"
    return home_by_type(kind)


def _is_referral(resource: Node) -> bool:
    """Whether a ServiceRequest sends the patient to somebody (SNOMED CT, referral)."""
    concepts = (*resource.all("category"), resource.one("code"))
    return any(each.peek("code") in _REFERRALS for concept in concepts for each in concept.all("coding"))


def _is_directive(resource: Node) -> bool:
    """Whether a Consent is an advance directive."""
    concepts = (resource.one("scope"), *resource.all("category"))
    return any(each.peek("code") in _DIRECTIVES for concept in concepts for each in concept.all("coding"))


def at_discharge(resource: Node, key: str, run: Run) -> str:
    """The section of a Discharge Summary for a resource that `key` is the home of: by what it was to the stay."""
    if key == "medications" and "discharge" in categories_of(resource):
        return "discharge_medications"
    if key != "problems" or "encounter-diagnosis" not in categories_of(resource):
        return key
    for encounter in run.of_type("Encounter"):
        for each in encounter.all("diagnosis"):
            if run.refers(each.one("condition"), resource):
                uses = {one.peek("code") for one in each.one("use").all("coding")}
                return "admission_diagnosis" if "AD" in uses else "discharge_diagnosis"
    return "discharge_diagnosis"


def categories_of(resource: Node) -> set[str]:
    """The codes of a resource's categories; nothing is marked as read."""
    return {each.peek("code") for category in resource.all("category") for each in category.all("coding")}


def _of_observation(resource: Node) -> str:
    categories = categories_of(resource)
    for code, key in _BY_CATEGORY.items():
        if code in categories:
            return key
    codes = {each.peek("code") for each in resource.one("code").all("coding") if each.peek("system") == _LOINC}
    if codes & _VITAL_CODES:
        return "vitals"
    return "social" if codes & {"72166-2", "11367-0"} else "results"


def _of_condition(resource: Node) -> str:
    categories = categories_of(resource)
    if "health-concern" in categories and "problem-list-item" not in categories:
        return "concerns"
    return "problems"
