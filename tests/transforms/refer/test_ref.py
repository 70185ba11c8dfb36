"""REF and RRI: what they say, and what is written for each act."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from schemas.hl7v2.validate import validate
from tests.transforms.refer.making import APPOINTMENT, DOCUMENTS, RECIPIENT, REQUEST, SAMPLES, act, received
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
from transforms.refer.fhir import write_fhir
from transforms.refer.ref import write_ref
from transforms.refer.x360 import write_360x

PID = "PID|1||P1001^^^STANNE^MR||Sample^Pat"
PDF = base64.b64encode(b"%PDF-1.4").decode()


def body(kind: str, *segments: str) -> bytes:
    msh = rf"MSH|^~\&|CARD|STANNE|REFER|NORTH|20260313090000+0100||{kind}|C-1|P|2.5.1"
    return "".join(f"{each}\r" for each in (msh, *segments)).encode()


def answer(status: str, *segments: str, event: str = "I12") -> bytes:
    return body(f"RRI^{event}^RRI_I12", "MSA|AA|R-1", f"RF1|{status}|||||REF-1", "PRD|RP", PID, *segments)


ANSWERS = [
    (answer("A"), Act.ACCEPT),
    (answer("A^Accepted^HL70283"), Act.ACCEPT),
    (answer("R"), Act.DECLINE),
    (answer("E"), Act.DECLINE),
    (answer("P", event="I14"), Act.CONFIRM_CANCEL),
    (answer("A", event="I15"), Act.ACCEPT),
    (answer("A", "PV1|1|O", "PV2||||||||20260401140000+0000"), Act.BOOK),
    (answer("A", "PV1|1|O", "PV2||||||||20260401140000+0000||||||||||||||||Noshow"), Act.NO_SHOW),
    (answer("A", "OBR|1|||57133-1|||||||||||||||||||||P"), Act.INTERIM),
    (answer("A", "OBR|1|||57133-1|||||||||||||||||||||F"), Act.COMPLETE),
    (answer("A", "OBR|1|||11488-4^Consult note^LN", f"OBX|1|ED|11488-4||^AP^PDF^Base64^{PDF}||||||F"), Act.COMPLETE),
    (answer("A", "OBR|1|||11488-4^Consult note^LN", f"OBX|1|ED|11488-4||^AP^PDF^Base64^{PDF}||||||P"), Act.INTERIM),
]


@pytest.mark.parametrize(("message", "expected"), ANSWERS)
def test_an_answer_says_its_act(message: bytes, expected: Act) -> None:
    said = received(message)
    assert said.act is expected
    assert said.referral == Identifier("REF-1", "urn:hie-engine:authority:NORTH")  # the initiator's, who is answered


@pytest.mark.parametrize(
    ("event", "expected"), [("I12", Act.REQUEST), ("I13", Act.CHANGE), ("I14", Act.CANCEL), ("I15", Act.INQUIRE)]
)
def test_a_request_says_its_act_by_its_event(event: str, expected: Act) -> None:
    said = received(body(f"REF^{event}^REF_I12", "RF1|P|||||REF-1", "PRD|RP", PID, "NTE|1||Please", "NTE|2||hurry"))
    assert (said.act, said.explanation) == (expected, "Please\nhurry")
    assert said.referral == Identifier("REF-1", "urn:hie-engine:authority:STANNE")


@pytest.mark.parametrize(
    ("message", "kind", "place"),
    [
        (answer("P"), NoActError, "RF1-1"),
        (answer(""), NoActError, "RF1-1"),
        (answer("A", "PV2||||||||20260401140000+0000||||||||||||||||Cancelled"), NoActError, "PV2-24"),
        (body("RRI^I12^RRI_I12", "MSA|AA|R-1", "PRD|RP", PID), NoActError, "RF1"),
        (body("REF^I16^REF_I12", "RF1|P|||||REF-1", PID), NoActError, "MSH-9.2"),
        (body("RRI^I12^RRI_I12", "MSA|AE|R-1", "RF1|A|||||REF-1", PID), ReferralError, "MSA-1"),
        (body("REF^I12^REF_I12", PID), ReferralError, "RF1"),
        (body("REF^I12^REF_I12", "RF1|P", PID), ReferralError, "RF1-6"),
        (body("REF^I12^REF_I12", "RF1|P|||||REF-1"), ReferralError, "PID"),
        (answer("A", "PV2||||||||20260401"), ReferralError, "PV2-8"),
        (answer("A", "OBR|1|||57133-1", "OBX|1|ED|57133-1||^AP^PDF^Base64^????||||||F"), ReferralError, "OBX-5"),
        (body("ADT^A01", PID), ReferralError, "MSH-9"),
    ],
)
def test_what_says_no_act_is_refused_with_its_place(message: bytes, kind: type[ReferralError], place: str) -> None:
    with pytest.raises(ReferralError) as refusal:
        received(message)
    assert type(refusal.value) is kind
    assert refusal.value.where == place


def test_the_samples_say_who_asks_whom_for_what() -> None:
    asked = received((SAMPLES / "ref_i12.hl7").read_bytes())
    assert asked.act is Act.REQUEST
    assert asked.initiator == Party(npi="9880425977", family="Harrowgate", given=("Dunstan",), phone="+1 608 5550150")
    assert (asked.recipient.npi, asked.recipient.organization) == ("9992033313", "STANNE CARDIOLOGY")
    assert asked.reason == (Coded("S", "http://terminology.hl7.org/CodeSystem/v2-0336", "Second opinion"),)
    assert asked.priority == "routine"
    assert asked.clinical is not None
    assert [each["resource"]["resourceType"] for each in asked.clinical["entry"]] == ["Condition"]
    answered = received((SAMPLES / "rri_i12.hl7").read_bytes())
    assert (answered.act, answered.referral) == (Act.ACCEPT, asked.referral)


@pytest.mark.parametrize(
    ("providers", "expected"),
    [
        (["RT|Adams^Ann", "RT|Brown^Bob|||||1234567893^NPI"], ("", "Adams", "")),
        (["RT|Adams^Ann|||||9992033313^NPI", "RT|Adams^Al|||||1234567893^NPI"], ("9992033313", "Adams", "")),
        (
            ["RT|||^^^^^^^^St. Anne Cardiology", "RT|Adams^Ann|||||9992033313^NPI"],
            ("9992033313", "Adams", "St. Anne Cardiology"),
        ),
        (["PP|Brown^Bob|||||1234567893^NPI", "PP~RT|Adams^Ann"], ("", "Adams", "")),
    ],
)
def test_of_two_specialists_none_is_made_one(providers: list[str], expected: tuple[str, str, str]) -> None:
    prds = [f"PRD|{each}" for each in providers]
    asked = received(body("REF^I12^REF_I12", "RF1|P|||||REF-1", "PRD|RP|Roe^R", *prds, PID)).recipient
    assert (asked.npi, asked.family, asked.organization) == expected


def test_documents_of_others_are_taken_as_they_are() -> None:
    said = received(
        answer(
            "A",
            "OBR|1||R9^^2.25.77^ISO|11488-4^Consult note^LN",
            f"OBX|1|ED|PDF^Display format in PDF^AUSPDI||^application^PDF^Base64^{PDF}||||||F",
            "OBX|2|NM|8867-4^Heart rate^LN||61|/min^^UCUM|||||F",
            "OBX|3|RP|18748-4^Imaging^LN||https://images.example/1^^IM^DICOM||||||F",
        )
    )
    assert said.documents == (
        Attached(b"%PDF-1.4", "application/pdf", "Consult note", "2.25.77^R9"),
        Attached(b"https://images.example/1\r\n", "text/uri-list", "Consult note", "2.25.77^R9"),
    )
    assert said.clinical is not None
    assert [each["resource"]["code"]["coding"][0]["code"] for each in said.clinical["entry"]] == ["8867-4"]


WRITTEN = [
    replace(REQUEST, documents=DOCUMENTS, explanation="Please call\nher daughter"),
    replace(REQUEST, act=Act.CHANGE, explanation="Sooner, please"),
    replace(REQUEST, act=Act.CANCEL, explanation="Symptoms resolved"),
    replace(REQUEST, act=Act.INQUIRE),
    act(Act.ACCEPT, recipient=RECIPIENT, documents=DOCUMENTS, explanation="Bring the films"),
    act(Act.DECLINE, explanation="No capacity"),
    act(Act.CONFIRM_CANCEL),
    act(Act.INTERIM, documents=DOCUMENTS, explanation="Echo to follow"),
    act(Act.COMPLETE, documents=DOCUMENTS),
    act(Act.COMPLETE),
    act(Act.BOOK, appointment=APPOINTMENT, explanation="Bring the films"),
    act(Act.NO_SHOW, appointment=APPOINTMENT),
    act(Act.NO_SHOW),
]


@pytest.mark.parametrize("version", ["2.5.1", "2.8.1"])
@pytest.mark.parametrize("message", WRITTEN, ids=lambda message: message.act.value)
def test_what_is_written_is_valid_and_keeps_every_fact(message: ReferralMessage, version: str) -> None:
    written = write_ref(message, version=version, answers="R-1")
    assert written.findings == ()
    assert [str(each) for each in validate(written.message)] == []
    assert received(written.message) == message


def test_a_referral_sample_is_written_again() -> None:
    asked = received((SAMPLES / "ref_i12.hl7").read_bytes())
    written = write_ref(asked, version="2.8.1")
    assert {each.code for each in written.findings} <= {"FHIR-202"}
    assert validate(written.message) == []
    again = received(written.message)
    assert replace(again, clinical=None) == replace(asked, clinical=None)
    assert again.clinical == asked.clinical


def test_a_booking_without_a_time_is_not_written() -> None:
    with pytest.raises(NotSayableError):
        write_ref(act(Act.BOOK))


def test_a_last_day_stays_a_day_in_every_form() -> None:
    asked = received((SAMPLES / "ref_i12.hl7").read_bytes())
    assert write_ref(asked).message.get("RF1-8") == "20260612"
    assert write_360x(asked).message.get("TQ1-8") == "20260612"
    request = write_fhir(asked, form="transaction").resource["entry"][0]["resource"]
    assert request["occurrencePeriod"] == {"end": "2026-06-12"}


def test_the_representation_shows_no_patient() -> None:
    assert repr(REQUEST) == "<ReferralMessage request with 0 documents>"
