"""Visits, procedures and notes: a visit is there once, what was not done was not done."""

from __future__ import annotations

import base64

import pytest

from tests.transforms.ccda_to_fhir.conversion import (
    AUTHOR,
    PATIENT,
    code,
    convert_body,
    convert_entries,
    extensions,
    only,
    resources,
    section,
)

DIAGNOSIS = """<entryRelationship><act classCode="ACT" moodCode="EVN"{}>
<templateId root="2.16.840.1.113883.10.20.22.4.80"/>
<code code="29308-4" codeSystem="2.16.840.1.113883.6.1"/><entryRelationship typeCode="SUBJ"><observation classCode="OBS"
moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.4"/><id root="1.2.3" extension="p1"/>
<code code="282291009" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/><value xsi:type="CD"
code="195967001" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship></act></entryRelationship>"""
INDICATION = """<entryRelationship typeCode="RSON"><observation classCode="OBS" moodCode="EVN">
<templateId root="2.16.840.1.113883.10.20.22.4.19"/><id root="1.2.3" extension="p1"/><value xsi:type="CD"
code="195967001" codeSystem="2.16.840.1.113883.6.96"/></observation></entryRelationship>"""


def visit(inner: str = "", attributes: str = "", mood: str = "EVN", kind: str = "99213") -> str:
    """An encounter activity."""
    return f"""<encounter classCode="ENC" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.49"/><id root="1.1" extension="v1"/><code code="{kind}"
codeSystem="2.16.840.1.113883.6.12"/><effectiveTime value="20260301"/>{inner}</encounter>"""


def procedure(inner: str = "", attributes: str = "", status: str = "completed", mood: str = "EVN") -> str:
    """A procedure activity."""
    return f"""<procedure classCode="PROC" moodCode="{mood}"{attributes}>
<templateId root="2.16.840.1.113883.10.20.22.4.14"/><id root="1.2.3" extension="x1"/><code code="80146002"
codeSystem="2.16.840.1.113883.6.96"/><statusCode code="{status}"/>{inner}</procedure>"""


def test_the_visit_of_the_header_and_of_an_entry_is_one() -> None:
    header = """<componentOf><encompassingEncounter><id root="1.1" extension="v1"/><code code="IMP"
codeSystem="2.16.840.1.113883.5.4"/><effectiveTime><low value="20260301"/></effectiveTime></encompassingEncounter>
</componentOf>"""
    found = convert_body(section("46240-8", visit(kind="185349003")), header=PATIENT + AUTHOR + header)
    encounter = only(found, "Encounter")
    assert encounter["class"]["code"] == "IMP"
    assert only(found, "Composition")["encounter"]["reference"].endswith(encounter["id"])


@pytest.mark.parametrize(
    ("kind", "expected"), [("99213", "AMB"), ("99222", "IMP"), ("99283", "EMER"), ("99499", "unknown")]
)
def test_the_code_of_a_visit_says_its_class(kind: str, expected: str) -> None:
    assert only(convert_entries("46240-8", visit(kind=kind)), "Encounter")["class"]["code"] == expected


def test_a_diagnosis_of_a_visit_is_a_condition_of_it() -> None:
    found = convert_entries("46240-8", visit(DIAGNOSIS.format("")))
    condition, encounter = only(found, "Condition"), only(found, "Encounter")
    assert code(condition["category"][0]) == "encounter-diagnosis"
    assert encounter["diagnosis"][0]["condition"]["reference"].endswith(condition["id"])
    assert condition["encounter"]["reference"].endswith(encounter["id"])


def test_a_denied_diagnosis_is_refuted() -> None:
    found = convert_entries("46240-8", visit(DIAGNOSIS.format(' negationInd="true"')))
    assert code(only(found, "Condition")["verificationStatus"]) == "refuted"


def test_a_visit_that_was_not_is_cancelled_and_one_that_is_to_be_is_a_request() -> None:
    denied = convert_entries("46240-8", visit(attributes=' negationInd="true"'))
    assert only(denied, "Encounter")["status"] == "cancelled"
    assert resources(convert_entries("46240-8", visit(mood="INT")), "Encounter") == []


def test_a_reason_that_the_document_tells_of_is_referred_to() -> None:
    body = section("47519-4", procedure(INDICATION)).replace("</structuredBody>", "")
    other = section("46240-8", visit(DIAGNOSIS.format(""))).replace("<structuredBody>", "")
    found = convert_body(body + other)
    (reference,) = only(found, "Procedure")["reasonReference"]
    assert reference["reference"].endswith(only(found, "Condition")["id"])
    alone = convert_entries("47519-4", procedure(INDICATION))
    assert code(only(alone, "Procedure")["reasonCode"][0]) == "195967001"


@pytest.mark.parametrize(
    ("attributes", "status", "expected"),
    [
        ("", "completed", "completed"),
        ("", "active", "in-progress"),
        ("", "aborted", "stopped"),
        ("", "cancelled", "not-done"),
        (' negationInd="true"', "completed", "not-done"),
        (' negationInd="true"', "nullified", "entered-in-error"),
    ],
)
def test_status_of_a_procedure(attributes: str, status: str, expected: str) -> None:
    found = convert_entries("47519-4", procedure(attributes=attributes, status=status))
    assert only(found, "Procedure")["status"] == expected


def test_a_planned_procedure_is_a_request() -> None:
    found = convert_entries("18776-5", procedure(mood="RQO", status="active"))
    assert resources(found, "Procedure") == []
    assert only(found, "ServiceRequest")["intent"] == "order"


NOTE = """<act classCode="ACT" moodCode="EVN"><templateId root="2.16.840.1.113883.10.20.22.4.202"/>
<id root="1.2.3" extension="n1"/><code code="34109-9" codeSystem="2.16.840.1.113883.6.1"/>
<text{}</text><statusCode code="{}"/></act>"""


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        (' mediaType="application/pdf" representation="B64">JVBERi0=', "application/pdf", b"%PDF-"),
        ('><reference value="#n1"/>', "text/plain", b"Seen today.\nWell."),
        ('><reference value="#n2"/>', "application/xhtml+xml", b"<li>rest</li>"),
        (">Seen here.", "text/plain", b"Seen here."),
    ],
)
def test_a_note_is_a_document(text: str, kind: str, expected: bytes) -> None:
    narrative = '<content ID="n1">Seen today.<br/>Well.</content><list ID="n2"><item>rest</item></list>'
    found = convert_entries("11488-4", NOTE.format(text, "completed"), text=narrative)
    reference = only(found, "DocumentReference")
    (content,) = reference["content"]
    assert content["attachment"]["contentType"] == kind
    assert expected in base64.b64decode(content["attachment"]["data"])
    assert (reference["status"], reference["docStatus"]) == ("current", "final")


def test_a_note_in_error_is_no_note() -> None:
    found = convert_entries("11488-4", NOTE.format(">x", "nullified"))
    assert only(found, "DocumentReference")["status"] == "entered-in-error"


def test_a_note_of_a_visit_refers_to_it() -> None:
    inner = f"<entryRelationship>{NOTE.format('>x', 'completed')}</entryRelationship>"
    found = convert_entries("46240-8", visit(inner))
    encounter, note = only(found, "Encounter"), only(found, "DocumentReference")
    assert note["context"]["encounter"] == [{"reference": f"urn:uuid:{encounter['id']}"}]
    assert extensions(encounter, "ccda-related")[0]["reference"].endswith(note["id"])


def test_the_device_of_a_procedure_is_one_of_the_patient() -> None:
    inner = """<participant typeCode="DEV"><participantRole classCode="MANU">
<templateId root="2.16.840.1.113883.10.20.22.4.37"/><id root="1.2.3" extension="d1"/><playingDevice><code
code="90412006" codeSystem="2.16.840.1.113883.6.96"/></playingDevice></participantRole></participant>"""
    found = convert_entries("47519-4", procedure(inner))
    device = only(found, "Device")
    assert code(device["type"]) == "90412006"
    assert only(found, "Procedure")["focalDevice"] == [{"manipulated": {"reference": f"urn:uuid:{device['id']}"}}]
