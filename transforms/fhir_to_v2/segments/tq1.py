"""TQ1, and the TQ of ORC-7 before version 2.5: when and how often an order is to be carried out."""

from __future__ import annotations

from transforms.elements import OWN
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of
from transforms.fhir_to_v2.datatypes.quantities import cq_of
from transforms.fhir_to_v2.datatypes.times import period_of, tm
from transforms.fhir_to_v2.line import Line, Part
from transforms.fhir_to_v2.run import Run

_UNITS = {"s": "S", "min": "M", "h": "H", "d": "D", "wk": "W", "mo": "L"}
_DAILY = {1: "QD", 2: "BID", 3: "TID", 4: "QID"}


def tq1_of(order: Node, run: Run) -> Line | None:
    """ServiceRequest[TQ1], where there is anything to say and the version has it."""
    if not run.tables.has_segment("TQ1") or _has_tq(order):
        return None
    tq1 = Line("TQ1", order)
    timing = order.one("occurrenceTiming")
    repeat = timing.one("repeat")
    tq1.put(2, cq_of(order.one("quantityQuantity")))
    tq1.put(3, {1: _sub(_pattern(timing, repeat, run))})
    tq1.put(4, *(tm(each) for each in repeat.texts("timeOfDay")))
    begin, end = period_of(repeat.one("boundsPeriod"), run)
    tq1.put(6, cq_of(repeat.one("boundsDuration")))
    tq1.put(7, begin)
    tq1.put(8, end)
    tq1.put(10, order.extension(f"{OWN}performance-condition").text("valueString"))
    if repeat.has("duration"):
        tq1.put(13, {1: repeat.text("duration"), 2: repeat.text("durationUnit")})
    tq1.put(14, repeat.text("count"))
    if not tq1.fields:
        return None
    tq1.put(1, "1")
    tq1.put(9, code_of(order, "priority", run, "ExtendedPriorityCodes"))
    return run.append(tq1)


def put_tq(line: Line, field: int, order: Node, run: Run) -> None:
    """ServiceRequest[TQ]: quantity, interval, duration, from when to when, priority."""
    timing = order.one("occurrenceTiming")
    repeat = timing.one("repeat")
    begin, end = period_of(repeat.one("boundsPeriod"), run)
    quantity = cq_of(order.one("quantityQuantity"))
    bounds = repeat.one("boundsDuration")
    unit = _UNITS.get(bounds.peek("code"), "")
    bounds.skip("unit", "system", "code")
    parts: dict[int, Part] = {
        1: [str(quantity.get(1, "")), *(quantity.get(2) or [])],
        2: _sub(_pattern(timing, repeat, run))[:1],
        3: unit + bounds.text("value") if unit else repeat.extension(f"{OWN}duration").text("valueString"),
        4: begin,
        5: end,
        7: order.extension(f"{OWN}condition").text("valueString"),
        12: repeat.text("count"),
    }
    if any(any(part) if not isinstance(part, str) else part for part in parts.values()):
        parts[6] = code_of(order, "priority", run, "ExtendedPriorityCodes")
        line.put(field, parts)


def _has_tq(order: Node) -> bool:
    """Whether the way forward kept a TQ (ORC-7, OBR-27), which is put back where it was."""
    kept = [each.extension("path").peek("valueString") for each in order.all("extension") if each.has("extension")]
    return any(("ORC" in path.partition("-")[0] and "-7[" in path) or "-27[" in path for path in kept)


def _pattern(timing: Node, repeat: Node, run: Run) -> dict[int, Part]:
    """The repeat pattern (table 0335): the timing's code, else what its numbers say."""
    frequency, period, unit = repeat.text("frequency"), repeat.text("period"), repeat.text("periodUnit")
    repeat.texts("dayOfWeek")
    found = cwe_of(timing.one("code"), run, "RepeatPattern", "0335")
    if found or not period or unit not in _UNITS:
        return found
    if period == "1" and unit == "d" and frequency.isdecimal():
        return {1: _DAILY.get(int(frequency[:3]), f"{frequency[:3]}ID")}
    if frequency in ("", "1") and period.isdecimal():
        return {1: f"Q{period}{_UNITS[unit]}"}
    return {}


def _sub(parts: dict[int, Part]) -> list[str]:
    return [str(parts.get(number, "")) for number in range(1, max(parts, default=0) + 1)]
