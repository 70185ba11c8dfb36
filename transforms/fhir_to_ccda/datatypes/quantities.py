"""Quantity, Range and Ratio to PQ, IVL_PQ and RTO."""

from __future__ import annotations

import re

from schemas.finding import Severity
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.plain import number
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run

_UCUM = ("http://unitsofmeasure.org", "http://unitsofmeasure.org/")
_SPACE = re.compile(r"\s")
_BOUNDS = {"<": ("high", "false"), "<=": ("high", "true"), ">": ("low", "false"), ">=": ("low", "true")}


def pq(quantity: Node, run: Run, tag: str = "value", kind: str = "PQ") -> Element:
    """The PQ of a Quantity without a comparator, its digits kept; a nullFlavor where it has no value."""
    value, code, system = number(quantity, "value"), quantity.text("code"), quantity.text("system")
    if not value:
        return null(tag, kind=kind)
    if code and not _SPACE.search(code) and system in (*_UCUM, ""):
        return make(tag, value=value, unit=code, kind=kind)
    unit = quantity.text("unit")
    if unit and not code and not _SPACE.search(unit):
        return make(tag, value=value, unit=unit, kind=kind)
    made = make(tag, value=value, kind=kind)
    said = unit or code
    if said:
        # A unit that is none of UCUM's is no unit of a PQ; the value is said again beside it, with the unit as text.
        made = make(tag, nullFlavor="OTH", kind=kind)
        made.append(make("translation", make("originalText", text=said), value=value))
    return made


def quantity_of(quantity: Node, run: Run, tag: str = "value", *, typed: bool = True) -> Element:
    """The PQ of a Quantity, or the IVL_PQ of one with a comparator."""
    bound = _BOUNDS.get(quantity.text("comparator"))
    if bound is None:
        return pq(quantity, run, tag, "PQ" if typed else "")
    side, inclusive = bound
    edge = pq(quantity, run, side, "")
    edge.set("inclusive", inclusive)
    return make(tag, edge, kind="IVL_PQ" if typed else "")


def range_of(range_: Node, run: Run, tag: str = "value", *, typed: bool = True) -> Element:
    """The IVL_PQ of a Range; a nullFlavor where it has neither end."""
    made = make(tag, kind="IVL_PQ" if typed else "")
    for side in ("low", "high"):
        if range_.one(side).has("value"):
            made.append(pq(range_.one(side), run, side, ""))
    return made if len(made) else null(tag, kind="IVL_PQ" if typed else "")


def ratio_of(ratio: Node, run: Run, tag: str = "value", *, typed: bool = True) -> Element:
    """The RTO_PQ_PQ of a Ratio."""
    sides = [(name, ratio.one(name)) for name in ("numerator", "denominator")]
    made = make(tag, kind="RTO_PQ_PQ" if typed else "")
    for name, side in sides:
        if side.has("comparator"):
            run.tell(NOT_CARRIED, f"{side.path}.comparator", "a ratio has no place for it", "", Severity.WARNING)
        made.append(pq(side, run, name, "PQ"))
    return made


def shown(quantity: Node) -> str:
    """What a Quantity says to a reader."""
    unit = quantity.peek("unit") or quantity.peek("code")
    if unit == "1":
        unit = ""
    return f"{quantity.peek('comparator')}{quantity.peek('value')}{' ' if unit else ''}{unit}"


def shown_range(range_: Node) -> str:
    """What a Range says to a reader."""
    low, high = shown(range_.one("low")), shown(range_.one("high"))
    return f"{low} – {high}" if low and high else (f"≥ {low}" if low else (f"≤ {high}" if high else ""))
