"""TQ1 and the TQ before it, where what is timed is a medicine."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.v2_to_fhir.datatypes.quantities import cq_decimal, cq_quantity, nm_positive_int
from transforms.v2_to_fhir.datatypes.times import period, tm_time
from transforms.v2_to_fhir.datatypes.timing import put_priority, rpt_timing, time_unit, tq_timing
from transforms.v2_to_fhir.elements import append, put
from transforms.v2_to_fhir.extensions import OWN, add_extension, extension
from transforms.v2_to_fhir.medications import dosage_of
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value


def tq1_medication_request(tq1: SourceSegment, run: Run, request: Resource) -> None:
    """TQ1[MedicationRequest]; each TQ1 after the first is another instruction."""
    dosage = dosage_of(request)
    if "timing" in dosage:
        dosage = {}
        request["dosageInstruction"].append(dosage)
    _put_dose(dosage, tq1.first(2), run, tq1.where(2))
    timing: Element = rpt_timing(tq1.first(3), run, tq1.where(3)) or {}
    repeat: Element = timing.get("repeat", {})
    times = [time for time in (tm_time(value[1]) for value in tq1[4]) if time]
    put(repeat, "timeOfDay", times)
    _put_bounds(repeat, tq1, run)
    _put_duration(repeat, tq1.first(13), run, tq1.where(13))
    count = nm_positive_int(tq1.raw(14))
    if count is not None:
        tq1.text(14)
        repeat["count"] = count
    put(timing, "repeat", repeat)
    put(dosage, "timing", timing)
    put_priority(request, tq1.text(9), run, tq1.where(9))
    condition, text = tq1.text(10), tq1.text(11)
    append(dosage, "additionalInstruction", {"text": condition} if condition else None)
    put(dosage, "text", text)


def tq_medication_request(tq: Value, run: Run, where: str, request: Resource) -> None:
    """TQ[MedicationRequest]: quantity, timing, priority and notes of `request`."""
    dosage = dosage_of(request)
    if tq.has(1):
        _put_dose(dosage, tq.part(1), run, where)
    put(dosage, "timing", tq_timing(tq, run, where))
    put_priority(request, tq[6], run, where)
    if tq.has(7):
        add_extension(request, extension(f"{OWN}condition", "valueString", tq[7]))
    if tq.has(8):
        append(request, "note", {"text": tq[8]})


def _put_dose(dosage: Element, cq: Value | None, run: Run, where: str) -> None:
    """Put a quantity as the dose, where the pharmacy's own segment does not tell of the dose."""
    if "doseAndRate" in dosage:
        return
    quantity = cq_quantity(cq, run, where)
    if quantity is not None:
        dosage["doseAndRate"] = [{"doseQuantity": quantity}]


def _put_bounds(repeat: Element, tq1: SourceSegment, run: Run) -> None:
    bounds = period(tq1.text(7), tq1.text(8), run, tq1.where(7))
    if bounds is not None:
        repeat["boundsPeriod"] = bounds
        return
    duration = tq1.first(6)
    unit = time_unit(duration.part(2).peek(1)) if duration is not None else ""
    if duration is not None and unit:
        value = cq_decimal(duration, run, tq1.where(6))
        if value is not None:
            shown = duration.part(2).shown()
            repeat["boundsDuration"] = {
                "value": value,
                "unit": shown.split()[0],
                "system": "http://unitsofmeasure.org",
                "code": unit,
            }


def _put_duration(repeat: Element, cq: Value | None, run: Run, where: str) -> None:
    unit = time_unit(cq.part(2).peek(1)) if cq is not None else ""
    if cq is None or not unit:
        return
    value = cq_decimal(cq, run, where)
    if value is not None:
        cq.part(2).shown()
        repeat["duration"], repeat["durationUnit"] = value, unit
