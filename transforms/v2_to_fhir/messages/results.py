"""ORU, OUL and ORF: reports and their results."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.datatypes.attachments import is_image, text_attachment, without_data
from transforms.v2_to_fhir.messages.ack import ANSWER, settle_outcome
from transforms.v2_to_fhir.messages.clinical import CLINICAL
from transforms.v2_to_fhir.messages.common import HEADER, PERSON, VISIT, finish
from transforms.v2_to_fhir.messages.insurance import INSURANCE
from transforms.v2_to_fhir.messages.observations import OBSERVATIONS, on_obx
from transforms.v2_to_fhir.messages.order_groups import (
    close_group,
    is_about_specimen,
    obr_of,
    on_beside,
    on_order_dg1,
    on_order_pid,
    on_order_prt,
    on_sac,
    on_spm,
    on_tq1,
    open_order,
    put_focus,
)
from transforms.v2_to_fhir.order_group import OrderGroup
from transforms.v2_to_fhir.profiles_results import (
    LABORATORY,
    is_vital_sign,
    put_report_category,
    section_category,
)
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.obr import obr_diagnostic_report
from transforms.v2_to_fhir.segments.obx_value import TEXTS, VALUE_ATTACHMENT, title_of
from transforms.v2_to_fhir.segments.orc import CANCELLED, orc_diagnostic_report
from transforms.v2_to_fhir.segments.order_numbers import order_key, put_order_numbers
from transforms.v2_to_fhir.source import SourceSegment

_ABOUT_THE_ORDER = ("QST", "SCI")
"""OBX-29 of what the orderer told or was asked, which is no result."""
_NO_MEASUREMENT = (*TEXTS, "ED", "RP", "")


def on_orc(orc: SourceSegment, run: Run) -> Resource | None:
    """ORC: an order and, where OBR follows, the report on it."""
    if run.group is not None and run.group.orc is orc:
        return run.order
    close_group(run)
    obr = obr_of(run)
    if obr is None:
        return open_order(orc, None, run)
    return open_report(orc, obr, run)


def on_obr(obr: SourceSegment, run: Run) -> Resource | None:
    """OBR: a report, and the order that it answers."""
    if run.group is None or run.group.obr is not obr:
        close_group(run)
        open_report(_orc_behind(run), obr, run)
    run.latest = run.report
    return run.report


def open_report(orc: SourceSegment | None, obr: SourceSegment, run: Run) -> Resource:
    """Begin a DiagnosticReport and the ServiceRequest that it is based on; gives the request."""
    order = open_order(orc, obr, run)
    report = run.report = run.add("DiagnosticReport", *order_key("DiagnosticReport", orc, obr, run))
    put_order_numbers(report, orc, obr, run)
    report["basedOn"] = [run.refer(order)]
    report["status"] = "unknown"
    if run.patient is not None:
        report["subject"] = run.refer(run.patient)
    if run.encounter is not None:
        report["encounter"] = run.refer(run.encounter)
    if orc is not None:
        orc_diagnostic_report(orc, run, report)
    obr_diagnostic_report(obr, run, report)
    _put_status(order, report, orc, obr)
    section = obr.text(24)
    run.section = section_category(section) if section else _unsaid_section(obr, run)
    put_report_category(report, run, section)
    if run.group is not None:
        run.group.is_narrative = _is_narrative(obr, run)
    _find_parent(obr, run)
    return order


def on_result(obx: SourceSegment, run: Run) -> Resource:
    """OBX: a result of the report that is open; or about the specimen, the order or the patient."""
    if obx.target is not None:
        return obx.target
    observation = on_obx(obx, run)
    group, report = run.group, run.report
    if is_about_specimen(run):
        specimen = run.specimen if group is None else group.specimens[-1]
        if specimen is not None:
            observation["specimen"] = run.refer(specimen)
            append(observation, "focus", run.refer(specimen))
    elif group is not None and report is not None and obx.raw(29) not in _ABOUT_THE_ORDER:
        group.results.append(observation)
        run.results.setdefault(_told(obx), observation)
        # Each result is another one: to look whether it is there already would take its time with long reports.
        report.setdefault("result", []).append(run.refer(observation))
        if group.parent is not None:
            group.parent.setdefault("hasMember", []).append(run.refer(observation))
        _put_documents(report, observation, group, run)
    elif run.order is not None:
        run.order.setdefault("supportingInfo", []).append(run.refer(observation))
    return observation


def oru_r01(run: Run) -> None:
    """ORU_R01 and, with other segments in other places, ORU_R30 to R32, R40, OUL_R21 to R24 and ORF_R04."""
    run.walk(RESULTS)
    close_group(run)
    finish(run)
    settle_outcome(run)
    put_focus(run, "Patient", "DiagnosticReport")


def _orc_behind(run: Run) -> SourceSegment | None:
    """In OUL^R22 to R24 the ORC stands behind its OBR."""
    if run.message_type != "OUL" or run.trigger_event == "R21":
        return None
    behind = next((each for each in run.following() if each.name != "PRT"), None)
    return behind if behind is not None and behind.name == "ORC" else None


def _put_status(order: Resource, report: Resource, orc: SourceSegment | None, obr: SourceSegment) -> None:
    """What the report says of the order's status where the order does not (ORC-1 is RE, or there is no ORC)."""
    if order["status"] == "unknown" and "_status" not in order:
        status = {"F": "completed", "C": "completed", "X": "revoked"}.get(obr.text(25))
        if status is None and obr.raw(25) in ("A", "I", "M", "N", "O", "P", "R", "S"):
            status = "active"
        order["status"] = status or "unknown"
    is_cancelled = orc is not None and (orc.raw(1) in CANCELLED or orc.raw(5) in ("CA", "DC"))
    if is_cancelled and report["status"] == "unknown" and "_status" not in report:
        report["status"] = "cancelled"


def _unsaid_section(obr: SourceSegment, run: Run) -> str:
    """What the results are where OBR-24 does not say: laboratory, if there is a specimen or a measurement.

    Measurements that are vital signs, or that a device names in IEEE 11073's codes (MDC), are none of a laboratory.
    """
    if obr.has(15) or run.specimen is not None:
        return LABORATORY
    for segment in _behind(obr, run):
        if segment.name == "SPM":
            return LABORATORY
        if segment.name == "OBX" and segment.raw(2) not in _NO_MEASUREMENT:
            code = segment.first(3)
            if code is not None and code.peek(3) != "MDC" and not is_vital_sign(code.peek(1)):
                return LABORATORY
    return ""


def has_results(obr: SourceSegment, run: Run) -> bool:
    """Whether OBX stand behind an OBR that says how far its report has come."""
    return obr.has(25) and any(segment.name == "OBX" for segment in _behind(obr, run))


def _is_narrative(obr: SourceSegment, run: Run) -> bool:
    return all(segment.raw(2) in _NO_MEASUREMENT for segment in _behind(obr, run) if segment.name == "OBX")


def _behind(obr: SourceSegment, run: Run) -> Iterator[SourceSegment]:
    """The segments of the order of `obr` behind it."""
    is_there = run.segments[run.position] is obr
    for segment in run.following():
        if is_there and segment.name in ("OBR", "ORC", "PID"):
            if run.group is None or segment is not run.group.orc:
                return
        elif is_there:
            yield segment
        is_there = is_there or segment is obr


def _find_parent(obr: SourceSegment, run: Run) -> None:
    """OBR-26: the result, among those of this message, that this report's results belong to (its isolate)."""
    link = obr.first(26)
    if link is None or run.group is None:
        return
    told = (link.part(1).peek(1) or link.part(1).peek(2), link.part(2).peek(1))
    parent = run.results.get(told)
    if parent is not None:
        link.part(1).whole()
        link.part(2).whole()
        run.group.parent = parent


def _told(obx: SourceSegment) -> tuple[str, str]:
    """What OBR-26 calls a result by: its code and sub-id."""
    code = obx.first(3)
    return (code.peek(1) or code.peek(2) if code is not None else "", obx.raw(4))


def _put_documents(report: Resource, observation: Resource, group: OrderGroup, run: Run) -> None:
    """Put documents, and the texts of a report that is nothing else, into the presented form, pictures into the media.

    The data stands in the report; the Observation keeps its SHA-1, by which it is found there.
    """
    text = observation.get("valueString", "")
    if group.is_narrative and "\n" in text:
        append(report, "presentedForm", text_attachment(text, title_of(observation)))
    for each in observation.get("extension", ()):
        if each["url"] != VALUE_ATTACHMENT:
            continue
        attachment = each["valueAttachment"]
        if is_image(attachment):
            _put_media(report, observation, attachment, run)
        else:
            append(report, "presentedForm", attachment)
        each["valueAttachment"] = without_data(attachment)


def _put_media(report: Resource, observation: Resource, attachment: dict[str, object], run: Run) -> None:
    media = run.add("Media", observation["id"], str(len(report.get("media", []))))
    media["status"] = "completed"
    if run.patient is not None:
        media["subject"] = run.refer(run.patient)
    if "effectiveDateTime" in observation:
        media["createdDateTime"] = observation["effectiveDateTime"]
    media["content"] = attachment
    append(report, "media", {"link": run.refer(media)})
    append(observation, "derivedFrom", run.refer(media))


RESULTS: dict[str, Handler] = {
    **HEADER,
    **ANSWER,
    **PERSON,
    **VISIT,
    **CLINICAL,
    **INSURANCE,
    **OBSERVATIONS,
    "PID": on_order_pid,
    "ORC": on_orc,
    "OBR": on_obr,
    "OBX": on_result,
    "DG1": on_order_dg1,
    "PRT": on_order_prt,
    "TQ1": on_tq1,
    "SPM": on_spm,
    "SAC": on_sac,
    **dict.fromkeys(("BLG", "CTD", "CTI", "INV", "SID", "SUB", "TCD", "TQ2", "DSC"), on_beside),
}
