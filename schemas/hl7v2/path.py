"""The address of an element in a message: `PID-3[2].4.1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from schemas.hl7v2.error import Hl7Error

ALL = 0
"""The index that `[*]` stands for."""

_INDEX = r"(?:\[([1-9]\d{0,5}|\*)\])?"
_NUMBER = r"([1-9]\d{0,2})"
_ELEMENT = rf"{_NUMBER}{_INDEX}(?:\.{_NUMBER}(?:\.{_NUMBER})?)?"
_PATH = re.compile(rf"([A-Z][A-Z0-9]{{2}}){_INDEX}(?:-{_ELEMENT})?\Z", re.ASCII)
_RELATIVE = re.compile(rf"{_ELEMENT}\Z", re.ASCII)

_LIKELY_MISTAKES = (
    (re.compile(r"[A-Z][A-Z0-9]{2}(\[[^\]]*\])?\.\d"), "a field follows a hyphen: PID-3.1"),
    (re.compile(r"[A-Za-z][A-Za-z0-9]{2}\b(?<![A-Z0-9]{3})"), "segment names are upper case: PID-3.1"),
    (re.compile(r".*[-.\[]0"), "counting starts at 1"),
    (re.compile(r".*\(\d+\)"), "an index is written in square brackets: PID-3[2]"),
    (re.compile(r"[A-Z][A-Z0-9]{2}.*\.\d+\["), "a repetition follows its field: PID-3[2].1"),
)


@dataclass(frozen=True, slots=True)
class Path:
    """Segment, occurrence, field, repetition, component and subcomponent, all counted from 1 as the standard does.

    `occurrence` and `repetition` may be `ALL`; `repetition` is None where none is written. A `field`, `component` or
    `subcomponent` of 0 is not part of the address. `segment` is empty in a path relative to a segment.
    """

    segment: str
    occurrence: int = 1
    field: int = 0
    repetition: int | None = None
    component: int = 0
    subcomponent: int = 0

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(text: str) -> Path:
        """The path that `text` writes (`PV1`, `PID-3`, `PID-3[2].4.1`, `OBX[3]-5`, `OBX[*]-3.1`); raises `Hl7Error`."""
        found = _PATH.match(text)
        if found is None:
            raise Hl7Error(f"{text[:40]!r} is not a path into an HL7 v2 message", hint=_hint(text))
        segment, occurrence, *element = found.groups()
        return Path(segment, _index(occurrence) or (1 if occurrence is None else ALL), *_element(element))

    @staticmethod
    @lru_cache(maxsize=4096)
    def relative(text: str) -> Path:
        """The path within a segment that `text` writes (`3`, `3[2].4.1`); raises `Hl7Error`."""
        found = _RELATIVE.match(text)
        if found is None:
            raise Hl7Error(f"{text[:40]!r} is not a path into a segment", hint="for example 3.1 or 3[2].4.1")
        return Path("", 1, *_element(list(found.groups())))

    def __str__(self) -> str:
        text = self.segment
        if self.occurrence != 1:
            text += f"[{self.occurrence or '*'}]"
        if self.field:
            text += f"-{self.field}" if self.segment else str(self.field)
        if self.repetition is not None:
            text += f"[{self.repetition or '*'}]"
        if self.component:
            text += f".{self.component}"
        if self.subcomponent:
            text += f".{self.subcomponent}"
        return text


def _index(written: str | None) -> int | None:
    if written is None:
        return None
    return ALL if written == "*" else int(written)


def _element(groups: list[str | None]) -> tuple[int, int | None, int, int]:
    field, repetition, component, subcomponent = groups
    return int(field or 0), _index(repetition), int(component or 0), int(subcomponent or 0)


def _hint(text: str) -> str:
    for mistake, hint in _LIKELY_MISTAKES:
        if mistake.match(text):
            return hint
    return "for example PV1, PID-3.1, PID-3[2].4.1, OBX[3]-5 or OBX[*]-3.1"
