"""FHIR that nobody made of HL7 v2: each sample that has a reviewed message beside it becomes that message."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.fhir.read import read_exact
from schemas.hl7v2.structure_tables import tables
from schemas.hl7v2.validate import validate
from tests.transforms.fhir_to_v2.conversion import back

FOLDER = Path(__file__).parents[3] / "samples" / "fhir"
MESSAGES = sorted(FOLDER.glob("*.hl7"))
HEADER = {
    "sending_application": "FHIRHUB",
    "sending_facility": "STANNE",
    "receiving_application": "WARD",
    "receiving_facility": "STANNE",
}
NOT_KNOWN = {("appointment", "SCH-16"), ("appointment", "SCH-20")}
"""What FHIR does not say and HL7 v2 requires: who entered an appointment, and whom to ask."""


def test_each_kind_of_message_has_a_sample() -> None:
    kinds = {path.read_text().split("|")[8].partition("^")[0] for path in MESSAGES}
    assert kinds == {"ADT", "MDM", "OML", "ORU", "REF", "SIU", "VXU"}


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_sample_becomes_the_message_that_was_reviewed(path: Path) -> None:
    conversion = back(read_exact(path.with_suffix(".json").read_bytes()), **HEADER)
    assert conversion.message is not None, conversion.findings
    assert conversion.message.encode() == path.read_bytes()


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"])
@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_version_can_be_written(path: Path, version: str) -> None:
    conversion = back(read_exact(path.with_suffix(".json").read_bytes()), version=version)
    message = conversion.message
    assert message is not None, conversion.findings
    assert message.version == version
    for segment in message.segments:
        fields = tables(version).fields(segment.name)
        assert fields is not None
        known = [number for number, field in fields.items() if not field.withdrawn]
        assert [number for number, text in enumerate(segment.fields) if number and text and number not in known] == []


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_what_is_written_is_valid(path: Path) -> None:
    message = back(read_exact(path.with_suffix(".json").read_bytes()), **HEADER).message
    assert message is not None
    errors = [each for each in validate(message) if each.severity == "error"]
    assert [each for each in errors if (path.stem, each.where) not in NOT_KNOWN] == []
