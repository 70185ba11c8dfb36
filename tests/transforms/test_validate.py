"""The step `validate`: which findings stop a message, and what a message that goes on carries."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transforms.written import UnboundError, bind, message, run
from transforms.step import StepError

START = "MSH|^~\\&|LAB|HOSP|HIE|REGION|20260312083015||ADT^A01^ADT_A01|C-1|P|2.5.1\nEVN||20260312083000\n"
CLEAN = START + "PID|1||7704^^^HOSP^MR||Okonjo^Thessaly\nPV1|1|I\n"
WARNED = START + "PID|1||7704^^^HOSP^MR||Okonjo^Thessaly&Ann\nPV1|1|I\n"
BROKEN = START + "PID|1||7704^^^HOSP^MR\nPV1|1|I\nSPM|1|||BLD\n"


def test_a_clean_message_goes_on_as_it_is() -> None:
    before = message(CLEAN)
    assert run("validate:", before) == [before]


def test_a_message_with_an_error_stops_with_the_count_and_the_first_finding() -> None:
    with pytest.raises(StepError) as raised:
        run("validate:", message(BROKEN))
    assert raised.value.reason.startswith("2 findings, first: SPM: V2-202")
    assert "fail: false" in raised.value.hint
    assert "7704" not in str(raised.value)


def test_a_warning_stops_only_where_asked() -> None:
    (after,) = run("validate:", message(WARNED))
    assert [finding.code for finding in after.findings] == ["V2-308"]
    with pytest.raises(StepError, match=r"1 finding: PID-5\.2: V2-308"):
        run("validate: {on: warning}", message(WARNED))


def test_fail_false_lets_it_go_on_with_its_findings_and_the_same_bytes() -> None:
    before = message(BROKEN)
    (after,) = run("validate: {fail: false}", before)
    assert [finding.code for finding in after.findings] == ["V2-202", "V2-301"]
    assert after.body == before.body
    assert after.parent == before.id
    assert [after] == run("validate: {fail: false}", before)


def test_a_profile_of_the_site_is_held(tmp_path: Path) -> None:
    (tmp_path / "adt.yaml").write_text("profile: adt\nplaces:\n  NK1: {usage: R}\n")
    with pytest.raises(StepError, match="1 finding: NK1: V2-501"):
        run("validate: {profile: adt.yaml}", message(CLEAN), site=tmp_path)


WRONG = [
    ("validate: {on: information}", None),
    ("validate: {fail: maybe}", None),
    ("validate: {profile: missing.yaml}", None),
    ("validate: {profile: p.yaml}", "places: {PID.3: {usage: R}}"),
    ("validate: {profile: p.yaml}", "{["),
    ("validate: {profile: p.yaml}", "just a text"),
]


@pytest.mark.parametrize(("written", "profile"), WRONG)
def test_wrong_options_are_refused_when_the_channel_is_read(tmp_path: Path, written: str, profile: str | None) -> None:
    if profile is not None:
        (tmp_path / "p.yaml").write_text(profile)
    with pytest.raises(UnboundError):
        bind(written, tmp_path)


def test_a_profile_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "adt.yaml"
    file.write_text("places: {NK1: {usage: R}}")
    before = bind("validate: {profile: adt.yaml}", tmp_path)
    file.write_text("places: {NK1: {usage: O}, PV1: {usage: R}}")
    after = bind("validate: {profile: adt.yaml}", tmp_path)
    with pytest.raises(StepError):
        before(message(CLEAN))
    assert after(message(CLEAN))[0].findings == ()


PATIENT = '{"resourceType":"Patient","gender":"F","name":[{"family":"Okonjo"}]}'


def test_fhir_is_held_to_r4_and_to_the_profile_that_is_named() -> None:
    right = message(PATIENT.replace('"F"', '"female"'), format="fhir")
    assert run("validate:", right) == [right]
    with pytest.raises(StepError, match=r"1 finding: Patient\.gender: FHIR-306"):
        run("validate:", message(PATIENT, format="fhir"))
    (after,) = run("validate: {fail: false, profile: us-core}", message(PATIENT, format="fhir"))
    assert [(each.code, each.where) for each in after.findings] == [
        ("FHIR-306", "Patient.gender"),
        ("FHIR-311", "Patient.identifier"),
    ]
    assert after.body == PATIENT.encode()
    with pytest.raises(StepError, match="FHIR-325"):
        run("validate: {profile: davinci-alerts}", right)


def test_a_profile_asks_nothing_of_the_other_format(tmp_path: Path) -> None:
    clean = message(CLEAN)
    assert run("validate: {profile: us-core}", clean) == [clean]
    (tmp_path / "adt.yaml").write_text("places: {NK1: {usage: R}}")
    right = message(PATIENT.replace('"F"', '"female"'), format="fhir")
    assert run("validate: {profile: adt.yaml}", right, site=tmp_path) == [right]


def test_nothing_else_is_validated() -> None:
    with pytest.raises(StepError, match="only HL7 v2, FHIR and C-CDA"):
        run("validate:", message("hello", format="text"))


def test_a_clinical_document_is_held_to_its_templates() -> None:
    text = '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Vale</title></ClinicalDocument>'
    document = message(text, format="ccda")
    with pytest.raises(StepError, match="CCDA-301"):
        run("validate:", document)
    (after,) = run("validate: {fail: false}", document)
    assert "CCDA-301" in {each.code for each in after.findings}
    assert "Vale" not in repr(after.findings)
