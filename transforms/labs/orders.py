"""The orders that a result message answers: each with its observations, notes and specimens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.hl7v2 import Er7
from transforms.step import StepError
from transforms.v2_to_fhir.source import Reading, SourceSegment, Value

_CLOSING = ("BTS", "FTS", "DSC")


@dataclass(slots=True)
class Order:
    """One order of a message: `head` is what stands before all orders of its patient, MSH and PID among it; `segments`
    are its own, from its ORC or OBR on. Both in the message's order."""

    head: list[SourceSegment]
    segments: list[SourceSegment] = field(default_factory=list)

    def named(self, name: str) -> list[SourceSegment]:
        """Its own segments of that name."""
        return [each for each in self.segments if each.name == name]

    def first(self, name: str) -> SourceSegment | None:
        """Its first segment of that name, of its own or, where it has none, above it."""
        return next((each for each in (*self.segments, *self.head) if each.name == name), None)

    @property
    def obr(self) -> SourceSegment:
        """Its OBR."""
        return next(each for each in self.segments if each.name == "OBR")

    @property
    def orc(self) -> SourceSegment | None:
        """Its ORC."""
        return next((each for each in self.segments if each.name == "ORC"), None)

    def value(self, obr: int, orc: int = 0) -> Value | None:
        """The first repetition of a field of its OBR, or, where that is empty, of one of its ORC."""
        found = self.obr.first(obr)
        if found is None and orc and self.orc is not None:
            found = self.orc.first(orc)
        return found

    @property
    def placer(self) -> str:
        """The number of who placed it, with its authority (OBR-2, ORC-2); "" without one."""
        return _number(self.value(2, 2))

    @property
    def filler(self) -> str:
        """The laboratory's number, with its authority (OBR-3, ORC-3); "" without one."""
        return _number(self.value(3, 3))

    @property
    def parent(self) -> tuple[str, str]:
        """The placer's and the filler's number of the order that it belongs to (OBR-29), each "" without one."""
        value = self.obr.first(29)
        if value is None:
            return "", ""
        placer, filler = (value.part(number) for number in (1, 2))
        return _number(placer), _number(filler)

    @property
    def code(self) -> str:
        """What was ordered (OBR-4): code and coding system, else the text."""
        value = self.obr.first(4)
        if value is None:
            return ""
        return f"{value[1]}^{value[3]}" if value[1] else value[2]


def orders(er7: Er7) -> list[Order]:
    """The orders of a result message in order; an ORC without an OBR is none."""
    reading = Reading(er7)
    head: list[SourceSegment] = []
    patient: list[SourceSegment] = []
    found: list[Order] = []
    open_one: Order | None = None
    for segment in er7.segments:
        if not segment.name or segment.name in _CLOSING:
            continue
        one = SourceSegment(segment, reading)
        if one.name == "PID":
            patient, open_one = [one], None
        elif one.name == "ORC" or (one.name == "OBR" and (open_one is None or open_one.named("OBR"))):
            open_one = Order([*head, *patient], [one])
            found.append(open_one)
        elif open_one is not None:
            open_one.segments.append(one)
        elif patient:
            patient.append(one)
        else:
            head.append(one)
    return [each for each in found if each.named("OBR")]


def answered(er7: Er7) -> list[Order]:
    """The orders of a message that a step takes for a result; raises `StepError` where it answers none."""
    found = orders(er7)
    if not found:
        raise StepError("the message answers no order", "keep such messages away from this step: keep: {MSH-9.1: ORU}")
    return found


def families(found: Sequence[Order]) -> list[list[Order]]:
    """Orders that belong together: each with those that name it as their parent (OBR-29), the susceptibilities of a
    culture for example."""
    made: list[list[Order]] = []
    known: dict[tuple[str, str], list[Order]] = {}
    patient: SourceSegment | None = None
    for order in found:
        pid = next((each for each in order.head if each.name == "PID"), None)
        if pid is not patient:
            known, patient = {}, pid  # a number is no parent of another patient's order
        placer, filler = order.parent
        parent = ("filler", filler) if filler else ("placer", placer)
        family = known.get(parent) if parent[1] else None
        if family is None:
            family = []
            made.append(family)
        family.append(order)
        for number in (("filler", order.filler), ("placer", order.placer)):
            known.setdefault(number, family)
    return made


def only(er7: Er7, chosen: Sequence[Order]) -> Er7:
    """A message of its own with these orders of `er7` alone."""
    kept = {(each.name, each.number) for order in chosen for each in (*order.head, *order.segments)}
    return er7.only([each for each in er7.segments if (each.name, each.occurrence) in kept])


def _number(value: Value | None) -> str:
    """An order's number (EI) with its authority: the name of it, else its universal id."""
    if value is None or not value[1]:
        return ""
    authority = value[2] or value[3]
    return f"{value[1]}^{authority}" if authority else value[1]
