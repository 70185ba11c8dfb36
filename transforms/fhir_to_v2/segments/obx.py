"""OBX: one observation, its value and what is to be known about it."""

from __future__ import annotations

from schemas.hl7v2.escape import escape
from transforms.elements import CORE, R5
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import xad_of
from transforms.fhir_to_v2.datatypes.authorities import xon_of
from transforms.fhir_to_v2.datatypes.codes import code_of, codes_of, cwe_of, has_code
from transforms.fhir_to_v2.datatypes.entities import cwe_of_organization, ei_of_device, specimen_numbers
from transforms.fhir_to_v2.datatypes.identifiers import ei_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Encoded, Line
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.nte import ntes_of
from transforms.fhir_to_v2.segments.obx_value import Value, attached, is_text, values_of
from transforms.v2_to_fhir.profiles_results import OBSERVATION_TYPE

_STATUSES = {
    "registered": "I",
    "preliminary": "P",
    "amended": "C",
    "corrected": "C",
    "cancelled": "X",
    "entered-in-error": "W",
    "final": "F",
}
"""The status of a result (table 0085) where the guide's map has none."""


def obxs_of(observation: Node, run: Run, report: Node = EMPTY) -> None:
    """Observation[OBX]: one for each value, and the notes behind them.

    Components with codes of their own become OBX of their own, which OBX-4 holds together.
    """
    own = observation.one("code")
    others = [each for each in observation.all("component") if not _is_same(each.one("code"), own)]
    same = [each for each in observation.all("component") if each not in others]
    for each in same:
        each.skip("code")
    has_value = bool(observation.choice("value") or observation.choice("_value") or same)
    number = 0
    if has_value or not others or observation.has("extension"):
        for value in values_of(observation, same, report, run):
            _write(observation, own, value, run, _sub_id(observation))
            number += 1
    for each in others:
        number += 1
        for value in values_of(each, [], report, run):
            _write(observation, each.one("code"), value, run, _sub_id(observation) or str(number), each)
    ntes_of(observation, run)


def forms_of(report: Node, run: Run) -> None:
    """DiagnosticReport.conclusion and .presentedForm[OBX]: what the report says as a whole, unless a result says it."""
    texts = [run.resolve(each).peek("valueString") for each in report.all("result")]
    conclusion = report.text("conclusion")
    if conclusion:
        _write_form(report, Value("TX", [{1: line} for line in conclusion.split("\n")]), run)
    for form in report.all("presentedForm"):
        if any(not read and path.endswith((".data", ".url")) for path, _, read in form.leaves()):
            data = form.peek("data")
            if is_text(data, texts):
                form.skip(*form.names())
            elif data or form.has("url"):
                _write_form(report, attached(form), run)


def _write_form(report: Node, value: Value, run: Run) -> None:
    obx = run.line("OBX", report)
    obx.put(1, str(_number(run)))
    obx.put(2, value.kind)
    obx.put(3, cwe_of(report.one("code"), run))
    obx.fields.update({5: [*value.repetitions]})
    obx.put(11, _STATUSES.get(report.peek("status"), "F"))


def status_of(observation: Node, run: Run) -> str:
    """OBX-11."""
    known = observation.peek("status")
    if observation.has("_status"):
        return code_of(observation, "status", run, "ObservationResultStatusCodesInterpretation")
    observation.text("status")
    return _STATUSES.get(known, "")


def _write(observation: Node, code: Node, value: Value, run: Run, sub_id: str, part: Node = EMPTY) -> Line:
    obx = run.line("OBX", observation)
    obx.put(1, str(_number(run)))
    obx.put(2, value.kind)
    obx.put(3, cwe_of(code, run))
    if sub_id:
        obx.fields[4] = [sub_id] if isinstance(sub_id, Encoded) else [{1: sub_id}]
    obx.fields.update({5: [*value.repetitions]} if value.repetitions else {})
    obx.put(6, value.units)
    source = part or observation
    ranges = source.all("referenceRange") or next(
        (each.all("referenceRange") for each in observation.all("component") if each.has("referenceRange")), []
    )
    for each in ranges[:1]:
        obx.put(7, _range(each))
    obx.put(8, *(cwe_of(each, run, "InterpretationCodes", "0078") for each in source.all("interpretation")))
    for each in observation.extensions(f"{CORE}observation-nature-of-abnormal-test"):
        obx.put(10, cwe_of(each.one("valueCodeableConcept"), run, "NatureOfAbnormalTesting", "0080"))
    obx.put(11, status_of(observation, run))
    period = observation.one("effectivePeriod")
    obx.put(14, dtm_of(observation, "effectiveDateTime", run) or dtm_of(period, "start", run))
    if observation.has("effectiveInstant"):
        obx.put(14, dtm_of(observation, "effectiveInstant", run))
    _put_performers(obx, observation, run)
    obx.put(17, cwe_of(observation.one("method"), run))
    obx.put(18, ei_of_device(observation.one("device"), run) if observation.has("device") else "")
    analysed = observation.extension(f"{CORE}observation-analysis-date-time")
    obx.put(19, dtm_of(analysed, "valueDateTime", run))
    obx.put(20, cwe_of(observation.one("bodySite"), run))
    if run.has_field("OBX", 21):
        obx.put(21, ei_of(observation.one("identifier"), run))
    for category in observation.all("category"):
        obx.put(29, *codes_of(category, OBSERVATION_TYPE))
    structure = observation.extension(f"{CORE}observation-structure-type").one("valueCodeableConcept")
    obx.put(30, next(iter(codes_of(structure, "http://terminology.hl7.org/CodeSystem/v2-0937")), ""))
    for each in observation.extensions(f"{R5}Observation.specimen"):
        obx.put(33, specimen_numbers(each.one("valueReference"), run))
    return obx


def _put_performers(obx: Line, observation: Node, run: Run) -> None:
    for performer in observation.all("performer"):
        found = run.resolve(performer) if performer.has("reference") else EMPTY
        kind = found.peek("resourceType") or performer.peek("type")
        if field_of(performer, "OBX") == 15:
            obx.put(15, cwe_of_organization(performer, run))
        elif kind == "Organization":
            _put_organization(obx, performer, found, run)
        elif kind == "PractitionerRole" and any(has_code(code, "MDIR") for code in found.all("code")):
            found.skip("code")
            obx.put(25, xcn_of(performer, run))
            if found.has("organization"):
                _put_organization(obx, found.one("organization"), run.resolve(found.one("organization")), run)
        else:
            found.skip("code")
            obx.put(16, xcn_of(performer, run))


def _put_organization(obx: Line, reference: Node, organization: Node, run: Run) -> None:
    if not run.has_field("OBX", 23):
        obx.put(15, cwe_of_organization(reference, run))
    elif not obx.has(23):
        obx.put(23, xon_of(reference, run))
        obx.put(24, xad_of(organization.one("address"), run))


def _range(range_: Node) -> str:
    text = range_.text("text")
    low, high = range_.one("low"), range_.one("high")
    for each in (low, high):
        each.skip("unit", "system", "code")
    first, last = low.text("value"), high.text("value")
    if text:
        return text
    if first and last:
        return f"{first}-{last}"
    return f">={first}" if first else (f"<={last}" if last else "")


def _sub_id(observation: Node) -> str:
    """OBX-4, with the parts of an OG where it has any: they are written before version 2.8.2 as well."""
    if not observation.has("extension"):
        return ""
    sub = observation.extension(f"{CORE}observation-v2-subid")
    parts = [
        sub.extension("original-sub-identifier").text("valueString"),
        sub.extension("group").text("valueDecimal"),
        sub.extension("sequence").text("valueDecimal"),
        sub.extension("identifier").text("valueString"),
    ]
    if not any(parts[1:]):
        return parts[0]
    return Encoded("^".join(map(escape, parts)).rstrip("^"))


def _number(run: Run) -> int:
    """OBX-1: which OBX of its order this is."""
    count = 0
    for line in reversed(run.lines):
        if line.name in ("OBR", "PV1", "PID", "SPM", "TXA", "RXA"):
            break
        count += line.name == "OBX"
    return count


def _is_same(code: Node, other: Node) -> bool:
    one, two = code.one("coding"), other.one("coding")
    return (one.peek("system"), one.peek("code"), code.peek("text")) == (
        two.peek("system"),
        two.peek("code"),
        other.peek("text"),
    )
