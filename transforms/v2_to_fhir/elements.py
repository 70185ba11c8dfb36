"""Small moves that every map makes: put what is there, leave out what is not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from schemas.fhir import Element
from transforms.elements import add_extension, append, extension, put
from transforms.v2_to_fhir.extensions import V2_FIELD
from transforms.v2_to_fhir.run import NOT_A_NUMBER, Run
from transforms.v2_to_fhir.source import SourceSegment, Value

Convert = Callable[[Value, Run, str], Element | None]
T = TypeVar("T")

_SECOND_FIELDS = frozenset(
    {
        *(("PID", field) for field in (2, 4, 9, 40)),
        *(("NK1", field) for field in (7, 12, 30, 31, 40, 41)),
        *(("MRG", field) for field in (2, 4)),
        ("DB1", 3),
        ("IN1", 3),
        ("PV2", 13),
        ("OBX", 15),
        *(("OBR", field) for field in (47, 53)),
        ("ORC", 33),
    }
)
"""Fields that go into the same list as another one of their segment."""
_WORK = {
    **{("PID", 13): False, ("NK1", 5): False, ("GT1", 6): False, ("IN2", 63): False},
    **{("PID", 14): True, ("NK1", 6): True, ("GT1", 7): True, ("IN2", 64): True},
}
"""The telephone fields of one list, and whether those at work are meant: others say where they came from."""


def append_each(
    element: Element, name: str, segment: SourceSegment, field: int, run: Run, convert: Convert, **options: Any
) -> None:
    """Put what `convert` makes of each repetition of `field` into the list `name` of `element`."""
    for value in segment[field]:
        append(element, name, of_field(convert(value, run, segment.where(field), **options), segment, field))


def of_field(element: Element | None, segment: SourceSegment, field: int) -> Element | None:
    """`element`, which says that it came from `field` where nothing else tells it from the others of its list."""
    place = (segment.name, field)
    if element is None:
        return None
    if place in _SECOND_FIELDS or (place in _WORK and (element.get("use") == "work") is not _WORK[place]):
        add_extension(element, extension(V2_FIELD, "valueString", f"{segment.name}-{field}"))
    return element


def put_first(
    element: Element, name: str, segment: SourceSegment, field: int, run: Run, convert: Convert, **options: Any
) -> None:
    """Put what `convert` makes of the first repetition of `field` into `element` as `name`.

    Further repetitions, for which FHIR has no place, stay unread, and so are kept as they were sent.
    """
    value = segment.first(field)
    if value is not None:
        put(element, name, convert(value, run, segment.where(field), **options))


def decimal(text: str, run: Run, where: str) -> Decimal | None:
    """The number that `text` (NM) is, its digits as they are written; None, with a finding, where it is none."""
    stripped = text.strip().removeprefix("+")
    if not stripped:
        return None
    try:
        number = Decimal(stripped) if stripped.isascii() and "_" not in stripped else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or len(stripped) > 64 or abs(number.adjusted()) > 60:
        run.tell(NOT_A_NUMBER, where, "this is no number; its text is kept")
        return None
    return number
