"""One segment of a message: a view that reads and edits its elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.hl7v2.delimiters import UNUSED, Delimiters
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.path import ALL, Path

if TYPE_CHECKING:
    from schemas.hl7v2.er7 import Er7

HEADERS = ("MSH", "FHS", "BHS")
"""The segments whose first field is the field separator itself."""


class Segment:
    """A segment of one message, in wire text (see `schemas.hl7v2.charset`), split into fields when first touched.

    `name` is empty for a line that is no segment. The methods take paths within the segment: `3`, `3[2].4.1`.
    """

    __slots__ = ("_fields", "_message", "_wire", "end", "name")

    def __init__(self, message: Er7, name: str, wire: str, end: str) -> None:
        self._message = message
        self._wire: str | None = wire
        self._fields: list[str] | None = None
        self.name = name
        self.end = end

    def __repr__(self) -> str:
        return f"<Segment {self.name} {len(self.wire)} characters>"

    @property
    def wire(self) -> str:
        """The segment's wire text, without its terminator."""
        wire = self._wire
        if wire is None:
            fields = self._fields or []
            separator = self._message.delimiters.field
            shown = fields[:1] + fields[2:] if self.name in HEADERS else fields
            wire = self._wire = separator.join(shown)
        return wire

    @property
    def text(self) -> str:
        """The segment's encoded text, as `raw` gives it for an element."""
        return self._message.decode_wire(self.wire)

    @property
    def fields(self) -> list[str]:
        """The segment's name and then its fields, as wire text: `fields[3]` is field 3. Not to be changed."""
        fields = self._fields
        if fields is None:
            separator = self._message.delimiters.field
            fields = self.wire.split(separator)
            if self.name in HEADERS:
                fields.insert(1, separator)
            self._fields = fields
        return fields

    @property
    def index(self) -> int:
        """The segment's place among the message's segments, from 0."""
        return self._message.segments.index(self)

    @property
    def occurrence(self) -> int:
        """The segment's place among the segments of its name, from 1: the 3 of `OBX[3]`."""
        return self._message.named(self.name).index(self) + 1

    @property
    def line(self) -> int:
        """The line of the message that the segment starts at, from 1; every CR, LF or CR LF ends a line."""
        return self._message.line_of(self)

    def get(self, path: str) -> str:
        """The text at `path`, as `Er7.get` gives it."""
        return self.read(Path.relative(path))

    def raw(self, path: str) -> str:
        """The encoded text at `path`, as `Er7.raw` gives it."""
        element = self.element(Path.relative(path))
        return "" if element is None else self._message.decode_wire(element, "surrogateescape")

    def get_all(self, path: str) -> list[str]:
        """The texts at `path`, one for each repetition where it has `[*]`."""
        return self.read_all(Path.relative(path))

    def set(self, path: str, value: str) -> None:
        """Put `value` at `path`, as `Er7.set` does."""
        self.write(Path.relative(path), self._message.encode_value(value))

    def set_raw(self, path: str, text: str) -> None:
        """Put encoded text at `path`, as `Er7.set_raw` does."""
        self.write(Path.relative(path), self._message.encode_wire(text))

    def remove(self, path: str) -> int:
        """Remove what is at `path`, as `Er7.remove` does; the number of elements removed."""
        return self.erase(Path.relative(path))

    def read(self, path: Path) -> str:
        """The text at `path`, whose segment part is not looked at."""
        try:
            value = (self._fields or self.fields)[path.field]
        except IndexError:
            return ""
        if not value:
            return ""
        message = self._message
        delimiters = message.delimiters
        if path.field <= 2 and self.name in HEADERS:
            return value if path.field == 2 or path.component <= 1 else ""
        if path.repetition == ALL:
            return next(iter(self.read_all(path)), "")
        if (path.component or path.repetition is not None) and delimiters.repetition in value:
            value = _nth(value, delimiters.repetition, path.repetition or 1) or ""
        elif path.repetition is not None and path.repetition > 1:
            return ""
        return _text(message, value, delimiters) if not path.component else _component(message, value, path)

    def read_all(self, path: Path) -> list[str]:
        """The texts at `path` that are not empty; one for each repetition where its repetition is `ALL`."""
        if path.repetition != ALL or len(self.fields) <= path.field:
            text = self.read(path)
            return [text] if text else []
        value = self.fields[path.field]
        message = self._message
        delimiters = message.delimiters
        if path.field <= 2 and self.name in HEADERS:
            return [value]
        texts = []
        for repetition in value.split(delimiters.repetition):
            text = _component(message, repetition, path) if path.component else _text(message, repetition, delimiters)
            if text:
                texts.append(text)
        return texts

    def element(self, path: Path) -> str | None:
        """The wire text at `path`, None when it is absent."""
        if not path.field:
            return self.wire
        fields = self.fields
        if path.field >= len(fields):
            return None
        value: str | None = fields[path.field]
        if path.field <= 2 and self.name in HEADERS:
            return value
        delimiters = self._message.delimiters
        if path.repetition is not None or path.component:
            value = _nth(value or "", delimiters.repetition, path.repetition or 1)
        if path.component and value is not None:
            value = _nth(value, delimiters.component, path.component)
        if path.subcomponent and value is not None:
            value = _nth(value, delimiters.subcomponent, path.subcomponent)
        return value

    def write(self, path: Path, wire: str) -> None:
        """Put wire text at `path`; raises `Hl7Error` when it holds a separator of a higher level or has no place."""
        self._editable(path)
        delimiters = self._message.delimiters
        levels = _levels(path, delimiters)
        for separator, _ in levels:
            if separator in wire:
                raise Hl7Error(
                    "the text holds a separator of a higher level than the element",
                    where=self._where(path),
                    hint="write to the whole field, or use set, which escapes",
                )
        if not wire and not self.element(path):
            return
        if path.repetition == ALL:
            if path.field < len(self.fields):
                repetitions = self.fields[path.field].split(delimiters.repetition)
                self._replace(
                    path.field,
                    delimiters.repetition.join(self._put(each, levels[2:], wire, path) for each in repetitions),
                )
            return
        fields = self.fields
        if path.field >= len(fields):
            fields.extend([""] * (path.field + 1 - len(fields)))
        self._replace(path.field, self._put(fields[path.field], levels[1:], wire, path))

    def overwrite(self, wire: str) -> None:
        """Put wire text in the place of the whole segment."""
        self._wire = wire
        self._fields = None
        self._message.touch()

    def erase(self, path: Path) -> int:
        """Remove the element at `path`; the number of elements removed.

        A repetition goes with its separator; any other element leaves its place empty, unless it is its parent's last.
        """
        self._editable(path)
        fields = self.fields
        if path.field >= len(fields):
            return 0
        value = fields[path.field]
        delimiters = self._message.delimiters
        if not path.component and path.repetition in (None, ALL):
            if not value:
                return 0
            if path.field == len(fields) - 1:
                fields.pop()
                self._wire = None
                self._message.touch()
            else:
                self._replace(path.field, "")
            return 1
        repetitions = value.split(delimiters.repetition)
        chosen = range(len(repetitions)) if path.repetition == ALL else [(path.repetition or 1) - 1]
        if not path.component:
            if chosen[0] >= len(repetitions):
                return 0
            del repetitions[chosen[0]]
            self._replace(path.field, delimiters.repetition.join(repetitions))
            return 1
        removed = 0
        inner = [(delimiters.component, path.component)]
        if path.subcomponent:
            inner.append((delimiters.subcomponent, path.subcomponent))
        for at in chosen:
            if at < len(repetitions):
                shorter = _without(repetitions[at], inner)
                removed += shorter != repetitions[at]
                repetitions[at] = shorter
        if removed:
            self._replace(path.field, delimiters.repetition.join(repetitions))
        return removed

    def _replace(self, field: int, wire: str) -> None:
        self.fields[field] = wire
        self._wire = None
        self._message.touch()

    def _editable(self, path: Path) -> None:
        if path.field <= 2 and self.name in HEADERS:
            raise Hl7Error(
                "the delimiters of a message cannot be changed in place",
                where=f"{self.name}-{path.field}",
                hint="build a new message with other delimiters",
            )

    def _put(self, value: str, levels: list[tuple[str, int]], wire: str, path: Path) -> str:
        if not levels:
            return wire
        (separator, index), *inner = levels
        if separator == UNUSED and index > 1:
            raise Hl7Error("MSH-2 declares no separator for this element", where=self._where(path))
        parts = value.split(separator)
        if index > len(parts):
            parts.extend([""] * (index - len(parts)))
        parts[index - 1] = self._put(parts[index - 1], inner, wire, path)
        return separator.join(parts)

    def _where(self, path: Path) -> str:
        return str(path) if path.segment else f"{self.name}-{path}"


def _levels(path: Path, delimiters: Delimiters) -> list[tuple[str, int]]:
    """The separators that surround the element at `path`, outermost first, and its index at each level."""
    levels = [(delimiters.field, path.field)]
    if path.repetition is not None or path.component:
        levels.append((delimiters.repetition, path.repetition or 1))
    if path.component:
        levels.append((delimiters.component, path.component))
    if path.subcomponent:
        levels.append((delimiters.subcomponent, path.subcomponent))
    return levels


def _text(message: Er7, value: str, delimiters: Delimiters) -> str:
    """The encoded text of a composite value, the plain text of a simple one."""
    if delimiters.component in value or delimiters.repetition in value or delimiters.subcomponent in value:
        return message.decode_wire(value)
    return message.plain(value)


def _component(message: Er7, value: str, path: Path) -> str:
    """The text of a component or subcomponent of a repetition."""
    components = value.split(message.delimiters.component)
    if path.component > len(components):
        return ""
    value = components[path.component - 1]
    separator = message.delimiters.subcomponent
    if separator in value:
        if not path.subcomponent:
            return message.decode_wire(value)
        value = _nth(value, separator, path.subcomponent) or ""
    elif path.subcomponent > 1:
        return ""
    return message.plain(value) if value else ""


def _nth(value: str, separator: str, index: int) -> str | None:
    parts = value.split(separator)
    return parts[index - 1] if index <= len(parts) else None


def _without(value: str, levels: list[tuple[str, int]]) -> str:
    (separator, index), *inner = levels
    parts = value.split(separator)
    if index > len(parts):
        return value
    if inner:
        parts[index - 1] = _without(parts[index - 1], inner)
    elif index == len(parts):
        parts.pop()
    else:
        parts[index - 1] = ""
    return separator.join(parts)
