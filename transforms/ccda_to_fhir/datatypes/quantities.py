"""PQ, INT, REAL, MO, IVL_PQ and RTO to Quantity, Range, Ratio and numbers, their digits as they are written."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from schemas.fhir import Element
from transforms.ccda_to_fhir.datatypes.codes import code_system
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import NOT_A_NUMBER, Run
from transforms.elements import CORE, extension

UCUM = "http://unitsofmeasure.org"
PRECISION = f"{CORE}quantity-precision"
_SHOWN = {"mm[Hg]": "mmHg", "[in_i]": "in", "[lb_av]": "lb", "[degF]": "°F", "Cel": "°C"}
"""How a reader is shown units whose code in UCUM reads badly."""
_WRITTEN_FOR = {
    "mmhg": "mm[Hg]",
    "mm hg": "mm[Hg]",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "pounds": "[lb_av]",
    "in": "[in_i]",
    "inch": "[in_i]",
    "inches": "[in_i]",
    "bpm": "/min",
    "beats/min": "/min",
    "breaths/min": "/min",
    "degf": "[degF]",
    "degc": "Cel",
    "mcg": "ug",
    "kg/m^2": "kg/m2",
}
"""The codes of UCUM for what documents write in their place, in lower case; the unit in words stays what it is."""


def decimal(node: Node, name: str, run: Run) -> Decimal | None:
    """The number in the attribute `name`; None, with a finding, where it is none."""
    text = node.attr(name).removeprefix("+")
    if not text:
        return None
    try:
        number = Decimal(text) if text.isascii() and "_" not in text else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or len(text) > 64 or abs(number.adjusted()) > 60:
        run.tell(NOT_A_NUMBER, node.where, "this is no number; its text is kept")
        return None
    return number


def positive_int(node: Node | None, run: Run) -> int | None:
    """The positive whole number of an INT, or of the low of an IVL_INT; None where it is none."""
    if node is None:
        return None
    low = node.get("low")
    number = decimal(node if node.peek("value") or low is None else low, "value", run)
    return int(number) if number is not None and number == int(number) and 0 < number < 2**31 else None


def quantity(pq: Node | None, run: Run) -> Element | None:
    """The Quantity of a PQ (or MO); None where it has no number. A text that stands for a number is its unit."""
    if pq is None:
        return None
    number = decimal(pq, "value", run)
    if number is None:
        return None
    element: Element = {"value": number}
    _, digits, exponent = number.as_tuple()
    if isinstance(exponent, int) and exponent < 0 and digits[-1] == 0:
        # Readers that take a decimal for a binary number lose the zeros at its end, and so how exact it is.
        element["_value"] = {"extension": [extension(PRECISION, "valueInteger", -exponent)]}
    put_unit(element, pq, run)
    return element


def put_unit(element: Element, pq: Node, run: Run) -> None:
    """Put the unit of a PQ into a Quantity: a code of UCUM, or what it is called where it is none."""
    unit = pq.attr("unit") or pq.attr("currency")
    if not unit:
        translation = pq.get("translation")
        if translation is not None and translation.attr("code"):
            name = translation.attr("displayName") or text_of(translation.get("originalText"), run)
            element["unit"] = name or translation.attr("code")
            system = translation.attr("codeSystem")
            if system:
                element["system"] = code_system(system)
                element["code"] = translation.attr("code")
        return
    element["unit"] = _SHOWN.get(unit, unit)
    if unit == "1":
        return
    code = _WRITTEN_FOR.get(unit.lower(), unit)
    if is_ucum(code):
        element["system"] = UCUM
        element["code"] = code


def is_ucum(unit: str) -> bool:
    """Whether `unit` can be a code of UCUM: no space in it, and nothing but ASCII."""
    return unit.isascii() and not any(each.isspace() for each in unit)


def bounds(ivl: Node, run: Run) -> Element | None:
    """The Range of an IVL_PQ, from its low to its high."""
    element: Element = {}
    for name in ("low", "high"):
        found = quantity(ivl.get(name), run)
        if found is not None:
            element[name] = found
    return element or None


def compared(ivl: Node, run: Run) -> Element | None:
    """The Quantity of an IVL_PQ that has one bound: below or above it, by whether the bound is within."""
    low, high = ivl.get("low"), ivl.get("high")
    bound = low if low is not None and low.peek("value") else high
    if bound is None:
        return None
    found = quantity(bound, run)
    if found is None:
        return None
    is_within = bound.attr("inclusive") != "false"
    mark = (">=" if is_within else ">") if bound is low else ("<=" if is_within else "<")
    return {"value": found.pop("value"), "comparator": mark, **found}


def ratio(rto: Node | None, run: Run) -> Element | None:
    """The Ratio of an RTO; None where it lacks a part (rat-1)."""
    if rto is None:
        return None
    first, second = quantity(rto.get("numerator"), run), quantity(rto.get("denominator"), run)
    return {"numerator": first, "denominator": second} if first is not None and second is not None else None
