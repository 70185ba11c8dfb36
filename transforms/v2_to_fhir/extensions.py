"""The URLs of the extensions that the maps write."""

from __future__ import annotations

from schemas.fhir import Element

CORE = "http://hl7.org/fhir/StructureDefinition/"
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
OWN = "urn:hie-engine:"
"""Our own: what FHIR has no place for and must find its way back."""

ALTERNATE_CODES = f"{CORE}alternate-codes"
DATA_ABSENT_REASON = f"{CORE}data-absent-reason"
V2_ELEMENT = f"{OWN}v2-element"
"""An element of the message that no map reads: `path` (`PV1-41`), and `value` as ER7 writes it."""
V2_TIME = f"{OWN}v2-time"
"""A time that FHIR cannot say: as the message writes it."""
V2_SYSTEM = f"{OWN}v2-coding-system"
"""The name of a coding system that has no URI."""
V2_TEXT = f"{OWN}v2-text"
"""What an element was made of, as ER7 writes it, where the element says less than that."""
VALUE_TYPE = f"{OWN}v2-value-type"
"""The data type of a result (OBX-2), where its value could as well be written in another."""
V2_FIELD = f"{OWN}v2-field"
"""The field that an element came from (`PID-4`), where several go into one list and nothing else tells them apart."""
ASSIGNING_FACILITY = f"{OWN}assigning-facility"
"""Where an identifier was assigned (CX.6): the guide asks for such an extension, and there is none yet."""


def kept_element(path: str, text: str) -> Element:
    """The extension that keeps the encoded text of the element at `path`."""
    return {
        "url": V2_ELEMENT,
        "extension": [extension("path", "valueString", path), extension("value", "valueString", text)],
    }


def extension(url: str, kind: str, value: object) -> Element:
    """An extension with a value of that kind: `extension(url, "valueString", "x")`."""
    return {"url": url, kind: value}


def absent(reason: str) -> Element:
    """Why a required element is not there (code system data-absent-reason): `unknown`, `masked`, `unsupported`."""
    return {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": reason}]}


def add_extension(element: Element, *extensions: Element) -> None:
    """Put `extensions` into `element` behind those it has."""
    if extensions:
        element.setdefault("extension", []).extend(extensions)
