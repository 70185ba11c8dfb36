"""value[x] of an Observation or extension to a value of any type."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes import codes, plain, quantities
from transforms.fhir_to_ccda.datatypes.times import low_high, period_of, ts_of
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run

_PLAIN = {
    "Boolean": ("BL", plain.boolean),
    "Integer": ("INT", plain.whole),
    "PositiveInt": ("INT", plain.whole),
    "Decimal": ("REAL", plain.number),
}
"""Types whose value is an attribute."""


def value_of(holder: Node, run: Run, stem: str = "value") -> Element | None:
    """The value that `holder` has, of the type that fits; None where it has none or one that no type fits."""
    name = holder.choice(stem)
    match name.removeprefix(stem):
        case "Quantity":
            return quantities.quantity_of(holder.one(name), run)
        case "CodeableConcept":
            return codes.cd_of(holder.one(name), run, "value", kind="CD")
        case "Coding":
            return codes.ce_of(holder.one(name), run, "value", kind="CD")
        case "String" | "Time" | "Markdown":
            return make("value", kind="ST", text=holder.text(name))
        case kind if kind in _PLAIN:
            type, read = _PLAIN[kind]
            said = read(holder, name)
            return make("value", kind=type, value=said) if said else None
        case "Range":
            return quantities.range_of(holder.one(name), run)
        case "Ratio":
            return quantities.ratio_of(holder.one(name), run)
        case "DateTime" | "Date" | "Instant":
            return ts_of(holder, name, run, "value", "TS")
        case "Period":
            low, high = period_of(holder.one(name), run)
            return low_high(low, high, "value", "IVL_TS")
        case "":
            return None
    run.tell(NOT_CARRIED, f"{holder.path}.{name}", "a document has no type for this value")
    return None


def absent_value(holder: Node, run: Run) -> Element:
    """The value of what has none: why, as a nullFlavor."""
    reason = holder.one("dataAbsentReason")
    code = codes.code_in(reason, "http://terminology.hl7.org/CodeSystem/data-absent-reason")
    made = null("value", codes.NULL_FLAVORS.get(code, "UNK"), kind="CD")
    text = reason.text("text")
    if text:
        made.append(make("originalText", text=text))
    return made


def shown(holder: Node, stem: str = "value") -> str:
    """The value that `holder` has, for a reader."""
    name = holder.choice(stem)
    one = holder.one(name)
    match name.removeprefix(stem):
        case "Quantity":
            return quantities.shown(one)
        case "CodeableConcept" | "Coding":
            return codes.shown(one)
        case "Range":
            return quantities.shown_range(one)
        case "Ratio":
            return f"{quantities.shown(one.one('numerator'))} : {quantities.shown(one.one('denominator'))}"
        case "Period":
            return f"{one.peek('start')} – {one.peek('end')}"
    return holder.peek(name) if name else codes.shown(holder.one("dataAbsentReason"))
