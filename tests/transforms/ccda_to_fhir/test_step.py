"""The step, as a channel file writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from schemas.message import CCDA, FHIR
from tests.transforms.ccda_to_fhir.conversion import document, section
from tests.transforms.written import UnboundError, bind, message, run
from transforms import StepError

BODY = etree.tostring(document(section("48765-2")).root)


def test_the_body_becomes_fhir_and_the_findings_travel_with_it() -> None:
    (made,) = run("ccda_to_fhir: {}", message(BODY.replace(b"19610417", b"17.4.1961"), CCDA))
    assert made.format == FHIR
    assert made.get("Bundle.type") == "document"
    assert made.get("Patient.name[0].family") == "Vale"
    assert "CCDA-112" in {finding.code for finding in made.findings}


def test_what_is_no_document_is_refused() -> None:
    with pytest.raises(StepError, match="the body is text"):
        run("ccda_to_fhir: {}", message("hello", "text"))


def test_systems_come_from_a_code_map_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "systems.csv").write_text(
        "code,system,to_code,to_display,to_system\n2.16.840.1.113883.19.5,,https://stanne.example/mrn,,\n"
    )
    (made,) = run("ccda_to_fhir: {systems: systems.csv}", message(BODY, CCDA), site=tmp_path)
    assert made.get("Patient.identifier[0].system") == "https://stanne.example/mrn"


@pytest.mark.parametrize(
    ("written", "what"),
    [("ccda_to_fhir: {bundle: message}", "document"), ("ccda_to_fhir: {time_zone: Mars/Olympus}", "time zone")],
)
def test_what_cannot_be_meant_is_found_when_the_channel_is_bound(written: str, what: str) -> None:
    with pytest.raises(UnboundError, match=what):
        bind(written)
