"""The URLs of the extensions that the maps write."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.elements import OWN, extension

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
