"""OBX-2, OBX-5, OBX-6 and OBX-7: what was observed, and what is usual."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from schemas.fhir import Element, Resource
from transforms.elements import R5, add_extension, coded, extension
from transforms.moments import moment
from transforms.v2_to_fhir.datatypes.annotations import lines
from transforms.v2_to_fhir.datatypes.attachments import ed_attachment, rp_attachment
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.quantities import (
    COMPARATORS,
    cq_quantity,
    cwe_quantity,
    na_sampled_data,
    nm_quantity,
    nr_range,
    sn_value,
)
from transforms.v2_to_fhir.datatypes.times import dr_period, put_date_time, tm_time
from transforms.v2_to_fhir.elements import decimal
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.extensions import VALUE_TYPE
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

VALUE_ATTACHMENT = f"{R5}Observation.valueAttachment"
ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
TEXTS = ("TX", "FT")
_CODED = ("CWE", "CE", "CNE", "CF", "IS", "ID")
_TIMES = ("DTM", "TS", "DT")
_WITH_UNITS = ("NM", "SN", "NR", "NA")
_PLAIN_RANGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)\s*\Z|\s*([<>])=?\s*(\d+(?:\.\d+)?)\s*\Z", re.ASCII)
_ABSENT = {
    "N": coded(ABSENT_REASON, "not-asked"),
    "X": coded(ABSENT_REASON, "not-performed"),
    "I": coded(ABSENT_REASON, "temp-unknown"),
    "O": coded(ABSENT_REASON, "temp-unknown"),
    "S": coded(ABSENT_REASON, "temp-unknown"),
    "P": coded(ABSENT_REASON, "temp-unknown"),
    "R": coded(ABSENT_REASON, "temp-unknown"),
}
"""Why there is no value, by OBX-11 (table 0085)."""
_UNKNOWN = coded(ABSENT_REASON, "unknown")
_AS_DOCUMENT = coded(ABSENT_REASON, "unsupported")
"""The value is there, as an attachment, which R4 has no value type for."""


def put_value(observation: Resource, obx: SourceSegment, more: list[SourceSegment], run: Run) -> None:
    """Put the value of OBX-5 into the Observation; where there is none, why.

    Each repetition is a component, but the repetitions of text, and the OBX in `more`, are its lines (HL7 v2.9,
    2A.2.76), and those of an NA the rows of one matrix.
    """
    kind = obx.text(2)
    values = obx[5]
    if kind in TEXTS:
        texts = [_text(each) for each in (obx, *more)]
        _put(observation, "String", "\n".join(texts))
        if "valueString" in observation and any("\n" in text for text in texts):
            held = observation.setdefault("_valueString", {})
            for each in (obx, *more):
                keep_text(held, each.raw(5), run)
    elif kind in ("ED", "RP"):
        _put_attachments(observation, obx, kind, run)
    elif kind == "NA" and values:
        sampled = na_sampled_data(values, run, obx.where(5), cwe_quantity(obx.first(6), run))
        _put(observation, "SampledData" if sampled else "String", sampled or lines(values))
    elif len(values) > 1:
        units = _units(obx, kind, run)
        for value in values:
            component: Element = {"code": observation["code"]}
            _put_one(component, value, kind, obx, units, run)
            if len(component) > 1:
                observation.setdefault("component", []).append(component)
    elif values:
        _put_one(observation, values[0], kind, obx, _units(obx, kind, run), run)
    if not has_value(observation):
        observation["dataAbsentReason"] = _ABSENT.get(obx.text(11), _UNKNOWN)
    elif obx.text(11) == "N":
        observation.setdefault("dataAbsentReason", _ABSENT["N"])


def put_value_type(observation: Resource, obx: SourceSegment, run: Run) -> None:
    """Keep the type of the value (OBX-2) where the value could as well be written in another one."""
    kind = obx.raw(2)
    if kind and kind not in _usual_types(observation, run):
        add_extension(observation, extension(VALUE_TYPE, "valueCode", kind[:3]))


def _usual_types(observation: Resource, run: Run) -> tuple[str, ...]:
    """What the way back writes for a value of that type."""
    old = run.er7.version < "2.5"
    if any(each["url"] == VALUE_ATTACHMENT for each in observation.get("extension", ())):
        return ("ED", "RP")
    holder = next(iter(observation.get("component", [])), observation)
    if "valueQuantity" in holder:
        return ("SN",) if "comparator" in holder["valueQuantity"] else ("NM",)
    if "valueCodeableConcept" in holder:
        return ("CE",) if old else ("CWE",)
    if "valueString" in holder:
        return ("TX",) if "\n" in holder["valueString"] else ("ST",)
    if "valueDateTime" in holder:
        if len(holder["valueDateTime"]) == 10:
            return ("DT",)
        return ("TS",) if run.er7.version < "2.6" else ("DTM",)
    return {"valueTime": ("TM",), "valuePeriod": ("DR",), "valueSampledData": ("NA",)}.get(
        next((name for name in holder if name.startswith("value")), ""), ()
    )


def has_value(observation: Resource) -> bool:
    """Whether an Observation has a value of its own, components, or the reason why not."""
    return any(
        name.startswith(("value", "_value")) or name in ("component", "dataAbsentReason") for name in observation
    )


def title_of(observation: Resource) -> str:
    """What the code of an Observation is called."""
    code = observation["code"]
    text: str = code.get("text", "")
    return text or next((each["display"] for each in code.get("coding", []) if "display" in each), "")


def put_reference_range(observation: Resource, obx: SourceSegment) -> None:
    """Put OBX-7 into the Observation as text, and as low and high where it says no more than numbers."""
    value = obx.first(7)
    if value is None:
        return
    text = value.whole()
    low, high = _limits(text)
    element: Element = {}
    quantity = observation.get("valueQuantity")
    if quantity is not None:
        units = {name: quantity[name] for name in ("unit", "system", "code") if name in quantity}
        if low is not None:
            element["low"] = {"value": low, **units}
        if high is not None:
            element["high"] = {"value": high, **units}
    element["text"] = text
    for component in observation.get("component", [observation]):
        component["referenceRange"] = [element]


@lru_cache(maxsize=4096)
def _limits(text: str) -> tuple[Decimal | None, Decimal | None]:
    """Low and high of `3.5-5.1`, `<10`, `>60`; neither where the text is anything else."""
    found = _PLAIN_RANGE.match(text)
    if found is None or len(text) > 40:
        return None, None
    low, high, sign, limit = found.groups()
    if sign is None:
        pair = Decimal(low), Decimal(high)
        return pair if pair[0] <= pair[1] else (None, None)
    return (None, Decimal(limit)) if sign == "<" else (Decimal(limit), None)


def _units(obx: SourceSegment, kind: str, run: Run) -> Element:
    return cwe_quantity(obx.first(6), run) if kind in _WITH_UNITS else {}


def _put_one(element: Element, value: Value, kind: str, obx: SourceSegment, units: Element, run: Run) -> None:
    """Put one repetition of OBX-5, of type `kind`, into the Observation or component `element`."""
    where = obx.where(5)
    if kind == "NM":
        _put(element, *_number(value, units, run, where))
    elif kind in _CODED:
        _put(element, "CodeableConcept", cwe_codeable_concept(value, run, where))
    elif kind == "SN":
        _put(element, *sn_value(value, run, where, units))
    elif kind in _TIMES:
        text = value[1]
        if moment(text, run.zone).text:
            put_date_time(element, "valueDateTime", text, run, where)
        else:
            run.report_time(where, "")
            _put(element, "String", value.whole())
    elif kind == "DR":
        _put(element, "Period", dr_period(value, run, where))
    elif kind == "NR":
        _put(element, "Range", nr_range(value, run, where, units))
    elif kind == "TM" and tm_time(value.peek(1)):
        _put(element, "Time", tm_time(value[1]))
    elif kind == "CQ":
        _put(element, "Quantity", cq_quantity(value, run, where))
    elif kind == "VR":
        _put(element, "String", value.shown("-"))
    else:
        _put(element, "String", value.whole())


def _number(value: Value, units: Element, run: Run, where: str) -> tuple[str, Any]:
    """A number as a Quantity; one with a comparator before it too, which many senders put into an NM."""
    text = value.peek(1)
    if text[:1] in ("<", ">"):
        comparator = text[:2] if text[:2] in COMPARATORS else text[:1]
        number = decimal(text[len(comparator) :], run, where)
        if number is not None:
            value.mark(1)
            return "Quantity", {"value": number, "comparator": comparator, **units}
    else:
        quantity = nm_quantity(value, run, where)
        if quantity is not None:
            quantity.update(units)
            return "Quantity", quantity
    return "String", value.whole()


def _put(element: Element, kind: str, value: Any) -> None:
    if value and (kind != "String" or value.strip()):
        element[f"value{kind}"] = value


def _text(obx: SourceSegment) -> str:
    """The text of OBX-5, its repetitions as lines; an empty one between others is an empty line."""
    values = obx.all(5)
    while values and not values[-1]:
        values = values[:-1]
    return lines(values)


def _put_attachments(observation: Resource, obx: SourceSegment, kind: str, run: Run) -> None:
    convert = ed_attachment if kind == "ED" else rp_attachment
    title = title_of(observation)
    for value in obx[5]:
        attachment = convert(value, run, obx.where(5))
        if attachment is None:
            continue
        if title:
            attachment["title"] = title
        if "T" in observation.get("effectiveDateTime", ""):
            attachment["creation"] = observation["effectiveDateTime"]
        add_extension(observation, extension(VALUE_ATTACHMENT, "valueAttachment", attachment))
        observation["dataAbsentReason"] = _AS_DOCUMENT
