"""TQ1: when, how often and how urgently an order is to be carried out."""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.quantities import (
    cq_code,
    cq_decimal,
    cq_quantity,
    cq_unsigned_int,
    nm_positive_int,
)
from transforms.v2_to_fhir.datatypes.times import put_date_time, tm_time
from transforms.v2_to_fhir.datatypes.timing import (
    Duration,
    duration_quantity,
    put_priority,
    rpt_timing,
    time_unit,
)
from transforms.v2_to_fhir.elements import decimal
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}


def tq1_service_request(tq1: SourceSegment, run: Run, order: Resource) -> None:
    """TQ1[ServiceRequest]; of several TQ1 only the first has a place, the others are kept as they were sent."""
    for value in tq1[9]:
        if "priority" not in order:
            put_priority(order, value[1], run, tq1.where(9))
    if "occurrenceTiming" in order:
        return
    quantity = cq_quantity(tq1.first(2), run, tq1.where(2))
    if quantity is not None:
        order["quantityQuantity"] = quantity
    timing = tq1_timing(tq1, run)
    if timing and "occurrenceDateTime" in order:
        timing["event"] = [order.pop("occurrenceDateTime")]
    put(order, "occurrenceTiming", timing)
    if tq1.has(10):
        add_extension(order, extension(f"{OWN}performance-condition", "valueString", tq1.text(10)))
    if tq1.has(11):
        append(order, "note", {"text": tq1.text(11)})


def tq1_timing(tq1: SourceSegment, run: Run) -> Element:
    """The Timing that a TQ1 says: its pattern, times of day, bounds, durations and count."""
    timing: Element = rpt_timing(tq1.first(3), run, tq1.where(3)) or {}
    repeat: Element = timing.get("repeat", {})
    times = [tm_time(value.peek(1)) for value in tq1[4]]
    if times and all(times) and "when" not in repeat:
        tq1.mark(4)
        repeat["timeOfDay"] = times
    relative = tq1.first(5)
    if relative is not None and "when" in repeat and "offset" not in repeat:
        offset = cq_unsigned_int(relative)
        if offset is not None:
            relative.mark(1)
            relative.part(2).mark(1)
            repeat["offset"] = offset
    _put_bounds(repeat, tq1, run)
    _put_duration(repeat, tq1, run)
    count = nm_positive_int(tq1.raw(14))
    if count is not None:
        tq1.mark(14)
        repeat["count"] = count
    if repeat:
        timing["repeat"] = repeat
    return timing


def _put_bounds(repeat: Element, tq1: SourceSegment, run: Run) -> None:
    """TQ1-6 to TQ1-8: from when to when; where one end is not said and the duration is, the end that it gives."""
    bounds: Element = {}
    put_date_time(bounds, "start", tq1.text(7), run, tq1.where(7))
    put_date_time(bounds, "end", tq1.text(8), run, tq1.where(8))
    duration = tq1.first(6)
    if duration is None or ("start" in bounds and "end" in bounds):
        put(repeat, "boundsPeriod", bounds)
        return
    unit = time_unit(duration.part(2).peek(1))
    number = decimal(duration.peek(1), run, tq1.where(6))
    if not bounds:
        if unit and number is not None:
            repeat["boundsDuration"] = duration_quantity(Duration(number, unit))
            tq1.mark(6)
        return
    if number is not None and unit in _SECONDS:
        span = timedelta(seconds=min(float(number) * _SECONDS[unit], 1e10))
        known, missing, sign = ("start", "end", 1) if "start" in bounds else ("end", "start", -1)
        other = _shifted(bounds.get(known, ""), sign * span)
        if other:
            bounds[missing] = other
            tq1.mark(6)
    put(repeat, "boundsPeriod", bounds)


def _shifted(text: str, span: timedelta) -> str:
    """A dateTime with a time of day, so much later; "" where it is none."""
    if "T" not in text:
        return ""
    try:
        return (datetime.fromisoformat(text) + span).isoformat()
    except (ValueError, OverflowError):
        return ""


def _put_duration(repeat: Element, tq1: SourceSegment, run: Run) -> None:
    occurrence = tq1.first(13)
    if occurrence is None:
        return
    unit = time_unit(occurrence.part(2).peek(1))
    if unit:
        number = cq_decimal(occurrence, run, tq1.where(13))
        if number is not None and number >= 0:
            cq_code(occurrence)
            repeat["duration"] = number
            repeat["durationUnit"] = unit
