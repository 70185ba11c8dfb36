"""What a map reads: the segments of one message, which remember which of their elements were read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from schemas.fhir import Resource
from schemas.hl7v2 import Er7, Segment

NULL = '""'
"""A sender's wish to delete a value (HL7 v2.9, 2.5.3). Reads as absent, and is not counted as read."""


class Reading:
    """How the wire text of one message becomes text; shared by everything read from it."""

    __slots__ = ("component", "is_plain", "plain", "repetition", "subcomponent")

    def __init__(self, er7: Er7) -> None:
        delimiters = er7.delimiters
        self.component = delimiters.component
        self.subcomponent = delimiters.subcomponent
        self.repetition = delimiters.repetition
        self.plain: Callable[[str], str] = er7.plain
        self.is_plain = er7.is_plain


class Value:
    """One repetition of a field, or one component of it: parts counted from 1, each marked when it is read.

    `value[2]` is the plain text of part 2, "" when it is absent or null; where that part has parts of its own, their
    first. `value.part(2)` is part 2 with its own parts.
    """

    __slots__ = ("_inner", "_reading", "_separator", "parts", "used")

    def __init__(self, wire: str, separator: str, reading: Reading) -> None:
        self.parts = wire.split(separator)
        self.used = 0
        self._separator = separator
        self._reading = reading
        self._inner: dict[int, Value] | None = None

    def __getitem__(self, number: int) -> str:
        if number > len(self.parts):
            return ""
        wire = self.parts[number - 1]
        if not wire or wire == NULL:
            return ""
        reading = self._reading
        if reading.subcomponent in wire and self._separator != reading.subcomponent:
            return self.part(number)[1]
        self.used |= 1 << number
        return wire if reading.is_plain else reading.plain(wire)

    def __bool__(self) -> bool:
        for part in self.parts:  # noqa: SIM110 - a generator costs more than most values have parts
            if part and part != NULL:
                return True
        return False

    def part(self, number: int) -> Value:
        """Part `number` with its subcomponents; an empty one when it is absent."""
        if self._inner is None:
            self._inner = {}
        found = self._inner.get(number)
        if found is None:
            wire = self.parts[number - 1] if number <= len(self.parts) else ""
            found = self._inner[number] = Value(wire, self._reading.subcomponent, self._reading)
        return found

    def has(self, number: int) -> bool:
        """Whether part `number` is there and not null; nothing is marked as read."""
        return number <= len(self.parts) and self.parts[number - 1] not in ("", NULL)

    def peek(self, number: int) -> str:
        """The encoded text of part `number`, "" when it is absent; nothing is marked as read."""
        return self.parts[number - 1] if number <= len(self.parts) else ""

    def mark(self, *numbers: int) -> None:
        """Mark parts as read that `peek` gave."""
        for number in numbers:
            self.used |= 1 << number

    def is_simple(self, number: int) -> bool:
        """Whether part `number` has no parts of its own."""
        return number > len(self.parts) or self._reading.subcomponent not in self.parts[number - 1]

    def shown(self, separator: str = " ") -> str:
        """Every part that is there, in order, joined by `separator`; all are marked as read."""
        texts = []
        for number in range(1, len(self.parts) + 1):
            inner = self.part(number)
            texts += [text for text in map(inner.__getitem__, range(1, len(inner.parts) + 1)) if text]
        return separator.join(texts)

    @property
    def wire(self) -> str:
        """The wire text of everything; nothing is marked as read."""
        return self._separator.join(self.parts)

    def whole(self) -> str:
        """The plain text of everything, its separators as they were sent; all is marked as read."""
        return self.rest(1)

    def rest(self, number: int) -> str:
        """The plain text from part `number` to the end, its separators as they were sent; all of it is marked."""
        self.used |= -1 << number
        wire = self._separator.join(self.parts[number - 1 :])
        return wire if self._reading.is_plain else self._reading.plain(wire)

    def unread(self) -> Iterator[tuple[str, str]]:
        """The parts that hold something and were not read: their address beneath this value, and their wire text."""
        inner = self._inner or {}
        for number, wire in enumerate(self.parts, start=1):
            if not wire or self.used >> number & 1:
                continue
            if number in inner and inner[number].touched:
                for address, text in inner[number].unread():
                    yield f".{number}{address}", text
            else:
                yield f".{number}", wire

    @property
    def touched(self) -> bool:
        """Whether any part was read."""
        if self.used or self._inner is None:
            return self.used != 0
        return any(each.touched for each in self._inner.values())


class SourceSegment:
    """One segment of the message under conversion.

    `number` counts the segments of its name from 1. `target` is the resource that the segment went into: what no map
    reads is kept with it.
    """

    __slots__ = ("_fields", "_reading", "_values", "name", "number", "target")

    def __init__(self, segment: Segment, reading: Reading) -> None:
        self.name = segment.name
        self.number = segment.occurrence
        self.target: Resource | None = None
        self._fields = segment.fields
        self._reading = reading
        self._values: dict[int, list[Value]] = {}

    def __repr__(self) -> str:
        return f"<SourceSegment {self.where()}>"

    def __getitem__(self, field: int) -> list[Value]:
        """The repetitions of `field` that hold something."""
        if field >= len(self._fields) or not self._fields[field]:
            return []
        return [value for value in self._split(field) if value]

    def all(self, field: int) -> list[Value]:
        """The repetitions of `field`, those that hold nothing too."""
        return self._split(field) if field < len(self._fields) and self._fields[field] else []

    def first(self, field: int) -> Value | None:
        """The first repetition of `field` that holds something, or None."""
        if field >= len(self._fields) or not self._fields[field]:
            return None
        for value in self._split(field):
            if value:
                return value
        return None

    def text(self, field: int) -> str:
        """The plain text of the first component of the first repetition of `field`, "" when it is absent."""
        if field >= len(self._fields) or not self._fields[field]:
            return ""
        for value in self._split(field):
            if value:
                return value[1]
        return ""

    def has(self, field: int) -> bool:
        """Whether `field` holds something other than null; nothing is marked as read."""
        return field < len(self._fields) and self._fields[field] not in ("", NULL)

    def mark(self, *fields: int) -> None:
        """Mark fields as read as a whole."""
        for field in fields:
            for value in self.all(field):
                value.rest(1)

    def raw(self, field: int) -> str:
        """The encoded text of `field` as it was sent; nothing is marked as read."""
        return self._fields[field] if field < len(self._fields) else ""

    @property
    def last(self) -> int:
        """The number of its last field."""
        return len(self._fields) - 1

    def where(self, field: int = 0, repetition: int = 1) -> str:
        """The address of the segment or of a field: `OBX[2]`, `PID-3[2]`."""
        text = self.name if self.number == 1 else f"{self.name}[{self.number}]"
        if field:
            text += f"-{field}"
        return f"{text}[{repetition}]" if repetition > 1 else text

    def unread(self) -> Iterator[tuple[int, str, str]]:
        """The elements that hold something and were not read: field, address (`PID-3[2].9`), wire text.

        A field of which nothing was read is one element.
        """
        first = 3 if self.name in ("MSH", "FHS", "BHS") else 1
        for field in range(first, len(self._fields)):
            wire = self._fields[field]
            if not wire:
                continue
            values = self._values.get(field)
            if values is None or not any(value.touched for value in values):
                yield field, self.where(field), wire
                continue
            for repetition, value in enumerate(values, start=1):
                if value.touched:
                    for address, text in value.unread():
                        yield field, self.where(field, repetition) + address, text
                elif any(value.parts):
                    yield field, self.where(field) + f"[{repetition}]", self._wire_of(value)

    def populated(self) -> Iterator[tuple[int, str]]:
        """Every field, repetition or component that holds something: its field, and its address down to the leaf."""
        first = 3 if self.name in ("MSH", "FHS", "BHS") else 1
        reading = self._reading
        for field in range(first, len(self._fields)):
            if not self._fields[field]:
                continue
            for repetition, wire in enumerate(self._fields[field].split(reading.repetition), start=1):
                where = self.where(field, repetition)
                components = wire.split(reading.component)
                for number, component in enumerate(components, start=1):
                    inner = component.split(reading.subcomponent)
                    for sub, text in enumerate(inner, start=1):
                        if text:
                            address = f".{number}" if len(components) > 1 or len(inner) > 1 else ""
                            yield field, where + address + (f".{sub}" if len(inner) > 1 else "")

    def _split(self, field: int) -> list[Value]:
        values = self._values.get(field)
        if values is None:
            reading = self._reading
            wire = self._fields[field]
            repetitions = wire.split(reading.repetition) if reading.repetition in wire else [wire]
            values = [Value(each, reading.component, reading) for each in repetitions]
            self._values[field] = values
        return values

    def _wire_of(self, value: Value) -> str:
        return self._reading.component.join(value.parts)


def source_of(er7: Er7) -> list[SourceSegment]:
    """The segments of `er7` in order; lines that are no segments are left out (`Er7.findings` tells of them)."""
    reading = Reading(er7)
    return [SourceSegment(segment, reading) for segment in er7.segments if segment.name]
