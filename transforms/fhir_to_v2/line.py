"""A segment under construction, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from schemas.hl7v2 import Delimiters
from schemas.hl7v2.delimiters import STANDARD
from schemas.hl7v2.escape import escape
from transforms.fhir_node import Node


class Encoded(str):
    """Text that is encoded already: kept as its sender wrote it."""

    __slots__ = ()


Part = str | Sequence[str]
"""A component: its text, or the texts of its subcomponents."""
Parts = Mapping[int, Part]
"""One repetition of a field: its components by number."""
_Repetition = dict[int, Part]

_SEPARATOR, _COMPONENT, _REPETITION, _SUBCOMPONENT = "|", "^", "~", "&"


def decoded(text: str) -> dict[int, Part]:
    """The components of one repetition that is encoded already."""
    safe = text.replace("\r", "").replace("\n", "").replace(_SEPARATOR, "").replace(_REPETITION, "")
    return {
        number: [Encoded(sub) for sub in part.split(_SUBCOMPONENT)] if _SUBCOMPONENT in part else Encoded(part)
        for number, part in enumerate(safe.split(_COMPONENT), 1)
        if part
    }


class Line:
    """One segment: fields by number, each a list of repetitions, each the components by number.

    `sources` are the resources that it tells of: what was kept with them of such a segment is put back into it.
    """

    __slots__ = ("fields", "name", "sources")

    def __init__(self, name: str, *sources: Node) -> None:
        self.name = name
        self.sources = list(sources)
        self.fields: dict[int, list[_Repetition | Encoded]] = {}

    def __repr__(self) -> str:
        return f"<Line {self.name}>"

    def put(self, field: int, *repetitions: Parts | str) -> None:
        """Add repetitions to a field: components by number, or the text of the only one; empty ones are left out."""
        for each in repetitions:
            given: Parts = {1: each} if isinstance(each, str) else each
            parts = {number: part for number, part in given.items() if part}
            if any(_has_text(part) for part in parts.values()):
                self.fields.setdefault(field, []).append(parts)

    def set(self, field: int, repetition: Parts | str) -> None:
        """Make `repetition` the field's only one, unless it is empty."""
        held = self.fields.pop(field, None)
        self.put(field, repetition)
        if field not in self.fields and held is not None:
            self.fields[field] = held

    def add(self, field: int, component: int, part: Part) -> None:
        """Put a component into the first repetition of a field."""
        if _has_text(part):
            first = self.fields.setdefault(field, [{}])[0]
            if not isinstance(first, Encoded):
                first[component] = part

    def has(self, field: int) -> bool:
        """Whether the field holds something."""
        return field in self.fields

    def text(self, field: int) -> str:
        """The text of the first component of the first repetition."""
        for each in self.fields.get(field, ())[:1]:
            part = each.get(1, "") if isinstance(each, dict) else each
            return part if isinstance(part, str) else next(iter(part), "")
        return ""

    def restore(self, field: int, repetition: int | None, component: int, subcomponent: int, text: str) -> None:
        """Put encoded text where it stood: a field, a repetition, a component or a subcomponent."""
        whole = Encoded(text)
        if not component and repetition is None:
            self.fields[field] = [whole]
            return
        held = self.fields.setdefault(field, [])
        index = (repetition or 1) - 1
        if not component:
            held.insert(index, whole)
            return
        while len(held) <= index:
            held.append({})
        target = held[index]
        if isinstance(target, Encoded):
            held.insert(index, {component: whole})
        elif not subcomponent:
            target[component] = whole
        else:
            part = target.get(component, "")
            subs = [part] if isinstance(part, str) else [*part]
            subs += [""] * (subcomponent - len(subs))
            subs[subcomponent - 1] = whole
            target[component] = subs

    def wire(self) -> str:
        """The segment as encoded text."""
        last = max(self.fields, default=0)
        if self.name == "MSH":
            head = f"MSH{_SEPARATOR}{STANDARD.encoding_characters}"
            return _SEPARATOR.join([head, *(self._field(number) for number in range(3, last + 1))])
        return _SEPARATOR.join([self.name, *(self._field(number) for number in range(1, last + 1))])

    def _field(self, number: int) -> str:
        found = self.fields.get(number)
        return _REPETITION.join(map(_repetition, found)) if found else ""


def _repetition(parts: _Repetition | Encoded) -> str:
    if isinstance(parts, Encoded):
        return parts
    last = max((number for number, part in parts.items() if _has_text(part)), default=0)
    return _COMPONENT.join([_part(parts.get(number, "")) for number in range(1, last + 1)])


def _part(part: Part) -> str:
    if isinstance(part, str):
        return _text(part)
    return _SUBCOMPONENT.join(map(_text, part)).rstrip(_SUBCOMPONENT)


def _text(text: str) -> str:
    if isinstance(text, Encoded) or _SPECIAL.search(text) is None:
        return text
    return escape(text, _DELIMITERS)


def _has_text(part: Part) -> bool:
    return bool(part) if isinstance(part, str) else any(part)


_DELIMITERS: Delimiters = STANDARD
_SPECIAL = re.compile(r"[|^~\\&\x00-\x1f\x7f]")
