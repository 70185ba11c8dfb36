"""OBX to Observation: each kind of value, of status, of what stands beside them."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from schemas.fhir import Resource
from tests.transforms.v2_to_fhir.conversion import extensions, run_of
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.segments.obx import obx_observation, text_lines

UCUM = "http://unitsofmeasure.org"
ALPHA = {"system": "http://loinc.org", "code": "A", "display": "Alpha"}
MG = {"unit": "mg", "system": UCUM, "code": "mg"}


def observed(*segments: str, options: Options | None = None) -> Resource:
    """The Observation of the first of these OBX, with those that go on with its text."""
    run = run_of(*segments, options=options)
    run.position = 1
    return obx_observation(run.segments[1], run, text_lines(run.segments[1], run))


def value_of(observation: Resource) -> dict[str, Any]:
    """What an Observation has for a value; how the message wrote a text of several lines is beside the point here."""
    values = {name: each for name, each in observation.items() if name.startswith(("value", "_value"))}
    written = ("urn:hie-engine:v2-text", "urn:hie-engine:v2-time")
    return {
        name: each
        for name, each in values.items()
        if not name.startswith("_") or any(inner["url"] not in written for inner in each["extension"])
    }


@pytest.mark.parametrize(
    ("kind", "text", "units", "value"),
    [
        ("NM", "7.10", "mg^^UCUM", {"valueQuantity": {"value": Decimal("7.10"), **MG}}),
        ("NM", "+5", "", {"valueQuantity": {"value": Decimal(5)}}),
        ("NM", "5", "mg", {"valueQuantity": {"value": Decimal(5), "unit": "mg"}}),
        ("NM", "5", "x^milligram^L", {"valueQuantity": {"value": Decimal(5), "unit": "milligram"}}),
        ("NM", "<0.10", "mg^^UCUM", {"valueQuantity": {"comparator": "<", "value": Decimal("0.10"), **MG}}),
        ("NM", ">=60", "", {"valueQuantity": {"comparator": ">=", "value": Decimal(60)}}),
        ("NM", "NEG", "mg^^UCUM", {"valueString": "NEG"}),
        ("SN", ">^5", "mg^^UCUM", {"valueQuantity": {"comparator": ">", "value": Decimal(5), **MG}}),
        ("SN", "=^5", "", {"valueQuantity": {"value": Decimal(5)}}),
        ("SN", "<>^5", "mg^^UCUM", {"valueString": "<> 5 mg"}),
        ("SN", "^2^+", "", {"valueString": "2 +"}),
        ("SN", "^abc", "", {"valueString": "abc"}),
        ("NR", "1^2", "", {"valueRange": {"low": {"value": Decimal(1)}, "high": {"value": Decimal(2)}}}),
        ("ST", "a\\T\\b & c^d", "", {"valueString": "a&b & c^d"}),
        ("FT", "one\\.br\\two", "", {"valueString": "one\ntwo"}),
        ("TX", "one~~three~", "", {"valueString": "one\n\nthree"}),
        (
            "CWE",
            "A^Alpha^LN",
            "",
            {"valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "A", "display": "Alpha"}]}},
        ),
        ("IS", "A", "", {"valueCodeableConcept": {"coding": [{"code": "A"}]}}),
        ("TS", "202603121130+0100", "", {"valueDateTime": "2026-03-12T11:30:00+01:00"}),
        ("DT", "20260312", "", {"valueDateTime": "2026-03-12"}),
        ("TM", "1130", "", {"valueTime": "11:30:00"}),
        ("DR", "2025^2026", "", {"valuePeriod": {"start": "2025", "end": "2026"}}),
        ("VR", "1^5", "", {"valueString": "1-5"}),
        ("XPN", "Vale^Ann", "", {"valueString": "Vale^Ann"}),
        ("", "anything", "", {"valueString": "anything"}),
    ],
)
def test_value(kind: str, text: str, units: str, value: dict[str, Any]) -> None:
    assert value_of(observed(f"OBX|1|{kind}|X||{text}|{units}|||||F")) == value


def test_titre_is_a_ratio() -> None:
    ratio = observed("OBX|1|SN|X||^1^:^128|||||||F")["valueRatio"]
    assert (ratio["numerator"], ratio["denominator"]) == ({"value": 1}, {"value": 128})
    assert extensions(ratio, "originalText") == ["1 : 128"]


def test_range_has_its_unit_at_both_ends() -> None:
    found = observed("OBX|1|SN|X||^1^-^5|mg^^UCUM||||||F")["valueRange"]
    assert (found["low"], found["high"]) == ({"value": 1, **MG}, {"value": 5, **MG})


@pytest.mark.parametrize(
    ("text", "dimensions", "data"), [("1^2^3", 1, "1 2 3"), ("1^2~3^4.50~5^6", 2, "1 2 3 4.50 5 6")]
)
def test_array_is_sampled_data(text: str, dimensions: int, data: str) -> None:
    sampled = observed(f"OBX|1|NA|X||{text}|mg^^UCUM|||||F")["valueSampledData"]
    assert (sampled["dimensions"], sampled["data"]) == (dimensions, data)
    assert sampled["origin"] == {"value": 0, **MG}


def test_repeated_value_is_components_of_one_observation() -> None:
    observation = observed("OBX|1|CE|X^Organisms^L||A^Alpha^L~B^Beta^L||||||F")
    assert value_of(observation) == {}
    codes = [each["valueCodeableConcept"]["coding"][0]["code"] for each in observation["component"]]
    assert codes == ["A", "B"]
    assert all(each["code"] == observation["code"] for each in observation["component"])


@pytest.mark.parametrize(
    ("code", "status", "original"),
    [
        ("F", "final", None),
        ("P", "preliminary", None),
        ("C", "corrected", None),
        ("D", "entered-in-error", "D"),
        ("W", "entered-in-error", None),
        ("X", "cancelled", "X"),
        ("N", "cancelled", "N"),
        ("I", "registered", "I"),
        ("U", "final", "U"),
        ("", "unknown", None),
        ("?", "unknown", "?"),
    ],
)
def test_status(code: str, status: str, original: str | None) -> None:
    observation = observed(f"OBX|1|ST|X||text||||||{code}")
    assert observation["status"] == status
    kept = [each["coding"][0]["code"] for each in extensions(observation.get("_status", {}), "alternate-codes")]
    assert kept == ([original] if original else [])


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        ("OBX|1|NM|X||||||||F", "unknown"),
        ('OBX|1|NM|X||""||||||F', "unknown"),
        ("OBX|1|NM|X||||||||X", "not-performed"),
        ("OBX|1|NM|X||||||||N", "not-asked"),
        ("OBX|1|NM|X||||||||P", "temp-unknown"),
    ],
)
def test_no_value_has_a_reason(segment: str, reason: str) -> None:
    assert observed(segment)["dataAbsentReason"]["coding"][0]["code"] == reason


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-5.1", "3.5", "5.1"),
        ("70 - 99", "70", "99"),
        ("<10", None, "10"),
        (">60", "60", None),
        ("10-3", None, None),
        ("-5 to 5", None, None),
        ("3.5-5.1 (adults)", None, None),
        ("negative", None, None),
    ],
)
def test_reference_range_is_read_where_it_is_plain(text: str, low: str | None, high: str | None) -> None:
    (found,) = observed(f"OBX|1|NM|X||4|mg^^UCUM|{text}||||F")["referenceRange"]
    assert found["text"] == text
    assert found.get("low") == ({"value": Decimal(low), **MG} if low else None)
    assert found.get("high") == ({"value": Decimal(high), **MG} if high else None)


def test_lines_of_a_report_are_one_text() -> None:
    observation = observed(
        "OBX|1|TX|R^Report^L|1|one||||||F|||20260312|LAB^Main^L",
        "OBX|2|TX|R^Report^L|2|||||||F|||20260312",
        "OBX|3|TX||3|three~four||||||F",
        "OBX|4|TX|R^Report^L|4|five, not final||||||P",
    )
    assert observation["valueString"] == "one\n\nthree\nfour"


@pytest.mark.parametrize(
    "other",
    [
        "OBX|2|TX|S^Other^L|1|two||||||F",
        "OBX|2|ST|R^Report^L|2|two||||||F",
        "OBX|2|TX|R^Report^L|2|two||||||C",
        "NTE|1||two",
    ],
)
def test_what_is_no_line_of_the_report_stays_apart(other: str) -> None:
    assert observed("OBX|1|TX|R^Report^L|1|one||||||F", other)["valueString"] == "one"


@pytest.mark.parametrize(
    ("text", "kind", "content"),
    [
        ("^application^pdf^Base64^JVBERi0xLjQ=", "application/pdf", b"%PDF-1.4"),
        ("^AP^Octet-stream^Base64^JVBERi0xLjQ=", "application/pdf", b"%PDF-1.4"),
        ("^IM^JPEG^Hex^FFD8FF00", "image/jpeg", b"\xff\xd8\xff\x00"),
        ("^TEXT^^A^one^two", "text/plain", b"one^two"),
    ],
)
def test_encapsulated_data_is_an_attachment(text: str, kind: str, content: bytes) -> None:
    (attachment,) = extensions(observed(f"OBX|1|ED|X^Letter^L||{text}||||||F"), "valueAttachment")
    assert (attachment["contentType"], base64.b64decode(attachment["data"])) == (kind, content)
    assert attachment["title"] == "Letter"


def test_data_in_another_encoding_than_said_is_left_for_keeping() -> None:
    run = run_of("OBX|1|ED|X||^application^pdf^Base64^not base64!||||||F")
    observation = obx_observation(run.segments[1], run)
    assert extensions(observation, "valueAttachment") == []
    assert [finding.code for finding in run.findings] == ["FHIR-114"]
    assert any(wire == "not base64!" or "not base64!" in wire for _, _, wire in run.segments[1].unread())


def test_pointer_is_an_attachment() -> None:
    (attachment,) = extensions(observed("OBX|1|RP|X||https://pacs.example/1^PACS^image^jpeg||||||F"), "valueAttachment")
    assert (attachment["url"], attachment["contentType"]) == ("https://pacs.example/1", "image/jpeg")


def test_who_did_it_with_what_and_where() -> None:
    run = run_of(
        "OBX|1|ST|X|1.2|a||||||F|||20260312|LAB^Main^L|7^Doc^Ann|M^Culture^L|D1^DEV^1.2.3^ISO|20260313|ARM^Arm^L|"
        "I1^LAB^1.2.9^ISO||City Lab^^^^^CLIA^XX^^^12D|1 Lab St^^Town|9^Chief^Eve"
    )
    observation = obx_observation(run.segments[1], run)
    by_type = {each["resourceType"]: each for each in run.resources}
    assert [run.referred(each)["resourceType"] for each in observation["performer"]] == [
        "PractitionerRole",
        "Organization",
        "PractitionerRole",
    ]
    director = run.referred(observation["performer"][2])
    assert director["code"][0]["coding"][0]["code"] == "MDIR"
    assert run.referred(director["organization"])["address"] == [{"line": ["1 Lab St"], "city": "Town"}]
    assert observation["identifier"][0]["value"] == "I1"
    assert observation["method"]["coding"][0]["display"] == "Culture"
    assert observation["bodySite"]["coding"][0]["display"] == "Arm"
    assert observation["device"] == run.refer(by_type["Device"])
    assert extensions(observation, "observation-analysis-date-time") == ["2026-03-13"]


def test_ids_tell_results_apart_and_find_them_again() -> None:
    segments = ("OBX|1|ST|X|1|a||||||F", "OBX|2|ST|X|1|b||||||F", "OBX|3|ST|X|2|c||||||F", "OBX|4|ST|Y|1|d||||||F")
    ids = []
    for _ in range(2):
        run = run_of(*segments)
        ids.append([obx_observation(segment, run)["id"] for segment in run.segments[1:]])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(segments)
