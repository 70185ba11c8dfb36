"""A value of any data type (ANY) as the `value[x]` of a FHIR element."""

from __future__ import annotations

from typing import Any

from schemas.fhir import Element
from transforms.ccda_to_fhir.datatypes.attachments import attachment
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.identifiers import ii_identifier
from transforms.ccda_to_fhir.datatypes.quantities import bounds, compared, decimal, put_unit, quantity, ratio
from transforms.ccda_to_fhir.datatypes.times import period, put_time
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run


def put_value(element: Element, value: Node | None, run: Run, prefix: str = "value") -> bool:
    """Put what `value` says into `element` as `prefix` and its type (`valueQuantity`); whether it says anything.

    A number without a unit is a Quantity; a document (ED in base64) is an Attachment, which Observation does not take.
    """
    if value is None:
        return False
    kind, found = any_value(value, run)
    if found is None or found in ("", {}):
        return False
    if kind == "DateTime":
        put_time(element, f"{prefix}DateTime", value, run)
        return f"{prefix}DateTime" in element
    element[f"{prefix}{kind}"] = found
    return True


def any_value(value: Node, run: Run) -> tuple[str, Any]:
    """What `value` is: the type by FHIR's name, and it; None for it where it says nothing."""
    return _BY_TYPE.get(value.type, _untyped)(value, run)


def _quantity(value: Node, run: Run) -> tuple[str, Any]:
    found = quantity(value, run)
    if found is None and value.peek("value"):
        return "String", " ".join(filter(None, (value.attr("value"), value.attr("unit"))))
    return "Quantity", found


def _number(value: Node, run: Run) -> tuple[str, Any]:
    number = decimal(value, "value", run)
    if number is None:
        return "String", value.attr("value") or None
    if value.type == "INT" and number == int(number) and abs(number) < 2**31:
        return "Integer", int(number)
    return "Quantity", {"value": number}


def _concept(value: Node, run: Run) -> tuple[str, Any]:
    return "CodeableConcept", codeable_concept(value, run)


def _boolean(value: Node, run: Run) -> tuple[str, Any]:
    return "Boolean", {"true": True, "1": True, "false": False, "0": False}.get(value.attr("value"))


def _time(value: Node, run: Run) -> tuple[str, Any]:
    return "DateTime", value.attr("value") or None


def _span(value: Node, run: Run) -> tuple[str, Any]:
    return "Period", period(value, run)


def _ratio(value: Node, run: Run) -> tuple[str, Any]:
    found = ratio(value, run)
    return ("Ratio", found) if found is not None else ("String", value.text or None)


def _identifier(value: Node, run: Run) -> tuple[str, Any]:
    made = ii_identifier(value, run)
    return "String", made["value"] if made is not None else None


def _document(value: Node, run: Run) -> tuple[str, Any]:
    if value.peek("representation") == "B64":
        return "Attachment", attachment(value, run)
    return "String", text_of(value, run) or None


def _interval(value: Node, run: Run) -> tuple[str, Any]:
    low, high = value.get("low"), value.get("high")
    has_low = low is not None and bool(low.peek("value"))
    has_high = high is not None and bool(high.peek("value"))
    if has_low and has_high:
        return "Range", bounds(value, run)
    if has_low or has_high:
        return "Quantity", compared(value, run)
    center = value.get("center")
    found = quantity(value if value.peek("value") else center, run)
    if found is not None and value.peek("value"):
        put_unit(found, value, run)
    return "Quantity", found


def _untyped(value: Node, run: Run) -> tuple[str, Any]:
    """A value whose type is not told, or is a text: by what it has."""
    if value.type not in ("ST", "SC") and value.peek("code"):
        return "CodeableConcept", codeable_concept(value, run)
    if value.type not in ("ST", "SC") and value.peek("value") and value.peek("unit"):
        return "Quantity", quantity(value, run)
    return "String", text_of(value, run) or value.attr("value") or None


_BY_TYPE = {
    **dict.fromkeys(("PQ", "MO", "PQR"), _quantity),
    **dict.fromkeys(("IVL_PQ", "IVL_INT", "IVL_REAL"), _interval),
    **dict.fromkeys(("INT", "REAL"), _number),
    **dict.fromkeys(("CD", "CE", "CV", "CO", "CS"), _concept),
    **dict.fromkeys(("RTO", "RTO_PQ_PQ", "RTO_QTY_QTY", "RTO_MO_PQ"), _ratio),
    "BL": _boolean,
    "TS": _time,
    "IVL_TS": _span,
    "II": _identifier,
    "ED": _document,
}
