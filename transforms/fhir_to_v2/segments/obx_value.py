"""OBX-2, OBX-5 and OBX-6: the value of an Observation."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.attachments import ed_of, rp_of
from transforms.fhir_to_v2.datatypes.codes import cwe_of
from transforms.fhir_to_v2.datatypes.quantities import na_of, nr_of, sn_of, sn_of_range, sn_of_ratio, units_of
from transforms.fhir_to_v2.datatypes.times import dtm_of, period_of, tm
from transforms.fhir_to_v2.line import Encoded, Part, Parts
from transforms.fhir_to_v2.run import Run
from transforms.v2_to_fhir.extensions import V2_TEXT, VALUE_TYPE
from transforms.v2_to_fhir.segments.obx_value import VALUE_ATTACHMENT

_CODED = ("CWE", "CE", "CNE", "CF", "IS", "ID")


@dataclass(slots=True)
class Value:
    """What one OBX holds: its type (OBX-2), the repetitions of OBX-5 and the unit (OBX-6)."""

    kind: str = ""
    repetitions: list[dict[int, Part] | Encoded] = field(default_factory=list)
    units: Parts = field(default_factory=dict)


def values_of(element: Node, same: list[Node], report: Node, run: Run) -> list[Value]:
    """The value of an Observation or component; one for each line of a text, one of no value where there is none.

    `same` are components that have the code of the Observation: the repetitions of its value.
    """
    told = element.extension(VALUE_TYPE).text("valueCode") if element.has("extension") else ""
    attachments = [each.one("valueAttachment") for each in element.extensions(VALUE_ATTACHMENT)]
    if attachments:
        element.skip("dataAbsentReason")
        return [_attached(attachments, report, told, run)]
    name = element.choice("value") or element.choice("_value").removeprefix("_")
    if name == "valueString":
        return _texts(element, told)
    parts = same or [element]
    found = Value()
    for part in parts:
        one = _value(part, part.choice("value") or part.choice("_value").removeprefix("_"), told, run)
        found.kind = found.kind or one.kind
        found.units = found.units or one.units
        found.repetitions += one.repetitions
    element.skip("dataAbsentReason")
    found.kind = told or found.kind
    return [found]


def _texts(element: Node, told: str) -> list[Value]:
    """A text: an OBX for each of its lines, or for each text that the sender wrote."""
    kept = element.beside("valueString").extensions(V2_TEXT) if element.has("_valueString") else []
    text = element.text("valueString")
    lines = text.split("\n")
    kind = told or ("TX" if len(lines) > 1 else "ST")
    if kept:
        return [Value(kind, [Encoded(each.text("valueString"))]) for each in kept]
    return [Value(kind, [{1: line}] if line else []) for line in lines]


def _value(element: Node, name: str, told: str, run: Run) -> Value:
    node = element.one(name)
    match name:
        case "valueQuantity":
            return _quantity(node, told)
        case "valueCodeableConcept":
            return Value("CE" if run.before(2, 5) else "CWE", _some(cwe_of(node, run)))
        case "valueRange":
            units = units_of(node.one("low") or node.one("high"))
            node.one("high").skip("unit", "system", "code")
            if told == "NR":
                return Value("NR", _some(nr_of(node)), units)
            return Value("SN", _some(sn_of_range(node)), units)
        case "valueRatio":
            units = units_of(node.one("numerator"))
            node.one("denominator").skip("unit", "system", "code")
            return Value("SN", _some(sn_of_ratio(node)), units)
        case "valueDateTime":
            written = dtm_of(element, name, run)
            kind = "DT" if len(written) == 8 else ("TS" if run.before(2, 6) else "DTM")
            return Value(kind, _some({1: written}))
        case "valueTime":
            return Value("TM", _some({1: tm(element.text(name))}))
        case "valuePeriod":
            begin, end = period_of(node, run)
            return Value("DR", _some({1: begin, 2: end}))
        case "valueSampledData":
            node.skip("dimensions")
            units = units_of(node.one("origin"))
            node.one("origin").skip("value")
            return Value("NA", [*na_of(node)], units)
        case "valueInteger":
            return Value("NM", _some({1: element.text(name)}))
        case "valueBoolean":
            code = {"true": "Y", "false": "N"}.get(element.text(name), "")
            return Value("CE" if run.before(2, 5) else "CWE", _some({1: code, 3: "HL70136" if code else ""}))
        case "valueString":
            return Value("ST", _some({1: element.text(name)}))
    return Value()


def _quantity(quantity: Node, told: str) -> Value:
    units = units_of(quantity)
    comparator = quantity.peek("comparator")
    if told == "NM" and comparator:
        return Value("NM", _some({1: comparator + quantity.text("value")}), units)
    if told == "SN" or (comparator and not told) or quantity.has("extension"):
        return Value("SN", _some(sn_of(quantity)), units)
    quantity.text("comparator")
    return Value("NM", _some({1: comparator + quantity.text("value")}), units)


def _attached(attachments: list[Node], report: Node, told: str, run: Run) -> Value:
    found = Value()
    for attachment in attachments:
        attachment.skip("title", "creation", "size", "hash", "language")
        if attachment.has("url"):
            found.kind = found.kind or "RP"
            found.repetitions += _some(rp_of(attachment))
        else:
            found.kind = found.kind or "ED"
            data = attachment.peek("data") or _data_of(attachment.peek("hash"), report, run)
            found.repetitions += _some(ed_of(attachment, data))
    found.kind = told or found.kind
    return found


def attached(attachment: Node) -> Value:
    """The value that an Attachment with its data, or its address, is."""
    attachment.skip("title", "creation", "size", "hash", "language")
    if attachment.has("url") and not attachment.has("data"):
        return Value("RP", _some(rp_of(attachment)))
    return Value("ED", _some(ed_of(attachment, attachment.peek("data"))))


def is_text(data: str, texts: list[str]) -> bool:
    """Whether data in base64 is one of these texts."""
    try:
        return base64.b64decode(data, validate=False).decode() in texts if data else False
    except (binascii.Error, ValueError):
        return False


def _data_of(digest: str, report: Node, run: Run) -> str:
    """The data, in base64, of which an attachment has the SHA-1 only: in the report's forms or in a Media."""
    media = [run.resolve(each.one("link")) for each in report.all("media")]
    for holder in [*report.all("presentedForm"), *(each.one("content") for each in media)]:
        data = holder.peek("data")
        try:
            content = base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError):
            continue
        if data and base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode() == digest:
            holder.skip(*holder.names())
            for each in media:
                if each.one("content") is holder:
                    each.skip("status", "createdDateTime")
                    run.done.add(each.path)
            return data
    return ""


def _some(parts: dict[int, Part]) -> list[dict[int, Part] | Encoded]:
    return [{number: part for number, part in parts.items() if part}] if any(parts.values()) else []
