"""Whatever JSON comes, there is a message or a finding; and what is written, other programs can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hl7  # type: ignore[import-untyped]
import pytest
from hl7apy.parser import parse_message  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fhir.read import read_exact
from tests.transforms.fhir_to_v2.conversion import NOW, back
from transforms.fhir_to_v2 import Options
from transforms.fhir_to_v2.report import account
from transforms.fhir_to_v2.run import DEFECT

MESSAGES = sorted((Path(__file__).parents[3] / "samples" / "fhir").glob("*.hl7"))
TYPES = """
    Patient Encounter Observation DiagnosticReport ServiceRequest Immunization Appointment DocumentReference Condition
    AllergyIntolerance Coverage Specimen MessageHeader Provenance Account Location Organization Practitioner
    PractitionerRole RelatedPerson Basic X
"""
NAMES = """
    id status code coding system value name family given identifier extension url subject patient reference valueString
    valueQuantity period start end contact partOf location result basedOn component hasMember performer telecom address
    link eventCoding source activity display _status class participant text contained type
"""
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES | st.sampled_from(["Patient/1", "#a", "2026-13-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4),
    max_leaves=12,
)
RESOURCES = st.builds(
    lambda kind, body: {**body, "resourceType": kind},
    st.sampled_from(TYPES.split()),
    st.dictionaries(st.sampled_from(NAMES.split()), VALUES, max_size=6),
)
BUNDLES = st.builds(
    lambda found: {"resourceType": "Bundle", "entry": [{"resource": each} for each in found]},
    st.lists(RESOURCES, max_size=6),
)


@settings(max_examples=300, deadline=None)
@given(
    RESOURCES | BUNDLES, st.sampled_from(["2.3.1", "2.5.1", "2.8"]), st.sampled_from(["", "ADT", "ORU", "OML", "VXU"])
)
def test_no_resource_breaks_it(resource: dict[str, Any], version: str, message_type: str) -> None:
    conversion = back(resource, version=version, message_type=message_type)
    assert DEFECT not in {each.code for each in conversion.findings}
    assert (conversion.message is None) <= bool(conversion.findings)
    assert back(resource, version=version, message_type=message_type).findings == conversion.findings


def test_places_that_are_part_of_each_other_come_to_an_end() -> None:
    places = [
        {
            "resourceType": "Location",
            "id": one,
            "name": one,
            "identifier": [{"value": one}],
            "partOf": {"reference": two},
        }
        for one, two in (("a", "Location/b"), ("b", "Location/a"))
    ]
    visit = {"resourceType": "Encounter", "status": "arrived", "location": [{"location": {"reference": "Location/a"}}]}
    entries = [{"resource": each} for each in (visit, *places)]
    message = back({"resourceType": "Bundle", "entry": entries}).message
    assert message is not None
    assert message.get("PV1-3.1") == "a"


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_two_other_programs_read_what_is_written(path: Path) -> None:
    text = path.read_bytes().decode()
    assert str(hl7.parse(text)).rstrip("\r") == text.rstrip("\r")
    names = [line[:3] for line in text.rstrip("\r").split("\r")]
    assert [each.name for each in parse_message(text, find_groups=False).children] == names


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_populated_element_is_accounted_for(path: Path) -> None:
    resource = read_exact(path.with_suffix(".json").read_bytes())
    uses = account(resource, Options(), NOW)
    assert len({each.path for each in uses}) == len(uses)
    assert {each.use for each in uses} <= {"mapped", "left out", "unmapped"}
    assert all(each.reason for each in uses if each.use != "mapped")
    mapped = sum(each.use == "mapped" for each in uses)
    assert mapped / len(uses) > 0.6
    family = next(each for each in uses if each.path.endswith("name[0].family"))
    assert family.use == "mapped"
