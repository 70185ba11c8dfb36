"""FHIR notifications: valid by Da Vinci's guide whatever the hospital sends, whole, and no more than was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.fhir.read import read
from schemas.fhir.validate import validate
from schemas.finding import Severity
from schemas.message import Message
from tests.transforms.written import message
from transforms.notify.adt_to_alert_bundle import adt_to_alert_bundle
from transforms.step import StepError

SAMPLES = Path(__file__).parents[3] / "samples/hl7v2"
EVENTS = [
    ("adt_a01", "arrival"),
    ("adt_a02", "transfer"),
    ("adt_a03", "discharge"),
    ("adt_a04", "arrival"),
    ("adt_a06", "arrival"),
]


def notice(name: str, phase: str = "arrival", kind: str = "new", **more: str) -> Message:
    facts = {"subscriber_id": "riverside", "subscriber_title": "Riverside", "subscriber_member": "17"}
    facts |= {"subscriber_address": "https://fhir.riverside.example/r4", "match_panel": "riverside"}
    body = (SAMPLES / f"{name}.hl7").read_bytes()
    return message(body, **{**facts, "notice_phase": phase, "notice_kind": kind, **more})


def told(sent: Message) -> Any:
    made = adt_to_alert_bundle(sent)
    assert isinstance(made, Message)
    return read(made.body)


def only(bundle: Any, kind: str) -> Any:
    (one,) = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]
    return one


@pytest.mark.parametrize("content", ["full", "minimum"])
@pytest.mark.parametrize("kind", ["new", "update", "withdrawal"])
@pytest.mark.parametrize(("name", "phase"), EVENTS)
def test_each_is_valid_by_the_guide(name: str, phase: str, kind: str, content: str) -> None:
    bundle = told(notice(name, phase, kind, subscriber_content=content))
    found = validate(bundle, level="davinci-alerts")
    assert [str(each) for each in found if each.severity is Severity.ERROR or each.code == "FHIR-327"] == []
    header = bundle["entry"][0]["resource"]
    expected = {"arrival": "admit", "transfer": "transfer", "discharge": "discharge"}[phase]
    assert header["eventCoding"]["code"] == f"notification-{expected}"
    assert header["focus"] == [{"reference": f"urn:uuid:{only(bundle, 'Encounter')['id']}"}]
    assert len(header["destination"]) == 1


def test_what_is_told_of_the_patient_and_the_visit() -> None:
    bundle = told(notice("adt_a01"))
    patient, visit = only(bundle, "Patient"), only(bundle, "Encounter")
    assert patient["name"][0]["family"]
    assert {"system": "urn:hie-engine:panel:riverside", "value": "17"} in patient["identifier"]
    assert visit["status"] == "in-progress"
    assert visit["period"]["start"]
    assert bundle["identifier"]["value"]


def test_the_least_content_names_the_patient_and_nothing_else_of_them() -> None:
    bundle = told(notice("adt_a01", subscriber_content="minimum"))
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} <= {
        *("MessageHeader", "Encounter", "Patient", "Practitioner", "Organization", "Location")
    }
    patient = only(bundle, "Patient")
    assert patient.keys() <= {"resourceType", "id", "meta", "name", "active", "identifier", "_gender"}
    assert [each["value"] for each in patient["identifier"]] == ["17"]
    whole = json.dumps(bundle)
    assert not any(each in whole for each in ("birthDate", "telecom", 'address"', "race", "urn:hie-engine:v2-element"))


@pytest.mark.parametrize(("kind", "reason"), [("new", None), ("update", "edit"), ("withdrawal", None)])
def test_an_update_and_a_withdrawal_say_so(kind: str, reason: str | None) -> None:
    bundle = told(notice("adt_a01", kind=kind))
    header = bundle["entry"][0]["resource"]
    codes = [each["code"] for each in header.get("reason", {}).get("coding", ())]
    assert codes == ([reason] if reason else [])
    assert ("withdrawn" in header.get("reason", {}).get("text", "")) == (kind == "withdrawal")
    assert (only(bundle, "Encounter")["status"] == "cancelled") == (kind == "withdrawal")


def test_a_visit_without_doctor_and_place_says_that_they_are_unknown() -> None:
    body = (
        "MSH|^~\\&|A|STANNE|||20261125||ADT^A01|M1|P|2.5.1\nEVN||20261125\n"
        "PID|1||7^^^STANNE||Vale^Ann\nPV1|1|I|||||||||||||||||V1\n"
    )
    sent = message(body, notice_phase="arrival", notice_kind="new", subscriber_id="r")
    bundle = told(sent)
    assert [each for each in validate(bundle, level="davinci-alerts") if each.severity is Severity.ERROR] == []
    assert "_name" in only(bundle, "Location")


def test_what_is_no_visit_is_no_notification() -> None:
    with pytest.raises(StepError, match="no visit"):
        adt_to_alert_bundle(notice("adt_a28"))
    with pytest.raises(StepError, match="what happened"):
        adt_to_alert_bundle(message((SAMPLES / "adt_a01.hl7").read_bytes()))


def test_two_subscribers_get_two_messages_about_one_visit() -> None:
    one, two = told(notice("adt_a01")), told(notice("adt_a01", subscriber_id="hillside"))
    assert one["id"] != two["id"]
    assert only(one, "Encounter")["id"] == only(two, "Encounter")["id"]
