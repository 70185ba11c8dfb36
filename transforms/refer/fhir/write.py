"""What an act of a referral says, written as BSeR's message, as a transaction, or as one Task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from schemas.fhir import Element, Resource
from schemas.finding import Finding
from transforms.bundling import by_identifier, entry_of
from transforms.elements import OWN, absent
from transforms.fhir_node import Node
from transforms.identity import resource_id
from transforms.refer.error import NotSayableError
from transforms.refer.fhir.documents import OWN_BUNDLE, bundle_in, document_resource, numbered_attachment
from transforms.refer.fhir.parties import logical_reference_of, party_resources, reference_of
from transforms.refer.fhir.read import CONTROL, read_fhir
from transforms.refer.fhir.request import (
    Sides,
    appointment_resource,
    key_of,
    service_request,
    task,
    with_control_id,
)
from transforms.refer.fhir.source import Entries, Entry, uuid_of
from transforms.refer.fhir.values import identifier_of, unknown
from transforms.refer.fhir.words import EVENT, LOINC, PLACER, PROFILE, STANDS
from transforms.refer.lost import lost
from transforms.refer.referral import Act, Attached, ReferralMessage, Side

Form = Literal["message", "transaction", "task"]
_ASKS = (Act.REQUEST, Act.CHANGE)
"""The acts by which a server learns what is asked for; of any other it would learn less than it knows."""
_BRINGS = (Act.INTERIM, Act.COMPLETE)


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
    contained: list[Resource] = []
    if message.appointment is not None:
        contained.append({**appointment_resource(message.appointment, message, patient), "id": "appointment"})
        output.insert(0, _output("Appointment", "valueReference", {"reference": "#appointment"}))
    focus = {"type": "ServiceRequest", "identifier": identifier_of(message.referral, PLACER)}
    made = with_control_id(task(message, sides, focus, output, is_bser=False), message.control_id)
    if contained:
        made = {"resourceType": "Task", "id": made["id"], "contained": contained, **made}
    return made


def _bundle(message: ReferralMessage, form: Form, ends: FhirEnds) -> Resource:
    is_bser = form == "message"
    patient = _patient(message)
    subject = {"reference": _address(patient)}
    initiator = party_resources(message.initiator, "initiator")
    recipient = party_resources(message.recipient, "recipient")
    sides = Sides(subject, reference_of(initiator), reference_of(recipient))
    author = recipient if message.act.side is Side.RECIPIENT else initiator
    clinical, held = _clinical(message, patient, sides, author, is_bser=is_bser)
    papers = [
        document_resource(each, number, subject, message.control_id) for number, each in enumerate(message.documents)
    ]
    told = [*held, *papers]
    loose = [] if held else clinical
    references = [{"reference": url} for url in (*(each["fullUrl"] for each in loose), *map(_address, told))]
    output = [_output("Document", "valueReference", each) for each in references] if message.act in _BRINGS else []
    booked: list[Resource] = []
    if message.appointment is not None:
        booked = [appointment_resource(message.appointment, message, subject)]
        output.insert(0, _output("Appointment", "valueReference", {"reference": _address(booked[0])}))
    has_request = is_bser or message.act in _ASKS
    supporting = references if message.act not in _BRINGS else []
    request = service_request(message, sides, supporting if has_request else [], is_bser=is_bser)
    focus: Element = {"reference": _address(request)}
    if not has_request:
        focus = {"type": "ServiceRequest", "identifier": identifier_of(message.referral, PLACER)}
        output += [_output("Document", "valueReference", each) for each in supporting]
    made = task(message, sides, focus, output, is_bser=is_bser)
    resources = [made, patient, *initiator, *recipient, *booked, *told]
    if has_request:
        resources.insert(0, request)
    if is_bser:
        resources.insert(0, _header(message, sides, made, ends))
    entries = [{**entry_of(each, form, "", _wanted), "fullUrl": _address(each)} for each in resources]
    entries += [_clinical_entry(each, form) for each in loose]
    bundle: Resource = {"resourceType": "Bundle", "id": resource_id("Bundle", *key_of(message), message.control_id)}
    if is_bser:
        bundle["meta"] = {"profile": [f"{PROFILE}MessageBundle"]}
    if message.control_id:
        bundle["identifier"] = {"system": CONTROL, "value": message.control_id}
    bundle["type"] = form
    if is_bser:
        bundle["timestamp"] = message.at.isoformat()
    bundle["entry"] = entries
    return bundle


def _patient(message: ReferralMessage) -> Resource:
    patient = message.patient
    if isinstance(patient.get("id"), str) and patient["id"]:
        return patient
    return {"resourceType": "Patient", "id": resource_id("Patient", *key_of(message)), **patient}


def _clinical(
    message: ReferralMessage, patient: Resource, sides: Sides, author: list[Resource], *, is_bser: bool
) -> tuple[list[Element], list[Resource]]:
    """What is known of the patient's health: entries, and in BSeR's message the document that holds them."""
    said = message.clinical.get("entry", []) if message.clinical is not None else []
    there = {url for each in message.documents for url in _told_by(each, patient["id"])}
    entries = [each for each in said if each.get("fullUrl") not in there]
    if not is_bser or not entries:
        return entries, []
    is_report = message.act in _BRINGS
    code, display = ("11488-4", "Consult note") if is_report else ("57133-1", "Referral note")
    composition: Resource = {
        "resourceType": "Composition",
        "id": resource_id("Composition", *key_of(message), message.control_id),
        "status": "final",
        "type": {"coding": [{"system": LOINC, "code": code, "display": display}]},
        "subject": sides.patient,
        "date": message.at.isoformat(),
        "author": [sides.recipient if message.act.side is Side.RECIPIENT else sides.initiator],
        "title": "Referral feedback" if is_report else "Referral request",
        "section": [
            {
                "title": "Supporting information",
                "code": {"coding": [{"system": f"{OWN}section", "code": "supporting-information"}]},
                "entry": [{"reference": each["fullUrl"]} for each in entries],
            }
        ],
    }
    number = resource_id("Bundle", *key_of(message), message.control_id, "clinical")
    document: Resource = {
        "resourceType": "Bundle",
        "id": number,
        "identifier": {"system": OWN_BUNDLE, "value": number},
        "type": "document",
        "timestamp": message.at.isoformat(),
        "entry": [
            {"fullUrl": _address(composition), "resource": composition},
            {"fullUrl": _address(patient), "resource": patient},
            *({"fullUrl": _address(each), "resource": each} for each in author),
            *entries,
        ],
    }
    return entries, [document]


def _told_by(document: Attached, patient_id: str) -> list[str]:
    """The addresses of what a document that is a Bundle says of the patient's health itself."""
    bundle = bundle_in(document)
    if bundle is None:
        return []
    inner = Entries(bundle)
    patient = inner.patient_of(inner.first("Composition").node.one("subject"))
    return [each["fullUrl"] for each in inner.clinical(patient, patient_id)]


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
        "focus": [{"reference": _address(made)}],
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


def _address(resource: Resource) -> str:
    return f"urn:uuid:{uuid_of(Entry(resource, resource['resourceType'], ''))}"
