"""Identifier to CX, EI, PLN, DLN and EIP."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.authorities import assigner_hd, check_digit_of, hd_of, identifier_type_of
from transforms.fhir_to_v2.datatypes.times import dt_of, dtm_of
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.extensions import ASSIGNING_FACILITY


def cx_of(identifier: Node, run: Run) -> dict[int, Part]:
    """Identifier[CX]."""
    value = identifier.text("value")
    if not value:
        return {}
    digit, scheme = check_digit_of(identifier)
    facility = identifier.extension(ASSIGNING_FACILITY).one("valueReference") if identifier.has("extension") else None
    period = identifier.one("period")
    return {
        1: value,
        2: digit,
        3: scheme,
        4: hd_of(identifier, run),
        5: identifier_type_of(identifier),
        6: assigner_hd(facility, run) if facility else "",
        7: dt_of(period, "start", run),
        8: dt_of(period, "end", run),
    }


def ei_of(identifier: Node, run: Run) -> dict[int, Part]:
    """Identifier[EI]."""
    value = identifier.text("value")
    if not value:
        return {}
    identifier.skip("type")
    namespace, universal, kind = hd_of(identifier, run)
    return {1: value, 2: namespace, 3: universal, 4: kind}


def ei_subcomponents(identifier: Node, run: Run) -> list[str]:
    """Identifier[EI], as a component of another data type."""
    parts = ei_of(identifier, run)
    return [str(parts.get(number, "")) for number in range(1, 5)] if parts else []


def pln_of(identifier: Node, run: Run) -> dict[int, Part]:
    """Identifier[PLN]."""
    return {
        1: identifier.text("value"),
        2: identifier_type_of(identifier),
        3: identifier.one("assigner").text("display"),
        4: dt_of(identifier.one("period"), "end", run),
    }


def dln_of(identifier: Node, run: Run) -> dict[int, Part]:
    """Identifier[DLN]."""
    identifier.skip("type")
    return {
        1: identifier.text("value"),
        2: identifier.one("assigner").text("display"),
        3: dtm_of(identifier.one("period"), "end", run),
    }


def of_type(element: Node, *kinds: str) -> Node:
    """The first identifier of `element` that is of one of these types (table 0203), or an empty node."""
    for each in element.all("identifier"):
        if any(coding.peek("code") in kinds for coding in each.one("type").all("coding")):
            return each
    return Node(None, f"{element.path}.identifier")
