"""One segment of a message: a view that reads and edits its elements."""

from __future__ import annotations

from schemas.hl7v2.delimiters import UNUSED, Delimiters
from schemas.hl7v2.encoding import Encoding
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.path import ALL, Path

HEADERS = ("MSH", "FHS", "BHS")
"""The segments whose first field is the field separator itself."""


class Segment:
    """A segment of one message, in wire text (see `schemas.hl7v2.charset`), split into fields when first touched.

    `name` is empty for a line that is no segment; `occurrence` counts the segments of a name from 1. The methods take
    paths within the segment: `3`, `3[2].4.1`.
    """

    __slots__ = ("_encoding", "_fields", "_wire", "end", "name", "occurrence")

    def __init__(self, encoding: Encoding, name: str, wire: str, end: str) -> None:
        self._encoding = encoding
        self._wire: str | None = wire
        self._fields: list[str] | None = None
        self.name = name
        self.occurrence = 1
        self.end = end

    def __repr__(self) -> str:
        return f"<Segment {self.name} {len(self.wire)} characters>"

    @property
    def wire(self) -> str:
        """The segment's wire text, without its terminator."""
        wire = self._wire
        if wire is None:
            fields = self._fields or []
            separator = self._encoding.delimiters.field
            shown = fields[:1] + fields[2:] if self.name in HEADERS else fields
            wire = self._wire = separator.join(shown)
        return wire

    @property
    def text(self) -> str:
        """The segment's encoded text, as `raw` gives it for an element."""
        return self._encoding.decode(self.wire)

    @property
    def fields(self) -> list[str]:
        """The segment's name and then its fields, as wire text: `fields[3]` is field 3. Not to be changed."""
        fields = self._fields
        if fields is None:
            separator = self._encoding.delimiters.field
            fields = self.wire.split(separator)
            if self.name in HEADERS:
                fields.insert(1, separator)
            self._fields = fields
        return fields

    def get(self, path: str) -> str:
        """The text at `path`, as `Er7.get` gives it."""
        return self.read(Path.relative(path))

    def raw(self, path: str) -> str:
        """The encoded text at `path`, as `Er7.raw` gives it."""
        element = self.element(Path.relative(path))
        return "" if element is None else self._encoding.decode(element, "surrogateescape")

    def get_all(self, path: str) -> list[str]:
        """The texts at `path`, one for each repetition where it has `[*]`."""
        return self.read_all(Path.relative(path))

    def set(self, path: str, value: str) -> None:
        """Put `value` at `path`, as `Er7.set` does."""
        self.write(Path.relative(path), self._encoding.write_plain(value))

    def set_raw(self, path: str, text: str) -> None:
        """Put encoded text at `path`, as `Er7.set_raw` does."""
        self.write(Path.relative(path), self._encoding.write(text))

    def remove(self, path: str) -> int:
        """Remove what is at `path`, as `Er7.remove` does; the number of elements removed."""
        return self.erase(Path.relative(path))

    def read(self, path: Path) -> str:
        """The text at `path`, whose segment part is not looked at."""
        return read(self._encoding, self._fields or self.fields, path)

    def read_all(self, path: Path) -> list[str]:
        """The texts at `path` that are not empty; one for each repetition where its repetition is `ALL`."""
        if path.repetition != ALL or len(self.fields) <= path.field or self._is_delimiter(path):
            text = self.read(path)
            return [text] if text else []
        return _each(self._encoding, self.fields[path.field], path)

    def element(self, path: Path) -> str | None:
        """The wire text at `path`, None when it is absent."""
        if not path.field:
            return self.wire
        fields = self.fields
        if path.field >= len(fields):
            return None
        value: str | None = fields[path.field]
        if self._is_delimiter(path):
            return value
        delimiters = self._encoding.delimiters
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
        delimiters = self._encoding.delimiters
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
        self._encoding.edited = True

    def erase(self, path: Path) -> int:
        """Remove the element at `path`; the number of elements removed.

        A repetition goes with its separator; any other element leaves its place empty, unless it is its parent's last.
        """
        self._editable(path)
        fields = self.fields
        if path.field >= len(fields):
            return 0
        value = fields[path.field]
        delimiters = self._encoding.delimiters
        if not path.component and path.repetition in (None, ALL):
            if not value:
                return 0
            if path.field == len(fields) - 1:
                fields.pop()
                self._wire = None
                self._encoding.edited = True
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
        self._encoding.edited = True

    def _is_delimiter(self, path: Path) -> bool:
        return path.field <= 2 and self.name in HEADERS

    def _editable(self, path: Path) -> None:
        if self._is_delimiter(path):
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


def read(encoding: Encoding, fields: list[str], path: Path) -> str:
    """The text at `path` in a segment of `fields`, which are as `Segment.fields` gives them."""
    try:
        value = fields[path.field]
    except IndexError:
        return ""
    if not value:
        return ""
    if path.field <= 2 and fields[0] in HEADERS:
        return encoding.decode(value)
    repetition = path.repetition
    if repetition is None:
        if not path.component:
            return encoding.element(value)
        if encoding.delimiters.repetition in value:
            value = value.partition(encoding.delimiters.repetition)[0]
    elif repetition == ALL:
        return next(iter(_each(encoding, value, path)), "")
    else:
        value = _nth(value, encoding.delimiters.repetition, repetition) or ""
    return _component(encoding, value, path) if path.component else encoding.element(value)


def _each(encoding: Encoding, value: str, path: Path) -> list[str]:
    """The texts that are not empty, one for each repetition of a field."""
    repetitions = value.split(encoding.delimiters.repetition)
    if path.component:
        texts = [_component(encoding, each, path) for each in repetitions]
    else:
        texts = [encoding.element(each) for each in repetitions]
    return [text for text in texts if text]


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


def _component(encoding: Encoding, value: str, path: Path) -> str:
    """The text of a component or subcomponent of a repetition."""
    delimiters = encoding.delimiters
    components = value.split(delimiters.component, path.component)
    if path.component > len(components):
        return ""
    value = components[path.component - 1]
    separator = delimiters.subcomponent
    if separator in value:
        if not path.subcomponent:
            return encoding.decode(value)
        value = _nth(value, separator, path.subcomponent) or ""
    elif path.subcomponent > 1:
        return ""
    if encoding.is_simple and delimiters.escape not in value:
        return value
    return encoding.plain(value)


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
