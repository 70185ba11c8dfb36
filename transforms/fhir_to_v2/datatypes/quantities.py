"""Quantity, Range, Ratio, SampledData and Money to NM, SN, CQ, NR, NA and units."""

from __future__ import annotations

import re

from schemas.codes import system_name
from transforms.elements import CORE
from transforms.fhir_node import Node
from transforms.fhir_to_v2.line import Part
from transforms.v2_to_fhir.extensions import V2_SYSTEM

_ORIGINAL = re.compile(r"(?:(<=|>=|<|>|=|<>) )?(-?[\d.]+) ([-+:/.]) ?(-?[\d.]+)?\Z", re.ASCII)


def units_of(quantity: Node) -> dict[int, Part]:
    """The unit of a Quantity as a CWE: its code, how it is shown, its system."""
    code, unit, system = quantity.text("code"), quantity.text("unit"), quantity.text("system")
    if not code:
        return {1: unit}
    own = quantity.beside("system").extension(V2_SYSTEM).text("valueString") if quantity.has("_system") else ""
    return {1: code, 2: unit, 3: own or system_name(system) or system.removeprefix("urn:oid:")}


def cq_of(quantity: Node) -> dict[int, Part]:
    """Quantity[CQ]."""
    units = units_of(quantity)
    last = max((number for number, part in units.items() if part), default=0)
    return {1: quantity.text("value"), 2: [str(units.get(number, "")) for number in range(1, last + 1)]}


def sn_of(quantity: Node) -> dict[int, Part]:
    """Quantity[SN]: a number with its comparator."""
    original = original_sn(quantity)
    return original or {1: quantity.text("comparator"), 2: quantity.text("value")}


def sn_of_range(range_: Node) -> dict[int, Part]:
    """Range[SN]."""
    return original_sn(range_) or {2: range_.one("low").text("value"), 3: "-", 4: range_.one("high").text("value")}


def sn_of_ratio(ratio: Node) -> dict[int, Part]:
    """Ratio[SN]."""
    first, second = ratio.one("numerator"), ratio.one("denominator")
    found = original_sn(ratio)
    return found or {1: first.text("comparator"), 2: first.text("value"), 3: ":", 4: second.text("value")}


def nr_of(range_: Node) -> dict[int, Part]:
    """Range[NR]."""
    return {1: range_.one("low").text("value"), 2: range_.one("high").text("value")}


def na_of(sampled: Node) -> list[dict[int, Part]]:
    """SampledData[NA]: one repetition for each row."""
    numbers = sampled.text("data").split()
    dimensions = sampled.text("dimensions")
    width = int(dimensions) if dimensions.isdecimal() and 1 < int(dimensions) < 10000 else len(numbers)
    rows = [numbers[at : at + width] for at in range(0, len(numbers), max(width, 1))]
    return [dict(enumerate(row, 1)) for row in rows]


def original_sn(element: Node) -> dict[int, Part]:
    """The parts of an SN whose text was kept (`= 1 : 128`), empty where it was not."""
    if not element.has("extension"):
        return {}
    text = element.extension(f"{CORE}originalText").text("valueString")
    found = _ORIGINAL.match(text)
    if found is None:
        return {}
    for name in ("value", "comparator", "low", "high", "numerator", "denominator"):
        element.skip(name)
    return {number: part or "" for number, part in enumerate(found.groups(), 1)}
