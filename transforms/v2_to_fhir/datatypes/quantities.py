"""NM, SN, CQ, NR, NA, MO and units to Quantity, Range, Ratio, SampledData, Money and numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from schemas.codes import system_name, system_uri
from schemas.fhir import Element
from transforms.elements import CORE, absent, extension
from transforms.v2_to_fhir.elements import decimal
from transforms.v2_to_fhir.extensions import V2_SYSTEM
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

UCUM = "http://unitsofmeasure.org"
COMPARATORS = ("<", "<=", ">=", ">")
_ORIGINAL_TEXT = f"{CORE}originalText"
_DAYS: Element = {"unit": "days", "system": UCUM, "code": "d"}
_MINUTES = {
    "s": Decimal(1) / 60,
    "sec": Decimal(1) / 60,
    "min": Decimal(1),
    "m": Decimal(1),
    "h": Decimal(60),
    "hr": Decimal(60),
    "d": Decimal(1440),
    "day": Decimal(1440),
    "wk": Decimal(10080),
    "week": Decimal(10080),
}
"""Minutes in a unit of time, as UCUM and table 0255 write it; one that none writes without saying its system."""


def nm_quantity(nm: Value, run: Run, where: str) -> Element | None:
    """NM[Quantity]: a Quantity without its unit; None where the text is no number."""
    number = decimal(nm.peek(1), run, where)
    if number is None:
        return None
    nm.mark(1)
    return {"value": number}


def nm_positive_int(text: str) -> int | None:
    """NM[positiveInt]: None where it is not one."""
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 2**31 else None


def nm_quantity_length_of_stay(nm: Value | None, run: Run, where: str) -> Element | None:
    """NM[Quantity-LengthOfStay]: that many days."""
    if nm is None:
        return None
    found = nm_quantity(nm, run, where)
    return {**found, **_DAYS} if found is not None and found["value"] >= 0 else None


def cwe_quantity(cwe: Value | None, run: Run) -> Element:
    """CWE[Quantity]: the unit of a Quantity, an empty element where there is none.

    A code counts only with the URI of its system (R4, qty-3); without, it is the unit in words.
    """
    if cwe is None:
        return {}
    number = 1 if cwe.has(1) or not cwe.has(4) else 4
    name = cwe.peek(number + 2)
    uri = (system_uri(name) or run.options.local_systems.replace("{name}", name)) if name else ""
    own = run.own_code(cwe.peek(number), name) if run.options.codes is not None else None
    if own is not None:
        uri = system_uri(own.system) or own.system or UCUM
    element: Element = {}
    text = cwe[number + 1]
    if uri and cwe.has(number):
        code = cwe[number]
        cwe.mark(number + 2)
        element["unit"] = text or code
        element["system"] = uri
        if name != system_name(uri):
            element["_system"] = {"extension": [extension(V2_SYSTEM, "valueString", name)]}
        element["code"] = own.code if own is not None else code
    elif text or cwe.has(number):
        element["unit"] = text or cwe[number]
    return element


def cq_quantity(cq: Value | None, run: Run, where: str) -> Element | None:
    """CQ[Quantity]."""
    if cq is None:
        return None
    element = nm_quantity(cq, run, where) or {}
    if cq.has(2):
        element.update(cwe_quantity(cq.part(2), run))
    return element or None


def cq_decimal(cq: Value, run: Run, where: str) -> Decimal | None:
    """CQ[decimal]."""
    found = nm_quantity(cq, run, where)
    return found["value"] if found is not None else None


def cq_code(cq: Value) -> str:
    """CQ[code]: the code of the unit."""
    return cq.part(2)[1]


def cq_unsigned_int(cq: Value) -> int | None:
    """CQ[unsignedInt]: a duration in whole minutes; None where the unit is no unit of time, or there is no number."""
    return minutes(cq.peek(1), cq.part(2).peek(1))


def minutes(number: str, unit: str) -> int | None:
    """So many of a unit of time in whole minutes; None where they are none."""
    each = _MINUTES.get(unit) or _MINUTES.get(unit.lower().rstrip("s"))
    if each is None or not (number.isascii() and number.isdecimal()) or len(number) > 9:
        return None
    total = int(number) * each
    return int(total) if total == int(total) else None


def sn_quantity(sn: Value, run: Run, where: str) -> Element | None:
    """SN[Quantity]: a number, maybe with a comparator."""
    number = decimal(sn[2], run, where)
    if number is None:
        return None
    element: Element = _original(sn) if sn.has(3) or sn.has(4) else {}
    comparator = sn[1]
    if comparator in COMPARATORS:
        element["comparator"] = comparator
    element["value"] = number
    return element


def sn_range(sn: Value, run: Run, where: str, units: Element) -> Element | None:
    """SN[Range]: from one number to another, each in `units`."""
    low, high = decimal(sn[2], run, where), decimal(sn[4], run, where)
    if low is None or high is None:
        return None
    return {**_original(sn), "low": {"value": low, **units}, "high": {"value": high, **units}}


def sn_ratio(sn: Value, run: Run, where: str, units: Element) -> Element | None:
    """SN[Ratio]: one number to another, as in a titre."""
    first, second = decimal(sn[2], run, where), decimal(sn[4], run, where)
    if first is None or second is None:
        return None
    numerator: Element = {"value": first, **units}
    if sn[1] in COMPARATORS:
        numerator = {"value": first, "comparator": sn[1], **units}
    return {**_original(sn), "numerator": numerator, "denominator": {"value": second, **units}}


def sn_value(sn: Value, run: Run, where: str, units: Element) -> tuple[str, Any]:
    """What an SN is as a value: its type (`Quantity`, `Range`, `Ratio`, `String`), and it."""
    comparator, separator = sn.peek(1), sn.peek(3)
    found: Element | None = None
    if comparator in ("", "=", *COMPARATORS) and sn.has(2):
        if separator in (":", "/"):
            kind, found = "Ratio", sn_ratio(sn, run, where, units)
        elif separator == "-" and comparator in ("", "="):
            kind, found = "Range", sn_range(sn, run, where, units)
        elif separator == "":
            kind, found = "Quantity", sn_quantity(sn, run, where)
            if found is not None:
                found.update(units)
    if found is not None:
        return kind, found
    text = sn.shown()
    return "String", f"{text} {units['unit']}" if text and "unit" in units else text


def nr_range(nr: Value, run: Run, where: str, units: Element) -> Element | None:
    """NR[Range]."""
    element: Element = {}
    for name, number in (("low", 1), ("high", 2)):
        if nr.has(number):
            value = decimal(nr[number], run, where)
            if value is not None:
                element[name] = {"value": value, **units}
    return element or None


def na_sampled_data(values: list[Value], run: Run, where: str, units: Element) -> Element | None:
    """NA[SampledData]: the numbers of one channel, or rows of a matrix (HL7 v2.9, 2A.2.46).

    None where they are not numbers all, or rows differ in length. When they were taken is not said.
    """
    rows = [[value.peek(number + 1) for number in range(len(value.parts))] for value in values]
    if len({len(row) for row in rows}) != 1:
        return None
    numbers = [decimal(text, run, where) for row in rows for text in row]
    if None in numbers:
        return None
    for value in values:
        value.whole()
    return {
        "origin": {"value": Decimal(0), **units},
        "_period": absent("unknown"),
        "dimensions": len(rows[0]) if len(rows) > 1 else 1,
        "data": " ".join(format(number, "f") for number in numbers if number is not None),
    }


def _original(sn: Value) -> Element:
    text = " ".join(filter(None, (sn[1], sn[2], sn[3], sn[4])))
    return {"extension": [extension(_ORIGINAL_TEXT, "valueString", text)]}
