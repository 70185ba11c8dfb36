"""What a site adds to the maps: functions of its own for a segment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from transforms.v2_to_fhir.options import SegmentFunction

F = TypeVar("F", bound=SegmentFunction)

_FUNCTIONS: dict[str, tuple[str, SegmentFunction]] = {}


def reads_segment(segment: str) -> object:
    """Mark a function of `extensions/` as one that reads that segment: `@reads_segment("ZPI")`.

    It is called as `function(segment, run)` after the guide's own map, for channels whose option `segments` names it,
    and may return the resource that it made. What it does not read is kept as anything else that no map reads.
    """

    def mark(function: F) -> F:
        _FUNCTIONS[function.__name__] = (segment, function)
        return function

    return mark


def segment_functions(names: Iterable[str]) -> Mapping[str, SegmentFunction]:
    """The functions of those names, by segment; raises ValueError where there is none of that name."""
    found: dict[str, SegmentFunction] = {}
    for name in names:
        if name not in _FUNCTIONS:
            raise ValueError(f"no extension has a function {name!r} marked with @reads_segment")
        segment, function = _FUNCTIONS[name]
        found[segment] = function
    return MappingProxyType(found)
