"""nullFlavor to data-absent-reason."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element
from transforms.elements import absent

ABSENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


_DISPLAYS = {
    "asked-unknown": "Asked But Unknown",
    "temp-unknown": "Temporarily Unknown",
    "not-asked": "Not Asked",
    "negative-infinity": "Negative Infinity (NINF)",
    "positive-infinity": "Positive Infinity (PINF)",
    "not-applicable": "Not Applicable",
}
"""How reasons are shown whose code is not one word."""


def reason(null: str) -> str:
    """The code of data-absent-reason for a nullFlavor; `unknown` for one that the map does not have."""
    return concept_map("CF-NullFlavorDataAbsentReason").code(null) or "unknown"


def absent_for(null: str) -> Element:
    """What stands beside an element that is absent for that nullFlavor."""
    return absent(reason(null))


def absent_concept(null: str) -> Element:
    """The CodeableConcept of a code that must not be missing and is, for that nullFlavor (or for no stated reason)."""
    code = reason(null)
    return {"coding": [{"system": ABSENT_SYSTEM, "code": code, "display": _DISPLAYS.get(code, code.capitalize())}]}
