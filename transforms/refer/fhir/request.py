"""The ServiceRequest, the Task and the Appointment of a referral, as they are written."""

from __future__ import annotations

from typing import NamedTuple

from schemas.fhir import Element, Resource
from transforms.elements import absent, coded
from transforms.identity import resource_id
from transforms.refer.fhir.read import CONTROL
from transforms.refer.fhir.values import concept_of, date_time_of, identifier_of
from transforms.refer.fhir.words import (
    BUSINESS_STATUS,
    FILLER,
    PATIENT_REFERRAL,
    PLACER,
    PROFILE,
    SNOMED,
    STANDS,
    TASK_CODE,
)
from transforms.refer.referral import NO_CODE, Act, Appointment, ReferralMessage

_STATUS = {
    Act.CANCEL: "revoked",
    Act.CONFIRM_CANCEL: "revoked",
    Act.DECLINE: "revoked",
    Act.COMPLETE: "completed",
}
"""ServiceRequest.status where the referral is no longer asked for."""
BRINGS = (Act.INTERIM, Act.COMPLETE)
"""The acts whose documents are what the recipient reports."""
_REFERRAL = {"system": SNOMED, "code": PATIENT_REFERRAL, "display": "Patient referral"}


class Sides(NamedTuple):
    """References to the patient, to who refers and to whom."""

    patient: Element
    initiator: Element
    recipient: Element


def key_of(message: ReferralMessage) -> tuple[str, str]:
    """What the ids of a referral's resources are made of."""
    return message.referral.system, message.referral.value


def service_request(message: ReferralMessage, sides: Sides, supporting: list[Element], *, is_bser: bool) -> Resource:
    """The ServiceRequest: in BSeR's message it is a referral whose category says to what, else the reverse."""
    found: Resource = {"resourceType": "ServiceRequest", "id": resource_id("ServiceRequest", *key_of(message))}
    if is_bser:
        found["meta"] = {"profile": [f"{PROFILE}ServiceRequest"]}
    found["identifier"] = _identifiers(message)
    found["status"] = _STATUS.get(message.act, "active")
    found["intent"] = "order"
    asked = concept_of(message.service)
    referral: Element = {"coding": [_REFERRAL]}
    if is_bser or message.service == NO_CODE:
        if asked:
            found["category"] = [asked]
        found["code"] = referral
    else:
        found["category"] = [referral]
        found["code"] = asked
    if message.priority:
        found["priority"] = message.priority
    found["subject"] = sides.patient
    if message.until is not None:
        found["occurrencePeriod"] = {"end": date_time_of(message.until)}
    if message.act is Act.REQUEST:
        found["authoredOn"] = message.at.isoformat()
    found["requester"] = sides.initiator
    if "reference" in sides.recipient or "identifier" in sides.recipient:
        found["performer"] = [sides.recipient]
    if message.reason:
        found["reasonCode"] = [concept_of(each) for each in message.reason]
    if supporting:
        found["supportingInfo"] = supporting
    return found


def task(message: ReferralMessage, sides: Sides, focus: Element, output: list[Element], *, is_bser: bool) -> Resource:
    """The Task: what is done about the referral, and how far it has come."""
    stand = STANDS[message.act]
    found: Resource = {"resourceType": "Task", "id": resource_id("Task", *key_of(message))}
    if is_bser:
        found["meta"] = {"profile": [f"{PROFILE}Task"]}
    found["identifier"] = _identifiers(message)
    found["status"] = stand.status
    if message.explanation:
        found["statusReason"] = {"text": message.explanation}
    business = {"system": BUSINESS_STATUS, "code": stand.business, "display": stand.display}
    found["businessStatus"] = {"coding": [business]}
    found["intent"] = "order"
    if message.priority:
        found["priority"] = message.priority
    found["code"] = coded(TASK_CODE, stand.code)
    found["code"]["coding"][0]["system"] = TASK_CODE
    found["focus"] = focus
    found["for"] = sides.patient
    found["authoredOn"] = found["lastModified"] = message.at.isoformat()
    found["requester"] = sides.initiator
    found["owner"] = sides.recipient
    if message.until is not None:
        found["restriction"] = {"period": {"end": date_time_of(message.until)}}
    if output:
        found["output"] = output
    return found


def with_control_id(task: Resource, control_id: str) -> Resource:
    """A Task that travels alone, with the identifier of the message that it is."""
    if control_id:
        task["identifier"] = [*task["identifier"], {"system": CONTROL, "value": control_id}]
    return task


def appointment_resource(appointment: Appointment, message: ReferralMessage, patient: Element) -> Resource:
    """The Appointment, booked or missed."""
    identifier = appointment.identifier
    found: Resource = {
        "resourceType": "Appointment",
        "id": resource_id("Appointment", identifier.system, identifier.value),
        "identifier": [identifier_of(identifier)],
        "status": "noshow" if message.act is Act.NO_SHOW else "booked",
        "start": appointment.start.isoformat(),
    }
    if appointment.end is not None:
        found["end"] = appointment.end.isoformat()
    else:
        found["_end"] = absent("unknown")  # a start without an end is none (R4, app-2)
    found["participant"] = [{"actor": patient, "status": "accepted"}]
    if appointment.place:
        where = {"type": "Location", "display": appointment.place}
        found["participant"].append({"actor": where, "status": "accepted"})
    return found


def _identifiers(message: ReferralMessage) -> list[Element]:
    found = [identifier_of(message.referral, PLACER)]
    if message.filler is not None:
        found.append(identifier_of(message.filler, FILLER))
    return found
