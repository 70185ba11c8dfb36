"""What an act of a referral says, written as BSeR's message, as a transaction, or as one Task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from schemas.fhir import Element, Resource
from schemas.finding import Finding
from transforms.bundling import by_identifier, entry_of
from transforms.elements import absent
from transforms.fhir_node import Node
from transforms.identity import resource_id
from transforms.refer.error import NotSayableError
from transforms.refer.fhir.clinical import clinical_document, clinical_entries
from transforms.refer.fhir.documents import document_resource, numbered_attachment
from transforms.refer.fhir.parties import logical_reference_of, party_resources, reference_of
from transforms.refer.fhir.read import CONTROL, read_fhir
from transforms.refer.fhir.request import (
    BRINGS,
    Sides,
    appointment_resource,
    key_of,
    service_request,
    task,
    with_control_id,
)
from transforms.refer.fhir.source import address_of
from transforms.refer.fhir.values import identifier_of, unknown
from transforms.refer.fhir.words import EVENT, PLACER, PROFILE, STANDS
from transforms.refer.lost import lost
from transforms.refer.referral import Act, ReferralMessage, Side

Form = Literal["message", "transaction", "task"]
_ASKS = (Act.REQUEST, Act.CHANGE)
"""The acts by which a server learns what is asked for; of any other it would learn less than it knows."""


class FhirEnds(NamedTuple):
    """The addresses of who sends and who receives: URLs of their FHIR servers."""

    source: str = ""
    destination: str = ""


NO_ENDS = FhirEnds()


@dataclass(frozen=True, slots=True)
class WrittenFhir:
    """A referral in FHIR, and what of it that does not say."""

    resource: Resource
    findings: tuple[Finding, ...]


def write_fhir(message: ReferralMessage, *, form: Form = "message", ends: FhirEnds = NO_ENDS) -> WrittenFhir:
    """The Bundle or Task that says the act.

    `message` is BSeR's message Bundle. `transaction` puts the Task by the referral's identifier, and the ServiceRequest
    with it where the act asks for something. `task` is the Task alone, for who has the rest. Raises `NotSayableError`
    for an inquiry, which in FHIR is a search, and for a booking without a time.
    """
    if message.act not in STANDS:
        raise NotSayableError("FHIR has no message for this act", where="Task.status", hint="read the Task instead")
    if message.act is Act.BOOK and message.appointment is None:
        hint = "an appointment needs a time; send the acceptance instead"
        raise NotSayableError("there is no time to write", where="Appointment.start", hint=hint)
    made = _alone(message) if form == "task" else _bundle(message, form, ends)
    return WrittenFhir(made, lost(message, read_fhir(made, message.at)))


def _alone(message: ReferralMessage) -> Resource:
    named = [each for each in _listed(message.patient.get("identifier")) if isinstance(each, dict)]
    patient: Element = {"type": "Patient", **({"identifier": named[0]} if named else unknown())}
    sides = Sides(patient, logical_reference_of(message.initiator), logical_reference_of(message.recipient))
    output = [_output("Document", "valueAttachment", numbered_attachment(each)) for each in message.documents]
    booked = [{**each, "id": "appointment"} for each in _booked(message, sides)]
    if booked:
        output.insert(0, _output("Appointment", "valueReference", {"reference": "#appointment"}))
    made = with_control_id(task(message, sides, _logical_focus(message), output, is_bser=False), message.control_id)
    return {"resourceType": "Task", "id": made["id"], "contained": booked, **made} if booked else made


def _bundle(message: ReferralMessage, form: Form, ends: FhirEnds) -> Resource:
    is_bser = form == "message"
    patient = _patient(message)
    initiator = party_resources(message.initiator, "initiator")
    recipient = party_resources(message.recipient, "recipient")
    sides = Sides({"reference": address_of(patient)}, reference_of(initiator), reference_of(recipient))
    author = recipient if message.act.side is Side.RECIPIENT else initiator
    loose = clinical_entries(message, patient)
    papers = _papers(message, sides)
    if is_bser and loose:
        papers.insert(0, clinical_document(message, loose, patient, sides, author))
        loose = []
    carried = [{"reference": url} for url in (*(each["fullUrl"] for each in loose), *map(address_of, papers))]
    booked = _booked(message, sides)
    about = _about(message, sides, carried, booked, is_bser=is_bser)
    resources = [*about, patient, *initiator, *recipient, *booked, *papers]
    if is_bser:
        resources.insert(0, _header(message, sides, about[-1], ends))
    bundle: Resource = {"resourceType": "Bundle", "id": resource_id("Bundle", *key_of(message), message.control_id)}
    if is_bser:
        bundle["meta"] = {"profile": [f"{PROFILE}MessageBundle"]}
    if message.control_id:
        bundle["identifier"] = {"system": CONTROL, "value": message.control_id}
    bundle["type"] = form
    if is_bser:
        bundle["timestamp"] = message.at.isoformat()
    bundle["entry"] = [{**entry_of(each, form, "", _wanted), "fullUrl": address_of(each)} for each in resources]
    bundle["entry"] += [_clinical_entry(each, form) for each in loose]
    return bundle


def _about(
    message: ReferralMessage, sides: Sides, carried: list[Element], booked: list[Resource], *, is_bser: bool
) -> list[Resource]:
    """The ServiceRequest, where it is sent, and the Task."""
    output = [_output("Appointment", "valueReference", {"reference": address_of(each)}) for each in booked]
    brought = [_output("Document", "valueReference", each) for each in carried]
    if not is_bser and message.act not in _ASKS:
        return [task(message, sides, _logical_focus(message), [*output, *brought], is_bser=False)]
    is_report = message.act in BRINGS
    request = service_request(message, sides, [] if is_report else carried, is_bser=is_bser)
    focus = {"reference": address_of(request)}
    output += brought if is_report else []
    return [request, task(message, sides, focus, output, is_bser=is_bser)]


def _logical_focus(message: ReferralMessage) -> Element:
    return {"type": "ServiceRequest", "identifier": identifier_of(message.referral, PLACER)}


def _papers(message: ReferralMessage, sides: Sides) -> list[Resource]:
    documents = enumerate(message.documents)
    return [document_resource(each, number, sides.patient, message.control_id) for number, each in documents]


def _booked(message: ReferralMessage, sides: Sides) -> list[Resource]:
    appointment = message.appointment
    return [appointment_resource(appointment, message, sides.patient)] if appointment is not None else []


def _patient(message: ReferralMessage) -> Resource:
    patient = message.patient
    if isinstance(patient.get("id"), str) and patient["id"]:
        return patient
    return {"resourceType": "Patient", "id": resource_id("Patient", *key_of(message)), **patient}


def _header(message: ReferralMessage, sides: Sides, made: Resource, ends: FhirEnds) -> Resource:
    is_answer = message.act.side is Side.RECIPIENT
    sender, receiver = (sides.recipient, sides.initiator) if is_answer else (sides.initiator, sides.recipient)
    destination: Element = {"endpoint": ends.destination} if ends.destination else {"_endpoint": absent("unknown")}
    source: Element = {"endpoint": ends.source} if ends.source else {"_endpoint": absent("unknown")}
    return {
        "resourceType": "MessageHeader",
        "id": resource_id("MessageHeader", *key_of(message), message.control_id),
        "meta": {"profile": [f"{PROFILE}MessageHeader"]},
        "eventCoding": {"system": EVENT, "code": "I12", "display": "REF/RRI - Patient referral"},
        "destination": [{**destination, "receiver": receiver}],
        "sender": sender,
        "source": source,
        "focus": [{"reference": address_of(made)}],
    }


def _wanted(resource: Resource) -> Element:
    """What a transaction does: the referral's own resources are put, what they name is made where it is missing."""
    kind = resource["resourceType"]
    number = next(filter(None, map(_number, _listed(resource.get("identifier")))), None)
    if kind in ("ServiceRequest", "Task", "Appointment") and number is not None:
        return {"method": "PUT", "url": by_identifier(kind, number)}
    if kind in ("Patient", "Practitioner", "Organization") and number is not None:
        return {"method": "POST", "url": kind, "ifNoneExist": by_identifier(kind, number).partition("?")[2]}
    return {"method": "PUT", "url": f"{kind}/{resource['id']}"}


def _number(identifier: object) -> Element | None:
    """The system and value of an Identifier that has both."""
    node = Node(identifier, "")
    system, value = node.peek("system"), node.peek("value")
    return {"system": system, "value": value} if system and value else None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _clinical_entry(entry: Element, form: Form) -> Element:
    if form != "transaction":
        return entry
    resource = entry["resource"]
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": entry["fullUrl"], "resource": resource, "request": {"method": "PUT", "url": url}}


def _output(kind: str, name: str, value: Element) -> Element:
    return {"type": {"text": kind}, name: value}
