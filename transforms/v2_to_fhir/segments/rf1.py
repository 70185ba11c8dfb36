"""RF1: a referral, what is asked for and how far it has come."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, append, coded, extension, put, unknown_concept
from transforms.v2_to_fhir.datatypes.authorities import xon_organization
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.quantities import cq_quantity
from transforms.v2_to_fhir.datatypes.times import put_date_time, put_field_time
from transforms.v2_to_fhir.datatypes.timing import put_priority
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.orc_medication import put_subject
from transforms.v2_to_fhir.source import SourceSegment

REFERRAL_STATUS = "http://terminology.hl7.org/CodeSystem/v2-0283"
CANCELLED = "I14"
_STATUS = {"A": "active", "P": "active", "R": "revoked", "E": "completed"}
_TASK_STATUS = {"A": "accepted", "P": "requested", "R": "rejected", "E": "cancelled"}
"""Table 0283: accepted, pending, rejected, expired."""


def rf1_service_request(rf1: SourceSegment, run: Run) -> Resource:
    """RF1, which the guide does not map: what is asked for."""
    own = ei_identifier(rf1.first(6), run, "PLAC")
    others = [ei_identifier(value, run, "FILL") for value in rf1[11]]
    request = run.add("ServiceRequest", *_key(own or next(iter(others), None), run))
    claims(request, "us-core-servicerequest", run)
    append(request, "identifier", own, *others)
    _put_status(request, rf1, run, _STATUS, "revoked")
    request["intent"] = "order"
    append(request, "category", cwe_codeable_concept(rf1.first(5), run, rf1.where(5), table="0284"))
    put_priority(request, rf1.text(2), run, rf1.where(2))
    if rf1.raw(2).count("^"):
        priority = rf1.first(2)
        if priority is not None and "priority" in request:
            priority.shown()
    request["code"] = cwe_codeable_concept(rf1.first(3), run, rf1.where(3), table="0281") or unknown_concept()
    append_each(request, "orderDetail", rf1, 4, run, cwe_codeable_concept, table="0282")
    period: Element = {}
    put_date_time(period, "start", rf1.text(7), run, rf1.where(7))
    put_date_time(period, "end", rf1.text(8), run, rf1.where(8))
    put(request, "occurrencePeriod", period)
    put_field_time(request, "authoredOn", rf1, 9, run)
    append_each(request, "reasonCode", rf1, 10, run, cwe_codeable_concept, table="0336")
    for value in rf1[14]:
        append(request, "reasonCode", {"text": value.whole()})
    put(request, "quantityQuantity", cq_quantity(rf1.first(15), run, rf1.where(15)))
    for value in rf1[19]:
        append(request, "performer", xon_organization(value, run))
    append_each(request, "performer", rf1, 20, run, xcn_practitioner)
    for value in rf1[24]:
        append(request, "note", {"text": value.whole()})
    return request


def rf1_task(rf1: SourceSegment, run: Run, request: Resource) -> Resource:
    """RF1, which the guide does not map: how far the referral has come."""
    task = run.add("Task", request["id"], "referral")
    _put_status(task, rf1, run, _TASK_STATUS, "cancelled")
    put(task, "businessStatus", cwe_codeable_concept(rf1.first(1), run, rf1.where(1), table="0283"))
    task["intent"] = "order"
    task["code"] = coded("http://hl7.org/fhir/CodeSystem/task-code", "fulfill", "Fulfill the focal request")
    task["focus"] = run.refer(request)
    if "priority" in request:
        task["priority"] = request["priority"]
    if "authoredOn" in request:
        task["authoredOn"] = request["authoredOn"]
    return task


def settle_referral(request: Resource, task: Resource | None, run: Run) -> None:
    """Give a referral the patient, who stands behind RF1 in the message."""
    put_subject(request, "subject", run)
    if run.encounter is not None:
        request["encounter"] = run.refer(run.encounter)
    if task is not None and run.patient is not None:
        task["for"] = run.refer(run.patient)


def _put_status(resource: Resource, rf1: SourceSegment, run: Run, codes: dict[str, str], cancelled: str) -> None:
    """Put the status: what the event or the action code ends, else RF1-1; the sender's code stands beside it."""
    code = rf1.text(1)
    if "D" in {value.peek(1) for value in rf1[25]}:
        resource["status"] = "entered-in-error"
    elif run.trigger_event == CANCELLED:
        resource["status"] = cancelled
    else:
        resource["status"] = codes.get(code, "unknown" if resource["resourceType"] == "ServiceRequest" else "requested")
    if code:
        original = {"coding": [{"system": REFERRAL_STATUS, "code": code}]}
        beside = extension(ALTERNATE_CODES, "valueCodeableConcept", original)
        append(resource.setdefault("_status", {}), "extension", beside)


def _key(identifier: Element | None, run: Run) -> tuple[str, ...]:
    if identifier is not None:
        return identifier_key(identifier, run)
    return (run.sender, run.control_id, "referral", str(run.count("referral")))
