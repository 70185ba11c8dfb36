"""RXC: a component of a medicine that is mixed."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append, unknown_concept
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.medications import amount, medication_of
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment


def rxc_medication(rxc: SourceSegment, run: Run, resource: Resource) -> Resource:
    """RXC, which the guide does not map: an ingredient of the medicine; an additive is active, a base not."""
    medication = medication_of(resource, run)
    ingredient: Element = {
        "itemCodeableConcept": cwe_codeable_concept(rxc.first(2), run, rxc.where(2)) or unknown_concept()
    }
    kind = rxc.raw(1)
    if kind in ("A", "B"):
        ingredient["isActive"] = rxc.text(1) == "A"
    quantity = amount(rxc, 3, 4, run)
    if quantity is not None:
        ingredient["strength"] = {"numerator": quantity, "denominator": {"value": 1}}
    append(medication, "ingredient", ingredient)
    return medication
