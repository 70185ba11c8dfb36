"""NM as the length of a stay: Duration."""

from __future__ import annotations

from schemas.fhir import Element
from transforms.v2_to_fhir.elements import decimal
from transforms.v2_to_fhir.run import Run

UCUM = "http://unitsofmeasure.org"


def nm_quantity_length_of_stay(text: str, run: Run, where: str) -> Element | None:
    """NM[Quantity-LengthOfStay]: a number of days, where it is not negative."""
    days = decimal(text, run, where)
    if days is None or days < 0:
        return None
    return {"value": days, "unit": "days", "system": UCUM, "code": "d"}
