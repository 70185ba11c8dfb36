"""Referrals in FHIR: what a Task says, and what is written for each act in each form."""

from __future__ import annotations

import base64
import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from schemas.fhir import Resource, dumps
from schemas.fhir.validate import validate
from schemas.message import CCDA, FHIR, Message
from tests.corpus.inputs import CORPUS
from tests.corpus.validity import structure
from tests.transforms.refer.making import (
    APPOINTMENT,
    DOCUMENTS,
    NOW,
    PATIENT,
    RECIPIENT,
    REQUEST,
    SAMPLES,
    TYPES,
    act,
    received,
)
from transforms.refer import (
    Act,
    Attached,
    Coded,
    Identifier,
    NoActError,
    NotSayableError,
    Party,
    ReferralError,
    ReferralMessage,
)
from transforms.refer.fhir import FhirEnds, write_fhir
from transforms.refer.fhir.write import Form
from transforms.refer.read import read

BUSINESS = "http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS"
ENDS = FhirEnds("https://practice.example/fhir", "https://cardiology.example/fhir")
BSER = CORPUS.parent / "fhir-ig-examples" / "bser"


def said(resource: Resource) -> ReferralMessage:
    return read(Message("0" * 32, "test", FHIR, dumps(resource), NOW))


def task(status: str, business: str = "", **more: Any) -> Resource:
    found: Resource = {
        "resourceType": "Task",
        "identifier": [{"type": {"coding": [{"system": TYPES, "code": "PLAC"}]}, "system": "urn:x", "value": "R-1"}],
        "status": status,
        "intent": "order",
        "for": {"identifier": {"system": "urn:oid:2.999.1.5", "value": "P-17"}},
        **more,
    }
    if business:
        found["businessStatus"] = {"coding": [{"system": BUSINESS, "code": business}]}
    return found


STATUSES = [
    ("requested", "2.0", Act.REQUEST),
    ("requested", "", Act.REQUEST),
    ("requested", "7.0", Act.REQUEST),  # as in the guide's own example: the status counts
    ("accepted", "3.0", Act.ACCEPT),
    ("accepted", "5.1.1", Act.BOOK),
    ("rejected", "4.0", Act.DECLINE),
    ("failed", "", Act.DECLINE),
    ("in-progress", "5.1.2", Act.NO_SHOW),
    ("in-progress", "5.1.4", Act.INTERIM),
    ("in-progress", "5.2", Act.CANCEL),
    ("in-progress", "5.4", Act.CANCEL),
    ("in-progress", "", Act.ACCEPT),
    ("cancelled", "6.0", Act.CONFIRM_CANCEL),
    ("cancelled", "5.2", Act.CANCEL),
    ("completed", "7.0", Act.COMPLETE),
    ("completed", "5.1.4", Act.COMPLETE),
]


@pytest.mark.parametrize(("status", "business", "expected"), STATUSES)
def test_the_status_says_the_act_and_the_business_status_refines_it(status: str, business: str, expected: Act) -> None:
    assert said(task(status, business)).act is expected


@pytest.mark.parametrize("status", ["draft", "received", "ready", "on-hold", "entered-in-error", ""])
def test_other_statuses_say_no_act(status: str) -> None:
    with pytest.raises(NoActError):
        said(task(status))


def test_a_cancelled_appointment_is_no_act() -> None:
    with pytest.raises(NoActError, match="stands where it stood"):
        said(task("in-progress", "5.1.3"))


APPOINTED = {"resourceType": "Appointment", "id": "a", "status": "booked", "start": "2026-04-01T14:00:00Z"}


@pytest.mark.parametrize("business", ["5.1.1", ""])
def test_an_appointment_that_was_cancelled_is_no_booking(business: str) -> None:
    off = {**APPOINTED, "status": "cancelled"}
    with pytest.raises(NoActError, match="stands where it stood"):
        said(task("in-progress", business, contained=[off]))
    later = {**APPOINTED, "id": "b", "start": "2026-04-08T14:00:00Z"}
    moved = said(task("in-progress", business, contained=[off, later]))
    assert moved.act is Act.BOOK
    assert moved.appointment is not None
    assert moved.appointment.start.day == 8


def test_what_a_task_brings_says_the_act_where_the_status_does_not() -> None:
    booked = {
        "resourceType": "Appointment",
        "id": "a",
        "status": "booked",
        "start": "2026-04-01T14:00:00Z",
        "end": "2026-04-01T14:30:00Z",
    }
    assert said(task("in-progress", contained=[booked])).act is Act.BOOK
    assert said(task("in-progress", contained=[{**booked, "status": "noshow"}])).act is Act.NO_SHOW
    attachment = {"contentType": "application/pdf", "data": "JVBERg=="}
    assert said(task("in-progress", output=[{"valueAttachment": attachment}])).act is Act.INTERIM


def test_a_request_may_come_without_a_task() -> None:
    request = {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "urn:x", "value": "R-1"}],
        "status": "active",
        "subject": {"identifier": {"value": "P-17"}},
    }
    assert said(request).act is Act.REQUEST
    assert said({**request, "status": "revoked"}).act is Act.CANCEL
    with pytest.raises(NoActError):
        said({**request, "status": "draft"})


def bundle(*resources: Resource, type: str = "transaction") -> Resource:
    entry = [{"fullUrl": f"urn:uuid:{each.get('id')}", "resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": type, "entry": entry}


def asked(id: str, value: str, **more: Any) -> Resource:
    """A ServiceRequest."""
    numbers = [{"type": {"coding": [{"system": TYPES, "code": "PLAC"}]}, "system": "urn:x", "value": value}]
    return {"resourceType": "ServiceRequest", "id": id, "identifier": numbers, "status": "active", **more}


@pytest.mark.parametrize(
    ("status", "order", "sender", "expected"),
    [
        ("requested", "revoked", "", Act.CANCEL),
        ("requested", "entered-in-error", "", Act.CANCEL),
        ("requested", "active", "practice", Act.REQUEST),
        ("accepted", "revoked", "practice", Act.CANCEL),
        ("accepted", "revoked", "clinic", Act.ACCEPT),
        ("in-progress", "revoked", "", Act.CANCEL),
        ("entered-in-error", "active", "practice", Act.CANCEL),
        ("entered-in-error", "revoked", "", Act.CANCEL),
        ("cancelled", "revoked", "", Act.CANCEL),
        ("cancelled", "active", "practice", Act.CANCEL),
        ("cancelled", "active", "", Act.CONFIRM_CANCEL),
        ("cancelled", "revoked", "clinic", Act.CONFIRM_CANCEL),
    ],
)
def test_who_sends_a_task_and_its_order_say_whether_it_is_withdrawn(
    status: str, order: str, sender: str, expected: Act
) -> None:
    sides = {"requester": {"reference": "Organization/practice"}, "owner": {"reference": "Organization/clinic"}}
    update = task(status, id="t", focus={"reference": "ServiceRequest/s"}, **sides)
    header = {"resourceType": "MessageHeader", "id": "h", "focus": [{"reference": "Task/t"}]}
    if sender:
        header["sender"] = {"reference": f"Organization/{sender}"}
    assert said(bundle(header, update, {**asked("s", "R-1"), "status": order}, type="message")).act is expected


def test_of_several_referrals_in_one_body_none_is_dropped_in_silence() -> None:
    one, other = task("accepted", id="t1"), task("completed", id="t2")
    with pytest.raises(ReferralError, match="several Tasks"):
        said(bundle(one, other))
    focus = [{"reference": "urn:uuid:t1"}, {"reference": "urn:uuid:t2"}]
    header = {"resourceType": "MessageHeader", "id": "h", "focus": focus}
    with pytest.raises(ReferralError, match="several Tasks"):
        said(bundle(header, one, other, type="message"))
    with pytest.raises(ReferralError, match="several ServiceRequests"):
        said(bundle(asked("s1", "R-1"), asked("s2", "R-2")))


def test_the_focus_of_a_message_goes_before_other_tasks_and_a_task_before_its_parts() -> None:
    one, other = task("accepted", id="t1"), task("completed", id="t2")
    header = {"resourceType": "MessageHeader", "id": "h", "focus": [{"reference": "urn:uuid:t1"}]}
    assert said(bundle(header, other, one, type="message")).act is Act.ACCEPT
    assert said(bundle({**other, "partOf": [{"reference": "urn:uuid:t1"}]}, one)).act is Act.ACCEPT


def test_another_order_beside_the_task_is_not_the_referral() -> None:
    elsewhere = task("completed", focus={"reference": "ServiceRequest/77"})
    assert said(bundle(asked("lab", "L-9"), elsewhere)).referral.value == "R-1"
    unfocused = task("completed")
    assert said(bundle(asked("lab", "L-9"), asked("s1", "R-1", priority="stat"), unfocused)).priority == "stat"
    del unfocused["identifier"]
    based = {**unfocused, "basedOn": [{"reference": "ServiceRequest/s1"}]}
    assert said(bundle(asked("lab", "L-9"), asked("s1", "R-1"), based)).referral.value == "R-1"
    assert said(bundle(asked("s1", "R-1"), unfocused)).referral.value == "R-1"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"resourceType": "Bundle", "type": "message", "entry": []}, "Bundle.entry"),
        ({"resourceType": "Patient"}, "Bundle.entry"),
        ({**task("accepted"), "identifier": []}, "Task.identifier"),
        ({**task("requested"), "for": {"reference": "Patient/1"}}, "Task.for"),
        (
            task("completed", output=[{"valueAttachment": {"contentType": "application/pdf", "data": "?"}}]),
            "Task.output[0].valueAttachment.data",
        ),
        (
            task("completed", output=[{"valueAttachment": {"contentType": "application/pdf"}}]),
            "Task.output[0].valueAttachment",
        ),
        (
            task("accepted", "5.1.1", contained=[{"resourceType": "Appointment", "id": "a", "start": "2026-04-01"}]),
            "Task.contained[0].start",
        ),
    ],
)
def test_what_every_message_has_is_demanded(body: Resource, where: str) -> None:
    with pytest.raises(ReferralError) as refusal:
        said(body)
    assert refusal.value.where == where


def test_an_update_of_a_task_needs_no_patient_for_the_thread_knows() -> None:
    update = task("accepted", "3.0")
    update["for"] = {"reference": "https://server.example/fhir/Patient/77"}
    assert said(update).patient == {"resourceType": "Patient", "id": "77"}


CLINICAL = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "fullUrl": "urn:uuid:5f0a3c52-0e5b-4f0a-8c52-0e5b5f0a3c52",
            "resource": {
                "resourceType": "Condition",
                "id": "5f0a3c52-0e5b-4f0a-8c52-0e5b5f0a3c52",
                "code": {"text": "Chest pain"},
                "subject": {"reference": f"urn:uuid:{PATIENT['id']}"},
            },
        }
    ],
}
WRITTEN = [
    replace(REQUEST, documents=DOCUMENTS, explanation="Please call\nher daughter", clinical=CLINICAL),
    replace(REQUEST, act=Act.CHANGE, explanation="Sooner, please"),
    act(Act.CANCEL, explanation="Symptoms resolved", recipient=RECIPIENT),
    act(Act.ACCEPT, recipient=RECIPIENT, documents=DOCUMENTS, explanation="Bring the films"),
    act(Act.DECLINE, explanation="No capacity"),
    act(Act.CONFIRM_CANCEL),
    act(Act.INTERIM, documents=DOCUMENTS, clinical=CLINICAL),
    act(Act.COMPLETE, documents=DOCUMENTS, recipient=RECIPIENT, clinical=CLINICAL),
    act(Act.BOOK, appointment=APPOINTMENT, explanation="Bring the films"),
    act(Act.BOOK, appointment=APPOINTMENT._replace(end=None, place="")),
    act(Act.NO_SHOW, appointment=APPOINTMENT),
]
FORMS: tuple[Form, ...] = ("message", "transaction")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("message", WRITTEN, ids=lambda message: message.act.value)
def test_what_is_written_is_valid_and_keeps_every_fact(message: ReferralMessage, form: Form) -> None:
    written = write_fhir(message, form=form, ends=ENDS)
    assert written.findings == ()
    assert [str(each) for each in validate(written.resource)] == []
    assert structure(json.loads(dumps(written.resource))) == []
    assert said(written.resource) == message


@pytest.mark.parametrize("message", WRITTEN, ids=lambda message: message.act.value)
def test_a_task_alone_is_valid_and_says_what_it_leaves_out(message: ReferralMessage) -> None:
    written = write_fhir(message, form="task", ends=ENDS)
    assert [str(each) for each in validate(written.resource)] == []
    again = said(written.resource)
    assert (again.act, again.referral, again.filler, again.at) == (
        message.act,
        message.referral,
        message.filler,
        message.at,
    )
    assert (again.documents, again.appointment) == (message.documents, message.appointment)
    assert again.patient["identifier"] == [{"system": "urn:oid:2.999.1.5", "value": "P-17"}]
    left_out = {each.where.partition(".")[0] for each in written.findings}
    assert left_out <= {"patient", "initiator", "recipient", "service", "reason", "clinical"}
    assert ("clinical" in left_out) == (message.clinical is not None)


def test_the_message_keeps_the_rules_of_bser() -> None:
    bundle = write_fhir(WRITTEN[0], ends=ENDS).resource
    by_type: dict[str, list[Resource]] = {}
    for each in bundle["entry"]:
        by_type.setdefault(each["resource"]["resourceType"], []).append(each["resource"])
    header = bundle["entry"][0]["resource"]
    assert header["eventCoding"]["code"] == "I12"
    assert [each["endpoint"] for each in header["destination"]] == [ENDS.destination]
    assert len(header["focus"]) == 1
    (made,), (request,) = by_type["Task"], by_type["ServiceRequest"]
    assert {"status", "focus", "for", "authoredOn", "requester", "owner"} <= made.keys()
    assert (made["intent"], made["code"]["coding"][0]["code"]) == ("order", "fulfill")
    assert made["businessStatus"]["coding"][0]["code"] == "2.0"
    assert request["identifier"][0]["type"]["coding"][0]["code"] == "PLAC"
    document = by_type["Bundle"][0]
    kinds = [each["resource"]["resourceType"] for each in document["entry"]]
    assert (document["type"], kinds[0], kinds.count("Composition")) == ("document", "Composition", 1)


def test_a_transaction_leaves_alone_what_a_server_knows_better() -> None:
    accepted = write_fhir(act(Act.ACCEPT), form="transaction").resource["entry"]
    wanted = {each["resource"]["resourceType"]: each["request"] for each in accepted}
    assert "ServiceRequest" not in wanted
    assert wanted["Task"] == {"method": "PUT", "url": "Task?identifier=urn%3Aoid%3A2.999.1.15%7CR%7C1"}
    assert (wanted["Patient"]["method"], wanted["Practitioner"]["method"]) == ("POST", "POST")
    asked = write_fhir(REQUEST, form="transaction").resource["entry"]
    assert asked[0]["request"]["url"].startswith("ServiceRequest?identifier=")


@pytest.mark.parametrize("form", FORMS)
def test_a_document_that_is_a_bundle_stays_one(form: Form) -> None:
    bundle = {
        "resourceType": "Bundle",
        "id": "d-1",
        "type": "document",
        "identifier": {"value": "urn:oid:2.25.7"},
        "entry": [{"resource": {"resourceType": "Composition", "title": "Consult note", "subject": {}}}],
    }
    document = Attached(dumps(bundle), "application/fhir+json", "Consult note", "2.25.7")
    reported = act(Act.COMPLETE, documents=(document,))
    written = write_fhir(reported, form=form).resource
    assert bundle in [each["resource"] for each in written["entry"]]
    assert said(written) == reported
    # One whose bytes would not come back stays as it is, in a DocumentReference.
    spaced = act(Act.COMPLETE, documents=(document._replace(body=json.dumps(bundle).encode()),))
    assert said(write_fhir(spaced, form=form).resource) == spaced


@pytest.mark.parametrize("form", ["message", "transaction", "task"])
@pytest.mark.parametrize("body", [b"https://images.example/\xff\r\n", b"https://images.example/a b\r\n", b"1\r\n"])
def test_what_is_no_address_stays_as_it_is(body: bytes, form: Form) -> None:
    reported = act(Act.COMPLETE, documents=(Attached(body, "text/uri-list"),))
    assert said(write_fhir(reported, form=form).resource).documents == reported.documents


def test_an_inquiry_is_a_search_in_fhir() -> None:
    with pytest.raises(NotSayableError):
        write_fhir(act(Act.INQUIRE))
    with pytest.raises(NotSayableError):
        write_fhir(act(Act.BOOK))


def test_a_plain_address_is_no_direct_address() -> None:
    role = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": {"display": "Dr. Who"},
        "telecom": [{"system": "email", "value": "who@mail.example"}, {"system": "phone", "value": "555"}],
    }
    told = said(task("accepted", contained=[role], owner={"reference": "#r"}))
    assert told.recipient == Party(family="Dr. Who", phone="555")


def test_the_example_of_the_guide_keeps_its_facts() -> None:
    files = sorted(BSER.glob("bundle-bser-referral-message-bundle-*.json"))
    for file in files:
        told = read(Message("0" * 32, "test", FHIR, file.read_bytes(), NOW))
        assert told.act is Act.REQUEST
        assert told.referral == Identifier("88888888", "urn:hie-engine:authority:1063494177")
        assert told.filler is not None
        assert told.filler.value == "99999999"
        assert told.patient["identifier"][0]["value"] == "1032702"
        assert (told.initiator.npi, told.recipient.npi) == ("1111111111", "2222222222")
        assert told.recipient.specialty == Coded("419772000", "http://snomed.info/sct", "Family Practice")
        assert told.service.text == "Lifestyle education (procedure)"
        assert [each.code for each in told.reason] == ["3723001"]
        assert [each.title for each in told.documents] == ["Referral request"]
        assert told.clinical is not None
        kinds = {each["resource"]["resourceType"] for each in told.clinical["entry"]}
        assert {"Observation", "MedicationRequest", "AllergyIntolerance"} <= kinds
        for form in FORMS:
            written = write_fhir(told, form=form)
            assert written.findings == ()
            assert said(written.resource) == told
    print(f"{len(files)} message Bundles of BSeR read")


def test_a_feedback_document_of_the_guide_comes_back_with_the_completion() -> None:
    file = BSER / "bundle-bser-referral-feedback-document-bundle-eve-everywoman.json"
    request = BSER / "bundle-bser-referral-message-bundle-eve-everywoman.json"
    if not file.exists():
        print("0 feedback documents of BSeR read")
        return
    bundle = deepcopy(json.loads(request.read_bytes()))
    for each in bundle["entry"]:
        if each["resource"]["resourceType"] == "Task":
            each["resource"]["status"] = "completed"
    bundle["entry"].append({"resource": json.loads(file.read_bytes())})
    told = said(bundle)
    assert told.act is Act.COMPLETE
    assert [each.title for each in told.documents] == ["Referral request", "Referral feedback"]
    print("1 feedback document of BSeR read")


def test_a_clinical_document_alone_is_a_request() -> None:
    body = (SAMPLES.parent / "ccda" / "consultation_note.xml").read_bytes()
    told = read(Message("0" * 32, "test", CCDA, body, NOW))
    assert (told.act, told.referral) == (
        Act.REQUEST,
        Identifier("EASTMERE-CN-20260321-17", "urn:oid:2.999.4711.9"),
    )
    assert (told.initiator.npi, told.initiator.organization) == ("9880425977", "Eastmere Family Practice")
    assert told.patient["identifier"] == [{"system": "urn:oid:2.999.4711.1", "value": "7704318"}]
    assert told.documents == (Attached(body, "text/xml", "Consultation Note", "2.999.4711.9^EASTMERE-CN-20260321-17"),)
    with pytest.raises(ReferralError, match="no identifier"):
        read(Message("0" * 32, "test", CCDA, body.replace(b'<id root="2.999.4711.9"', b'<idd root="1"'), NOW))


def test_what_a_binary_holds_is_the_document() -> None:
    binary = {"resourceType": "Binary", "id": "b", "contentType": "application/pdf", "data": "JVBERg=="}
    reference = {
        "resourceType": "DocumentReference",
        "id": "d",
        "content": [{"attachment": {"url": "Binary/b", "title": "Letter"}}],
    }
    output = [{"valueReference": {"reference": "DocumentReference/d"}}]
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": each} for each in (task("completed", output=output), reference, binary)],
    }
    assert said(bundle).documents == (Attached(base64.b64decode("JVBERg=="), "application/pdf", "Letter"),)


def test_a_task_about_another_patient_than_its_order_stops() -> None:
    patients = [{"resourceType": "Patient", "id": each} for each in ("p", "q")]
    order = asked("s", "R-1", subject={"reference": "Patient/q"})
    outcome = {**task("completed", focus={"reference": "ServiceRequest/s"}), "for": {"reference": "Patient/p"}}
    with pytest.raises(ReferralError, match="two patients"):
        said(bundle(outcome, order, *patients))


LETTER = {
    "resourceType": "DocumentReference",
    "id": "d",
    "subject": {"reference": "Patient/p"},
    "content": [{"attachment": {"contentType": "application/pdf", "data": "JVBERg==", "title": "Letter"}}],
}


def test_a_document_that_nothing_leads_to_is_not_lost_but_for_another_patients() -> None:
    patient = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:oid:2.999.1.5", "value": "P-17"}]}
    child = {"resourceType": "Patient", "id": "q"}
    about_child = {**LETTER, "id": "e", "subject": {"reference": "Patient/q"}}
    outcome = {**task("completed"), "for": {"reference": "Patient/p"}}
    brought = said(bundle(outcome, patient, child, LETTER, about_child)).documents
    assert [(each.title, each.body) for each in brought] == [("Letter", b"%PDF")]


@pytest.mark.parametrize(
    ("status", "place"), [("completed", "Task.output[0].valueReference"), ("requested", "Task.input[0].valueReference")]
)
def test_a_document_that_did_not_come_along_stops_the_message(status: str, place: str) -> None:
    name = place.partition("[")[0].removeprefix("Task.")
    there = [{"valueReference": {"reference": "https://clinic.example/fhir/DocumentReference/7"}}]
    with pytest.raises(ReferralError, match="did not come along") as refusal:
        said(task(status, **{name: there}))
    assert refusal.value.where == place
    earlier = "input" if name == "output" else "output"
    assert said(task(status, **{earlier: there})).documents == ()


def test_a_request_to_a_kind_of_performer_keeps_its_notes_and_inputs() -> None:
    specialty = {"system": "http://nucc.org/provider-taxonomy", "code": "207RC0000X", "display": "Cardiology"}
    request = {
        "resourceType": "ServiceRequest",
        "id": "s",
        "performerType": {"coding": [specialty]},
        "note": [{"text": "Prefers mornings"}],
    }
    attachment = {"contentType": "application/pdf", "data": "JVBERg==", "title": "Letter"}
    asked = task(
        "requested",
        focus={"reference": "ServiceRequest/s"},
        input=[{"valueAttachment": attachment}],
        statusReason={"text": "First visit"},
    )
    told = said(
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": asked}, {"resource": request}]}
    )
    assert told.recipient == Party(specialty=Coded("207RC0000X", specialty["system"], "Cardiology"))
    assert told.explanation == "First visit\nPrefers mornings"
    assert told.documents == (Attached(b"%PDF", "application/pdf", "Letter"),)


def test_v2_and_fhir_say_the_same() -> None:
    asked = received((SAMPLES / "ref_i12.hl7").read_bytes())
    for form in FORMS:
        written = write_fhir(asked, form=form, ends=ENDS)
        assert written.findings == ()
        assert validate(written.resource) == []
        assert said(written.resource) == asked
