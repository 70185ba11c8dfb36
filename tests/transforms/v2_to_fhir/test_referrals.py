"""REF and RRI: a referral, its providers, how far it has come."""

from __future__ import annotations

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text, only, resources

REFERRING = "PRD|RP^Referring^HL70286|Lisk^Oriana|3 Quay Steps^^Harbour^WI^53990|||^^|9306778249^NPI||||||"
REFERRED = "PRD|RT^Referred to^HL70286|Pellworth^Imogen|||^WPN^PH^^1^608^5550111||9992033313^NPI|||STANNE CARDIOLOGY"


def rf1(status: str = "P", action: str = "") -> str:
    """A RF1 with RF1-1 and RF1-25."""
    start = (
        f"RF1|{status}^^HL70283|R^Routine^HL70280|MED^Medical^HL70281|WR^Written report^HL70282|O^Outpatient^HL70284"
    )
    return (
        f"{start}|R88^STANNE|20260312|20260612|20260312|S^Second opinion^HL70336|X1^EXT|||chest pain{'|' * 11}{action}"
    )


@pytest.mark.parametrize(
    ("kind", "status", "action", "request_status", "task_status"),
    [
        ("REF^I12", "P", "", "active", "requested"),
        ("REF^I12", "A", "", "active", "accepted"),
        ("RRI^I12", "R", "", "revoked", "rejected"),
        ("RRI^I12", "E", "", "completed", "cancelled"),
        ("REF^I14", "A", "", "revoked", "cancelled"),
        ("REF^I13", "A", "D", "entered-in-error", "entered-in-error"),
        ("REF^I12", "??", "", "unknown", "requested"),
    ],
)
def test_status(kind: str, status: str, action: str, request_status: str, task_status: str) -> None:
    found = convert_text(kind, rf1(status, action), PID)
    assert only(found, "ServiceRequest")["status"] == request_status
    assert only(found, "Task")["status"] == task_status


def test_what_is_asked_for_of_whom_and_why() -> None:
    found = convert_text("REF^I12^REF_I12", rf1(), REFERRING, REFERRED, PID, "DG1|1||R07.9^Chest pain^I10")
    request = only(found, "ServiceRequest")
    assert [each["value"] for each in request["identifier"]] == ["R88", "X1"]
    assert request["priority"] == "routine"
    assert request["code"]["coding"][0]["code"] == "MED"
    assert request["occurrencePeriod"] == {"start": "2026-03-12", "end": "2026-06-12"}
    assert [each.get("text") or each["coding"][0]["code"] for each in request["reasonCode"]] == ["S", "chest pain"]
    roles = {f"urn:uuid:{each['id']}": each for each in resources(found, "PractitionerRole")}
    people = {f"urn:uuid:{each['id']}": each for each in resources(found, "Practitioner")}
    asked_by = people[roles[request["requester"]["reference"]]["practitioner"]["reference"]]
    assert asked_by["name"][0]["family"] == "Lisk"
    asked = roles[request["performer"][0]["reference"]]
    assert people[asked["practitioner"]["reference"]]["name"][0]["family"] == "Pellworth"
    assert only(found, "Task")["owner"] == request["performer"][0]
    assert request["subject"] == {"reference": f"urn:uuid:{only(found, 'Patient')['id']}"}
    assert len(resources(found, "Condition")) == 1


def test_primary_care_provider_is_the_patients() -> None:
    found = convert_text("REF^I12", rf1(), "PRD|PP^Primary care^HL70286|Harrowgate^Dunstan|||||9880425977^NPI", PID)
    (doctor,) = only(found, "Patient")["generalPractitioner"]
    assert doctor["reference"] in {f"urn:uuid:{each['id']}" for each in resources(found, "PractitionerRole")}


def test_authorization_is_the_payers_answer() -> None:
    aut = "AUT|PPO^Preferred^L|HG1^Heron Mutual^L|Heron Mutual|20260301|20260601|A-7781^HERON"
    found = convert_text("RRI^I12", "MSA|AA|M0", rf1("A"), aut, PID)
    answer = only(found, "ClaimResponse")
    assert (answer["preAuthRef"], answer["outcome"], answer["use"]) == ("A-7781", "complete", "preauthorization")
    assert only(found, "ServiceRequest")["insurance"] == [{"reference": f"urn:uuid:{answer['id']}"}]
    assert only(found, "MessageHeader")["response"]["code"] == "ok"


def test_nothing_fails_where_everything_is_missing() -> None:
    found = convert_text("REF^I12", "PRD", "CTD", "AUT", "RF1", "PRD|PP", "CTD|X|A")
    assert only(found, "ServiceRequest")["subject"]["extension"]
