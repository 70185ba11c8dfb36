"""Small moves of whatever writes FHIR: put what is there, leave out what is not, say why it is absent."""

from __future__ import annotations

from typing import Any, TypeVar

from schemas.codes import Coding, has_code
from schemas.fhir import Element, Resource

CORE = "http://hl7.org/fhir/StructureDefinition/"
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
OWN = "urn:hie-engine:"
"""Our own: what FHIR has no place for and must find its way back."""

ALTERNATE_CODES = f"{CORE}alternate-codes"
DATA_ABSENT_REASON = f"{CORE}data-absent-reason"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"
NPI = "http://hl7.org/fhir/sid/us-npi"
URI = "urn:ietf:rfc:3986"
"""The system of an identifier whose value is a URI."""

_ABSENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_LOOKED_BACK = 100

T = TypeVar("T")


def put(element: Element, name: str, value: T | None) -> T | None:
    """Put `value` into `element` as `name` unless it is empty; gives it back."""
    if value not in (None, "", [], {}):
        element[name] = value
    return value


def append(element: Element, name: str, *values: Any) -> None:
    """Put each of `values` that is not empty into the list `name` of `element`, unless an equal one is there.

    Only the last hundred are looked at.
    """
    for value in values:
        if value in (None, "", [], {}):
            continue
        held = element.get(name)
        if held is None:
            element[name] = [value]
        elif not is_held(value, held):
            held.append(value)


def is_held(value: object, held: list[Any]) -> bool:
    """Whether an equal value is among the last hundred of a list: a message may have many thousands."""
    return value in (held if len(held) <= _LOOKED_BACK else held[-_LOOKED_BACK:])


def as_code(text: str) -> str:
    """`text` as FHIR writes a code: no space at its ends and none beside another (R4, 2.24.0.1)."""
    return text if text.isalnum() else " ".join(text.split())


def coded(system: str, code: str, display: str = "") -> Element:
    """A CodeableConcept of one code, which names its system where that has the code."""
    code = as_code(code)
    coding = {"system": system, "code": code} if has_code(system, code) else {"code": code}
    if display:
        coding["display"] = display
    return {"coding": [coding]}


def coding(found: Coding) -> Element:
    """The Coding of a code that a concept map gives."""
    element: Element = {}
    if found.system:
        element["system"] = found.system
    element["code"] = found.code
    if found.display:
        element["display"] = found.display
    return element


def extension(url: str, kind: str, value: object) -> Element:
    """An extension with a value of that kind: `extension(url, "valueString", "x")`."""
    return {"url": url, kind: value}


def add_extension(element: Element, *extensions: Element) -> None:
    """Put `extensions` into `element` behind those it has."""
    if extensions:
        element.setdefault("extension", []).extend(extensions)


def absent(reason: str) -> Element:
    """Why a required element is not there (code system data-absent-reason): `unknown`, `masked`, `unsupported`."""
    return {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": reason}]}


def unknown_concept() -> Element:
    """What stands for a code that must not be missing and that the source does not give."""
    return {"coding": [{"system": _ABSENT_SYSTEM, "code": "unknown", "display": "Unknown"}]}


def supply_patient(patient: Resource) -> None:
    """Say of what a US Core Patient must have, and this one has not, that it is not known; and that it is one."""
    patient.setdefault("meta", {})["profile"] = [f"{US_CORE}us-core-patient"]
    if "identifier" not in patient:
        patient["identifier"] = [absent("unknown")]
    supply(patient, "identifier", "system", "value")
    supply(patient, "telecom", "system", "value")
    if not any("family" in name or "given" in name for name in patient.get("name", [])):
        patient.setdefault("name", []).append(absent("unknown"))
    if "gender" not in patient:
        patient["gender"] = "unknown"


def supply(resource: Resource, name: str, *members: str) -> None:
    """Say of each of `members` that an element `name` of the resource does not have that it is not known."""
    for element in resource.get(name, []):
        for member in members:
            if member not in element and f"_{member}" not in element:
                element[f"_{member}"] = absent("unknown")
