"""The step, as a channel file writes it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.message import FHIR, Message
from tests.transforms.written import UnboundError, bind, run
from transforms import StepError

TEXT = "MSH|^~\\&|LAB|STANNE|||20260312083015||ADT^A01|M1|P|2.5.1\rPID|1||77^^^STANNE^MR||Vale^Ann||19610417|F\r"
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


def message(text: str = TEXT, format: str = "hl7v2") -> Message:
    """A message as an inbound end makes it."""
    return Message("0" * 32, "test", format, text.encode(), NOW)


def test_the_body_becomes_fhir_and_the_findings_travel_with_it() -> None:
    (made,) = run("v2_to_fhir: {time_zone: -06:00}", message(TEXT.replace("|F", "|Q")))
    assert made.format == FHIR
    assert made.get("Bundle.timestamp") == "2026-03-12T08:30:15-06:00"
    assert made.get("Patient.name[0].family") == "Vale"
    assert "FHIR-121" in {finding.code for finding in made.findings}


def test_a_message_that_cannot_be_converted_stops_with_the_reason() -> None:
    with pytest.raises(StepError, match=r"MSH-9: FHIR-001"):
        run("v2_to_fhir: {}", message(TEXT.replace("ADT^A01", "ZZZ^Z01")))
    with pytest.raises(StepError, match=r"PID-8: FHIR-121"):
        run("v2_to_fhir: {unmapped_code: fail}", message(TEXT.replace("|F", "|Q")))


def test_what_is_no_hl7_v2_is_refused() -> None:
    with pytest.raises(StepError, match="the body is text"):
        run("v2_to_fhir: {}", message("hello", "text"))


def test_systems_come_from_a_code_map_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "systems.csv").write_text(
        "code,system,to_code,to_display,to_system\nSTANNE,,https://stanne.example/mrn,,\n"
    )
    (made,) = run("v2_to_fhir: {systems: systems.csv}", message(), site=tmp_path)
    assert made.get("Patient.identifier[0].system") == "https://stanne.example/mrn"


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("v2_to_fhir: {bundle: document}", "message"),
        ("v2_to_fhir: {time_zone: Mars/Olympus}", "time zone"),
        ("v2_to_fhir: {segments: [pets]}", "reads_segment"),
        ("v2_to_fhir: {systems: nowhere.csv}", "nowhere.csv"),
    ],
)
def test_what_cannot_be_meant_is_found_when_the_channel_is_bound(written: str, what: str) -> None:
    with pytest.raises(UnboundError, match=what):
        bind(written)
