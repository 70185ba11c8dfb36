"""The step, as a channel file writes it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.message import HL7V2, Message
from tests.transforms.written import UnboundError, bind, run
from transforms import StepError

PATIENT = """{"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1961-04-17",
  "identifier": [{"system": "https://stanne.example/mrn", "value": "7704318"}],
  "name": [{"family": "Ökonjo", "given": ["Thessaly"]}], "photo": [{"title": "front"}]}"""
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


def message(text: str = PATIENT, format: str = "fhir") -> Message:
    """A message as an inbound end makes it."""
    return Message("0" * 32, "test", format, text.encode(), NOW)


def test_the_body_becomes_hl7_v2_and_the_findings_travel_with_it() -> None:
    (made,) = run("fhir_to_v2: {sending_application: HIE, receiving_facility: WARD}", message())
    assert made.format == HL7V2
    assert made.get("MSH-3") == "HIE"
    assert made.get("MSH-6") == "WARD"
    assert made.get("MSH-9") == "ADT^A31^ADT_A05"
    assert len(made.get("MSH-10")) == 20
    assert made.get("PV1-2") == "N"
    assert made.get("PID-5.1") == "Ökonjo"
    assert [(each.code, each.where) for each in made.findings] == [("FHIR-202", "Patient.photo[0].title")]


def test_the_receiver_has_a_version_and_a_character_set() -> None:
    (made,) = run('fhir_to_v2: {version: "2.3.1", charset: 8859/1}', message())
    assert made.get("MSH-12") == "2.3.1"
    assert "Ökonjo".encode("latin-1") in made.body
    assert made.er7.get("MSH-18") == "8859/1"


def test_the_control_id_is_a_template() -> None:
    (made,) = run('fhir_to_v2: {control_id: "{message.channel}-1"}', message())
    assert made.get("MSH-10") == "test-1"


def test_what_cannot_be_converted_stops_with_the_reason() -> None:
    with pytest.raises(StepError, match="Medication: FHIR-201"):
        run("fhir_to_v2: {}", message('{"resourceType": "Medication"}'))
    with pytest.raises(StepError, match="MSH-18: FHIR-205"):
        run("fhir_to_v2: {charset: ASCII}", message())
    with pytest.raises(StepError, match="the body is no JSON"):
        run("fhir_to_v2: {}", message("{"))
    with pytest.raises(StepError, match="the body is hl7v2"):
        run("fhir_to_v2: {}", message("MSH|", "hl7v2"))


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ('fhir_to_v2: {version: "2.9"}', "no version that can be written"),
        ("fhir_to_v2: {charset: EBCDIC-X}", "no character set"),
        ("fhir_to_v2: {time_zone: Mars}", "no time zone"),
    ],
)
def test_wrong_options_are_refused_when_the_channel_is_bound(written: str, what: str) -> None:
    with pytest.raises(UnboundError, match=what):
        bind(written)


def test_systems_are_read_backwards(tmp_path: Path) -> None:
    (tmp_path / "systems.csv").write_text(
        "code,system,to_code,to_display,to_system\nSTANNE,,https://stanne.example/mrn,,\n"
    )
    (made,) = run("fhir_to_v2: {systems: systems.csv}", message(), site=tmp_path)
    assert made.get("PID-3") == "7704318^^^STANNE"
