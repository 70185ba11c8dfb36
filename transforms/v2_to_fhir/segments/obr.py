"""OBR: what was asked for, and the report on it."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, CORE, R5, absent, add_extension, append, coded, extension, put
from transforms.v2_to_fhir.datatypes.annotations import cwe_annotation
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, id_codeable_concept, put_code
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier
from transforms.v2_to_fhir.datatypes.people import ndl_practitioner_role, xcn_practitioner
from transforms.v2_to_fhir.datatypes.quantities import cq_quantity
from transforms.v2_to_fhir.datatypes.times import put_field_time, put_instant
from transforms.v2_to_fhir.datatypes.timing import put_priority, tq_service_request
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.order_numbers import FILLER, PLACER
from transforms.v2_to_fhir.source import SourceSegment, Value

PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
RESULT_STATUS = "http://terminology.hl7.org/CodeSystem/v2-0123"
FASTING = "http://terminology.hl7.org/CodeSystem/v2-0916"
_FASTING_CODES = ("F", "NF", "NG")
_BEYOND_GUIDE = {"A": "partial", "M": "preliminary", "N": "registered"}
"""The statuses (table 0123) for which the guide has no row: the nearest of FHIR's, the sender's stands beside it."""
_PERFORMERS = ((34, "SPRF"), (35, "TRANS"))
_SPECIMEN_FIELDS = (9, 10, 14, 15, 39)


def obr_diagnostic_report(obr: SourceSegment, run: Run, report: Resource) -> None:
    """OBR[DiagnosticReport]."""
    report["code"] = cwe_codeable_concept(obr.first(4), run, obr.where(4)) or absent("unknown")
    for value in obr[24]:
        found = id_codeable_concept(value, run, obr.where(24), "DiagnosticServiceSectionID", "0074")
        append(report, "category", found)
    _put_span(report, "effective", obr, run)
    if obr.has(22):
        put_instant(report, "issued", obr.text(22), run, obr.where(22))
    _put_report_status(report, obr, run)
    for value in obr[32]:
        append(report, "resultsInterpreter", ndl_practitioner_role(value, run, obr.where(32)))
    for field, code in _PERFORMERS:
        for value in obr[field]:
            role = ndl_practitioner_role(value, run, obr.where(field))
            if role is not None:
                function = coded(PARTICIPATION, code)
                url = f"{CORE}event-performerFunction"
                performer = {**role, "extension": [extension(url, "valueCodeableConcept", function)]}
                append(report, "performer", performer)


def obr_service_request(obr: SourceSegment, run: Run, order: Resource, orc: SourceSegment | None) -> None:
    """OBR[ServiceRequest]; `orc` is the ORC of the same order, whose fields come first where it has them."""
    order.setdefault("intent", "order")
    _put_intent(order, obr)
    put(order, "code", cwe_codeable_concept(obr.first(4), run, obr.where(4)))
    if "priority" not in order:
        put_priority(order, obr.text(5), run, obr.where(5))
    if orc is None or not (orc.has(7) or orc.has(6)):
        tq_service_request(obr.first(27), run, obr.where(27), order)
    if obr.has(6) and "occurrenceTiming" not in order:
        put_field_time(order, "occurrenceDateTime", obr, 6, run)
    if "requester" not in order:
        requester = xcn_practitioner(obr.first(16), run, obr.where(16))
        put(order, "requester", requester)
    if orc is not None:
        _mark_repeated(obr, orc)
    _put_callback(order, obr, run)
    append_each(order, "reasonCode", obr, 31, run, cwe_codeable_concept)
    append_each(order, "orderDetail", obr, 46, run, cwe_codeable_concept)
    append_each(order, "orderDetail", obr, 47, run, cwe_codeable_concept)
    for value in obr[13]:
        _put_clinical_information(order, value, run, obr.where(13))


def obr_specimen(obr: SourceSegment, run: Run, specimen: Resource) -> None:
    """OBR[Specimen]; what SPM says of the same specimen stays."""
    if run.patient is not None:
        specimen["subject"] = run.refer(run.patient)
    collection: Element = specimen.get("collection", {})
    if "collectedDateTime" not in collection and "collectedPeriod" not in collection:
        _put_span(collection, "collected", obr, run)
    if "quantity" not in collection:
        put(collection, "quantity", cq_quantity(obr.first(9), run, obr.where(9)))
    put(collection, "collector", xcn_practitioner(obr.first(10), run, obr.where(10)))
    for value in obr[13]:
        if _is_fasting(value):
            fasting = cwe_codeable_concept(value, run, obr.where(13), "", "0916")
            put(collection, "fastingStatusCodeableConcept", fasting)
    if obr.has(14) and "receivedTime" not in specimen:
        put_field_time(specimen, "receivedTime", obr, 14, run)
    source = obr.first(15)
    if source is not None:
        sps_specimen_source(source, run, obr.where(15), specimen, collection)
    put(specimen, "collection", collection)
    for value in obr[39]:
        append(specimen, "note", cwe_annotation(value))


def sps_specimen_source(sps: Value, run: Run, where: str, specimen: Resource, collection: Element) -> None:
    """SPS[Specimen-Source]."""
    if "type" not in specimen and sps.has(1):
        put(specimen, "type", cwe_codeable_concept(sps.part(1), run, where, "SpecimenType", "0070"))
    if sps.has(2):
        additive = cwe_codeable_concept(sps.part(2), run, where, "AdditivePreservative", "0371")
        append(specimen, "container", {"additiveCodeableConcept": additive} if additive else None)
    if sps.has(3):
        append(specimen, "note", {"text": sps[3]})
    if "bodySite" not in collection and sps.has(4):
        put(collection, "bodySite", cwe_codeable_concept(sps.part(4), run, where, "BodySite", "0163"))
    if sps.has(6):
        append(specimen, "condition", cwe_codeable_concept(sps.part(6), run, where, "SpecimenCondition", "0493"))


def has_specimen(obr: SourceSegment) -> bool:
    """Whether an OBR says anything of a specimen but when it may have been taken."""
    return any(obr.has(field) for field in _SPECIMEN_FIELDS) or any(_is_fasting(value) for value in obr[13])


def parent_identifiers(obr: SourceSegment | None, orc: SourceSegment | None, run: Run) -> list[Element]:
    """OBR-29 and ORC-8: the numbers of the order that this one comes from."""
    found = []
    for segment, field in ((obr, 29), (orc, 8)):
        eip = segment.first(field) if segment is not None else None
        if eip is None:
            continue
        for number, kind in ((1, PLACER), (2, FILLER)):
            identifier = ei_identifier(eip.part(number), run, kind) if eip.has(number) else None
            if identifier is not None and identifier not in found:
                found.append(identifier)
    return found


def _put_report_status(report: Resource, obr: SourceSegment, run: Run) -> None:
    code = obr.text(25)
    nearest = _BEYOND_GUIDE.get(code)
    if nearest is not None:
        report["status"] = nearest
        original = extension(ALTERNATE_CODES, "valueCodeableConcept", coded(RESULT_STATUS, code))
        report["_status"] = {"extension": [original]}
        return
    put_code(report, "status", code, "ResultStatus[Non-Queries]", run, obr.where(25), "0123")


def _put_span(element: Element, name: str, obr: SourceSegment, run: Run) -> None:
    """OBR-7 and OBR-8 as a time, or as a Period where both are there."""
    if not obr.has(8):
        if obr.has(7):
            put_field_time(element, f"{name}DateTime", obr, 7, run)
        return
    period: Element = {}
    put_field_time(period, "start", obr, 7, run)
    put_field_time(period, "end", obr, 8, run)
    element[f"{name}Period"] = period


def _put_intent(order: Resource, obr: SourceSegment) -> None:
    """OBR-11: a reflex order is one; an add-on order, which FHIR has no intent for, keeps its code."""
    action = obr.raw(11)
    if action == "G":
        order["intent"] = "reflex-order"
        obr.mark(11)
    elif action == "A":
        obr.mark(11)
        kept = coded("http://terminology.hl7.org/CodeSystem/v2-0065", "A")
        order["_intent"] = {"extension": [extension(ALTERNATE_CODES, "valueCodeableConcept", kept)]}


def _mark_repeated(obr: SourceSegment, orc: SourceSegment) -> None:
    """Mark what OBR says again after its ORC: the ordering provider, quantity and timing."""
    for field, before in ((16, 12), (27, 7)):
        if obr.raw(field) == orc.raw(before):
            obr.mark(field)


def _put_callback(order: Resource, obr: SourceSegment, run: Run) -> None:
    url = f"{CORE}servicerequest-order-callback-phone-number"
    for value in obr[17]:
        contact = xtn_contact_point(value, run, obr.where(17))
        if contact is not None and "requester" in order:
            requester = dict(order["requester"])
            add_extension(requester, extension(url, "valueContactPoint", contact))
            order["requester"] = requester
        elif contact is not None:
            add_extension(order, extension(url, "valueContactPoint", contact))


def _put_clinical_information(order: Resource, value: Value, run: Run, where: str) -> None:
    if _is_fasting(value):
        return
    concept = cwe_codeable_concept(value, run, where)
    if concept is not None:
        inner = [extension("concept", "valueCodeableConcept", concept)]
        add_extension(order, {"url": f"{R5}ServiceRequest.supportingInfo", "extension": inner})


def _is_fasting(value: Value) -> bool:
    """Whether relevant clinical information is the fasting status (table 0916)."""
    return value.peek(1) in _FASTING_CODES and value.peek(3) in ("", "HL70916")
