"""MDM: a document, its content, its addenda, and its end."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text, only


def txa(completion: str = "AU", availability: str = "AV", parent: str = "") -> str:
    """A TXA with TXA-17, TXA-19 and TXA-13."""
    start = "TXA|1|DS^Discharge summary^HL70270|TX|||20260312083000+0100|||7^Lisk^Oriana|||D1^STANNE"
    return f"{start}|{parent}||||{completion}||{availability}"


def text_of(content: dict[str, Any]) -> str:
    """The text of a content."""
    return base64.b64decode(content["attachment"]["data"]).decode()


@pytest.mark.parametrize(
    ("event", "completion", "availability", "status", "stage"),
    [
        ("T02", "AU", "AV", "current", "final"),
        ("T02", "LA", "", "current", "final"),
        ("T02", "DI", "AV", "current", "preliminary"),
        ("T02", "", "", "current", None),
        ("T02", "AU", "CA", "entered-in-error", "entered-in-error"),
        ("T02", "AU", "OB", "superseded", "final"),
        ("T02", "AU", "UN", "current", "final"),
        ("T11", "AU", "AV", "entered-in-error", "entered-in-error"),
    ],
)
def test_status(event: str, completion: str, availability: str, status: str, stage: str | None) -> None:
    document = only(convert_text(f"MDM^{event}", PID, txa(completion, availability)), "DocumentReference")
    assert (document["status"], document.get("docStatus")) == (status, stage)


@pytest.mark.parametrize(("event", "code"), [("T06", "appends"), ("T05", "appends"), ("T10", "replaces")])
def test_addendum_and_replacement_name_the_document_before_them(event: str, code: str) -> None:
    document = only(convert_text(f"MDM^{event}", PID, txa(parent="D0^STANNE")), "DocumentReference")
    assert document["relatesTo"][0]["code"] == code
    assert document["relatesTo"][0]["target"]["identifier"]["value"] == "D0"


def test_lines_under_one_code_are_one_text() -> None:
    found = convert_text(
        "MDM^T02^MDM_T02",
        PID,
        txa(),
        "OBX|1|TX|1^Course^L||Admitted with chest pain.||||||F",
        "OBX|2|TX|1^Course^L||Discharged well.||||||F",
        "OBX|3|ED|2^Letter^L||^AP^PDF^Base64^JVBERi0xLjQK||||||F",
        "OBX|4|RP|3^Image^L||https://pacs.example.org/1^^IM^JPEG||||||F",
        "OBX|5|TX|1^Course^L||A later line.||||||F",
    )
    first, letter, image, last = only(found, "DocumentReference")["content"]
    assert text_of(first) == "Admitted with chest pain.\nDischarged well."
    assert first["attachment"]["title"] == "Course"
    assert letter["attachment"]["contentType"] == "application/pdf"
    assert image["attachment"]["url"] == "https://pacs.example.org/1"
    assert text_of(last) == "A later line."


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_withdrawn_part_is_no_content(status: str) -> None:
    found = convert_text("MDM^T02", PID, txa(), f"OBX|1|TX|1^Course^L||Wrong patient.||||||{status}")
    (content,) = only(found, "DocumentReference")["content"]
    assert "data" not in content["attachment"]
    assert "FHIR-132" in {each.code for each in found.findings}


def test_document_without_content_says_so() -> None:
    document = only(convert_text("MDM^T01", PID, txa()), "DocumentReference")
    assert document["content"][0]["attachment"]["contentType"] == "text/plain"
    assert document["masterIdentifier"]["value"] == "D1"
    assert document["date"] == "2026-03-12T08:30:00+01:00"
    assert "18842-5" in [each["code"] for each in document["type"]["coding"]]


def test_nothing_fails_where_everything_is_missing() -> None:
    found = convert_text("MDM^T02", "OBX|1|TX|||lost||||||F", "NTE|1||x", "TXA", "OBX", "NTE")
    assert only(found, "DocumentReference")["status"] == "current"
