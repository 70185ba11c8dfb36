"""Encoded text of a message, as it is kept: with the recommended delimiters, whichever the message declares."""

from __future__ import annotations

from functools import lru_cache

from schemas.fhir import Element
from schemas.hl7v2.delimiters import STANDARD, UNUSED, Delimiters
from transforms.elements import add_extension, extension
from transforms.v2_to_fhir.extensions import V2_TEXT
from transforms.v2_to_fhir.run import Run


def in_standard(text: str, delimiters: Delimiters) -> str:
    """Encoded text with the recommended delimiters (`|^~\\&`) in the place of those that the message declares."""
    if _parts(delimiters) == _parts(STANDARD):
        return text
    return text.translate(_translation(delimiters))


def keep_text(element: Element, wire: str, run: Run) -> None:
    """Keep with `element` the wire text that it was made of, where the way back could not make it again."""
    text = in_standard(run.er7.decode_wire(wire), run.er7.delimiters)
    if not text:
        return
    add_extension(element, extension(V2_TEXT, "valueString", text))


@lru_cache(maxsize=64)
def _translation(delimiters: Delimiters) -> dict[int, str]:
    pairs = [(own, standard) for own, standard in zip(_parts(delimiters), _parts(STANDARD), strict=True)]
    escaped = zip(_parts(STANDARD), ("\\F\\", "\\S\\", "\\R\\", "\\E\\", "\\T\\"), strict=True)
    table = {ord(standard): text for standard, text in escaped}
    return table | {ord(own): standard for own, standard in pairs if own != UNUSED}


def _parts(delimiters: Delimiters) -> tuple[str, ...]:
    each = delimiters
    return each.field, each.component, each.repetition, each.escape, each.subcomponent
