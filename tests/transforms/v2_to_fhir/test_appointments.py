"""SIU and SRM: an appointment, who takes part, when, and whether it still holds."""

from __future__ import annotations

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text, extensions, only, resources
from transforms.v2_to_fhir import Options

SCH = "SCH|PA1^STANNE|FA1^SCHED||||RES^Rescheduled by patient^L|CHECKUP^Check-up^HL70276|Normal^Normal^HL70277|30|min"
TIMES = "|^^^20260320090000+0100^20260320093000+0100"


def sch(status: str = "", more: str = "") -> str:
    """A SCH with a filler's status (SCH-25), and what stands behind it."""
    return f"{SCH}{TIMES}{'|' * 14}{status}{more}"


@pytest.mark.parametrize(
    ("event", "filler", "status"),
    [
        ("S12", "Booked", "booked"),
        ("S12", "BOOKED", "booked"),
        ("S12", "", "booked"),
        ("S12", "Pending", "pending"),
        ("S12", "Waitlist", "waitlist"),
        ("S12", "Overbook", "booked"),
        ("S14", "Started", "checked-in"),
        ("S14", "Complete", "fulfilled"),
        ("S14", "Cancelled", "cancelled"),
        ("S14", "Discontinued", "cancelled"),
        ("S14", "Deleted", "entered-in-error"),
        ("S15", "", "cancelled"),
        ("S15", "Booked", "cancelled"),
        ("S16", "Booked", "cancelled"),
        ("S17", "Booked", "entered-in-error"),
        ("S26", "Booked", "noshow"),
    ],
)
def test_status_is_the_events_where_that_ends_the_appointment(event: str, filler: str, status: str) -> None:
    appointment = only(convert_text(f"SIU^{event}^SIU_S12", sch(filler), PID), "Appointment")
    assert appointment["status"] == status
    original = appointment.get("_status", {}).get("extension", [])
    ended_otherwise = event in ("S15", "S16", "S17", "S26") and filler
    if ended_otherwise or filler in ("BOOKED", "Overbook", "Discontinued"):
        assert original[0]["valueCodeableConcept"]["coding"][0]["code"] == filler


def test_a_status_that_nobody_knows_books_nothing() -> None:
    found = convert_text("SIU^S12^SIU_S12", sch("MAYBE"), PID)
    assert only(found, "Appointment")["status"] == "pending"
    assert ("FHIR-121", "SCH-25") in {(each.code, each.where) for each in found.findings}


def test_what_sch_says_of_the_appointment() -> None:
    appointment = only(convert_text("SIU^S12^SIU_S12", sch("Booked"), PID), "Appointment")
    assert [each["value"] for each in appointment["identifier"]] == ["PA1", "FA1"]
    assert appointment["start"] == "2026-03-20T09:00:00+01:00"
    assert appointment["end"] == "2026-03-20T09:30:00+01:00"
    assert appointment["minutesDuration"] == 30
    assert appointment["reasonCode"][0]["coding"][0]["code"] == "866149003"
    assert appointment["appointmentType"]["coding"][0]["code"] == "Normal"
    assert "cancelationReason" not in appointment


def test_reason_of_the_event_is_why_it_was_cancelled() -> None:
    appointment = only(convert_text("SIU^S15^SIU_S12", sch(), PID), "Appointment")
    assert appointment["cancelationReason"]["coding"][0]["code"] == "RES"


def test_patient_takes_part_and_is_whom_it_is_about() -> None:
    found = convert_text("SIU^S12^SIU_S12", sch("Booked"), PID)
    reference = {"reference": f"urn:uuid:{only(found, 'Patient')['id']}"}
    appointment = only(found, "Appointment")
    assert {"actor": reference, "status": "accepted"} in appointment["participant"]
    assert extensions(appointment, "Appointment.subject") == [reference]


def test_resources_take_part_in_their_own_time() -> None:
    found = convert_text(
        "SIU^S12^SIU_S12",
        sch("Booked"),
        PID,
        "RGS|1|A",
        "AIS|1|A|CBC^Blood count^L",
        "AIG|1|A|77^Cell counter^L|EQ^Lab equipment^L||||20260320090000+0100|||20|min",
        "AIL|1|A|LAB^1^^STANNE|||20260320090000+0100||||||Pending",
        "AIP|1|A|9992033313^Pellworth^Imogen^^^Dr^MD^^NPI|PHY^Physician^L|||10|min||||Booked",
    )
    appointment = only(found, "Appointment")
    assert appointment["serviceType"][0]["coding"][0]["code"] == "CBC"
    patient, device, place, person = appointment["participant"]
    assert device["type"][0]["coding"][0]["code"] == "EQ"
    assert device["period"] == {"start": "2026-03-20T09:00:00+01:00", "end": "2026-03-20T09:20:00+01:00"}
    assert place["status"] == "tentative"
    assert person["status"] == "accepted"
    assert person["period"] == {"start": "2026-03-20T09:10:00+01:00"}
    assert only(found, "Device")["deviceName"][0]["name"] == "Cell counter"
    assert patient["status"] == "accepted"


def test_resource_that_is_taken_out_does_not_take_part() -> None:
    found = convert_text("SIU^S14^SIU_S12", sch("Booked"), PID, "AIP|1|D|7^Lisk^Oriana|PHY^Physician^L")
    assert len(only(found, "Appointment")["participant"]) == 1
    assert "FHIR-131" in {each.code for each in found.findings}


def test_orders_are_what_the_appointment_is_for() -> None:
    found = convert_text("SIU^S12^SIU_S12", sch("Booked", "|O1^STANNE|O1-L^LAB"), PID, "AIS|1|A|CBC^Blood count^L")
    order = only(found, "ServiceRequest")
    assert [each["value"] for each in order["identifier"]] == ["O1", "O1-L"]
    assert (order["status"], order["intent"]) == ("active", "order")
    assert order["code"]["coding"][0]["code"] == "CBC"
    assert only(found, "Appointment")["basedOn"] == [{"reference": f"urn:uuid:{order['id']}"}]


def test_cancelled_appointment_does_not_revoke_its_order() -> None:
    found = convert_text("SIU^S15^SIU_S12", sch("Cancelled", "|O1^STANNE"), PID)
    assert only(found, "ServiceRequest")["status"] == "unknown"


def test_same_appointment_has_the_same_id_whatever_happens_to_it() -> None:
    made = [only(convert_text(f"SIU^{event}^SIU_S12", sch(), PID), "Appointment") for event in ("S12", "S13", "S15")]
    assert len({each["id"] for each in made}) == 1


def test_nothing_fails_where_everything_is_missing() -> None:
    found = convert_text("SIU^S12^SIU_S12", "AIS|1|A|X", "TQ1|1", "SCH", "AIP|1", "AIG|1", "AIL|1", "RGS|1")
    appointment = only(found, "Appointment")
    assert appointment["status"] == "booked"
    assert {"_start", "_end"} <= set(appointment)


def test_request_for_an_appointment_proposes_it() -> None:
    arq = "ARQ|PA1^STANNE||||||ROUTINE^Routine^HL70276|Normal|45|min|20260320090000+0100^20260320170000+0100"
    appointment = only(convert_text("SRM^S01^SRM_S01", arq, PID), "Appointment")
    assert appointment["status"] == "proposed"
    assert appointment["requestedPeriod"] == [
        {"start": "2026-03-20T09:00:00+01:00", "end": "2026-03-20T17:00:00+01:00"}
    ]
    assert only(convert_text("SRM^S04^SRM_S01", arq, PID), "Appointment")["status"] == "pending"


@pytest.mark.parametrize(
    ("event", "answer", "status"),
    [("S04", "AA", "cancelled"), ("S04", "AE", "pending"), ("S06", "AA", "entered-in-error"), ("S01", "AA", "pending")],
)
def test_response_cancels_only_where_it_says_yes(event: str, answer: str, status: str) -> None:
    found = convert_text(f"SRR^{event}^SRR_S01", f"MSA|{answer}|M0", sch(), PID)
    assert only(found, "Appointment")["status"] == status


def test_appointment_does_not_put_over_the_order_that_it_mentions() -> None:
    found = convert_text(
        "SIU^S12^SIU_S12",
        sch("Booked", "|O1^STANNE"),
        PID,
        "AIS|1|A|CBC^Blood count^L",
        options=Options(bundle="transaction"),
    )
    assert found.bundle is not None
    methods = {each["resource"]["resourceType"]: each["request"]["method"] for each in found.bundle["entry"]}
    assert (methods["ServiceRequest"], methods["Appointment"]) == ("POST", "PUT")


@pytest.mark.parametrize(("event", "status"), [("S23", "busy-unavailable"), ("S24", "free")])
def test_blocked_time_is_no_appointment(event: str, status: str) -> None:
    found = convert_text(f"SIU^{event}^SIU_S12", sch(), "RGS|1|A", "AIP|1|A|7^Lisk^Oriana|PHY^Physician^L")
    assert resources(found, "Appointment") == []
    slot, schedule = only(found, "Slot"), only(found, "Schedule")
    assert (slot["status"], slot["start"]) == (status, "2026-03-20T09:00:00+01:00")
    assert slot["schedule"] == {"reference": f"urn:uuid:{schedule['id']}"}
    assert schedule["actor"] == [{"reference": f"urn:uuid:{only(found, 'Practitioner')['id']}"}]
