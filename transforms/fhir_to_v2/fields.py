"""Which field of a segment an element came from, where nothing of the element itself says so."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.v2_to_fhir.extensions import V2_FIELD


def field_of(element: Node, segment: str) -> int | None:
    """The number of the field of `segment` that the way forward took `element` from, None where it does not say."""
    if not element.has("extension"):
        return None
    name, _, number = element.extension(V2_FIELD).text("valueString").partition("-")
    return int(number) if name == segment and number.isdecimal() and number.isascii() and len(number) < 4 else None
