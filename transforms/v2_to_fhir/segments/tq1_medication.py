"""TQ1 and the TQ before it, where what is timed is a medicine."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.quantities import cq_quantity
from transforms.v2_to_fhir.datatypes.timing import put_priority, tq_timing
from transforms.v2_to_fhir.medications import dosage_of
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.tq1 import tq1_timing
from transforms.v2_to_fhir.source import SourceSegment, Value


def tq1_medication_request(tq1: SourceSegment, run: Run, request: Resource) -> None:
    """TQ1[MedicationRequest]; each TQ1 after the first is another instruction."""
    dosage = dosage_of(request)
    if "timing" in dosage:
        dosage = {}
        request["dosageInstruction"].append(dosage)
    _put_dose(dosage, tq1.first(2), run, tq1.where(2))
    timing = tq1_timing(tq1, run)
    put(dosage, "timing", timing)
    for value in tq1[9]:
        if "priority" not in request:
            put_priority(request, value[1], run, tq1.where(9))
        if "priority" in request and value is tq1.first(9):
            value.whole()  # its text and table say no more than the code
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
