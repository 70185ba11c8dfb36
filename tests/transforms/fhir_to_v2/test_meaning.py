"""What a message must not turn into something else: what is wrong, cancelled, refused or not yet ordered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transforms.fhir_to_v2.conversion import back, segments

PATIENT = {"resourceType": "Patient", "id": "p", "identifier": [{"value": "7"}], "name": [{"family": "Vale"}]}
SUBJECT = {"reference": "Patient/p"}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """A collection of the patient and `resources`."""
    entries = [{"resource": resource} for resource in (PATIENT, *resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def order(**more: Any) -> dict[str, Any]:
    """A ServiceRequest."""
    code = {"code": {"text": "blood count"}, "intent": "order", "status": "active", "subject": SUBJECT}
    return {"resourceType": "ServiceRequest", "id": "o", **code, **more}


@pytest.mark.parametrize(
    ("status", "event"),
    [
        ("planned", "A05"),
        ("arrived", "A04"),
        ("in-progress", "A01"),
        ("onleave", "A21"),
        ("finished", "A03"),
        ("cancelled", "A11"),
        ("entered-in-error", "A11"),
        ("unknown", "A08"),
    ],
)
def test_the_status_of_a_visit_is_the_event(status: str, event: str) -> None:
    visit = {"resourceType": "Encounter", "id": "e", "status": status, "class": {"code": "IMP"}, "subject": SUBJECT}
    made = back(bundle(visit)).message
    assert made is not None
    assert (made.message_type, made.trigger_event) == ("ADT", event)


@pytest.mark.parametrize(
    ("status", "control", "state"),
    [("active", "NW", ""), ("revoked", "CA", "CA"), ("on-hold", "HD", "HD"), ("entered-in-error", "CA", "CA")],
)
def test_a_cancelled_order_is_no_new_one(status: str, control: str, state: str) -> None:
    orc = back(bundle(order(status=status))).message
    assert orc is not None
    assert (orc.get("ORC-1"), orc.get("ORC-5")) == (control, state)


@pytest.mark.parametrize("more", [{"status": "draft"}, {"intent": "proposal"}, {"intent": "plan"}])
def test_what_is_not_ordered_yet_becomes_no_order(more: dict[str, str]) -> None:
    conversion = back(bundle(order(**more)))
    assert conversion.message is None
    assert conversion.findings[-1].code == "FHIR-207"


@pytest.mark.parametrize(
    ("status", "code"),
    [("final", "F"), ("preliminary", "P"), ("corrected", "C"), ("cancelled", "X"), ("entered-in-error", "W")],
)
def test_a_wrong_result_says_so(status: str, code: str) -> None:
    result = {"resourceType": "Observation", "id": "r", "status": status, "code": {"text": "Na"}, "subject": SUBJECT}
    assert segments(back(bundle({**result, "valueInteger": 140})))["OBX"].split("|")[11] == code


def test_a_refused_vaccine_is_not_given() -> None:
    given = {"resourceType": "Immunization", "id": "i", "vaccineCode": {"text": "Tdap"}, "patient": SUBJECT}
    for status, reason, completion, action in (
        ("completed", {}, "CP", "A"),
        ("not-done", {}, "NA", "A"),
        ("not-done", {"statusReason": {"text": "no"}}, "RE", "A"),
        ("entered-in-error", {}, "CP", "D"),
    ):
        rxa = segments(back(bundle({**given, "status": status, **reason})))["RXA"].split("|")
        assert (rxa[20], rxa[21]) == (completion, action)


def test_a_diagnosis_that_does_not_hold_is_deleted_or_left_out() -> None:
    visit = {"resourceType": "Encounter", "id": "e", "status": "in-progress", "class": {"code": "IMP"}}
    condition = {"resourceType": "Condition", "id": "c", "code": {"text": "flu"}, "subject": SUBJECT}
    wrong = {**condition, "verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    refuted = {**condition, "verificationStatus": {"coding": [{"code": "refuted"}]}}
    assert segments(back(bundle(visit, wrong)))["DG1"].split("|")[21] == "D"
    for resource, version in ((refuted, "2.5.1"), (wrong, "2.3.1")):
        conversion = back(bundle(visit, resource), version=version)
        assert "DG1" not in segments(conversion)
        assert "FHIR-207" in {each.code for each in conversion.findings}


def test_an_allergy_that_does_not_hold_is_left_out_of_al1() -> None:
    visit = {"resourceType": "Encounter", "id": "e", "status": "in-progress", "class": {"code": "IMP"}}
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "nuts"}, "patient": SUBJECT}
    wrong = {**allergy, "verificationStatus": {"coding": [{"code": "refuted"}]}}
    conversion = back(bundle(visit, wrong))
    assert "AL1" not in segments(conversion)
    assert "FHIR-207" in {each.code for each in conversion.findings}


@pytest.mark.parametrize(
    ("status", "event", "filler"),
    [("booked", "S12", "Booked"), ("cancelled", "S15", "Cancelled"), ("noshow", "S26", "Noshow")],
)
def test_an_appointment_that_does_not_take_place(status: str, event: str, filler: str) -> None:
    visit = {"resourceType": "Appointment", "id": "a", "status": status, "participant": [{"actor": SUBJECT}]}
    made = back(bundle(visit)).message
    assert made is not None
    assert (made.trigger_event, made.get("SCH-25")) == (event, filler)


def test_a_time_that_has_been_changed_since_is_not_written_as_it_was() -> None:
    beside = {"extension": [{"url": "urn:hie-engine:v2-time", "valueString": "202603120830"}]}
    visit = {"resourceType": "Encounter", "id": "e", "status": "in-progress", "class": {"code": "IMP"}}
    same = {"start": "2026-03-12T08:30:00+01:00", "_start": beside}
    other = {"start": "2026-03-13T08:30:00+01:00", "_start": beside}
    assert segments(back(bundle({**visit, "period": same})))["PV1"].split("|")[44] == "202603120830"
    assert segments(back(bundle({**visit, "period": other})))["PV1"].split("|")[44] == "20260313083000+0100"


def test_findings_name_the_place_and_never_the_value() -> None:
    conversion = back(bundle({"resourceType": "Encounter", "status": "unknown", "period": {"start": "Secretday"}}))
    found = {(each.code, each.where) for each in conversion.findings}
    assert ("FHIR-209", "Bundle.entry[1].resource.period.start") in found
    assert "Secretday" not in str(conversion.findings)
