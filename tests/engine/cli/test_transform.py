"""`hie transform`: files in, files out, and what became of every element."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.cli import transform_command
from tests.engine.cli.conftest import Hie
from tests.engine.harness import adt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a message, a batch of two, a message that no map is for, and what is no message."""
    feed = tmp_path / "feed"
    (feed / "old").mkdir(parents=True)
    (feed / "one.hl7").write_bytes(adt("C1", "4711"))
    (feed / "old" / "batch.hl7").write_bytes(adt("C2", "4711") + adt("C3", "4712"))
    (feed / "other.hl7").write_bytes(adt("C4", "4711").replace(b"ADT^A01", b"ZZZ^Z01"))
    (feed / "notes.txt").write_text("no message")
    return feed


def test_one_message_is_printed_laid_out(hie: Hie, folder: Path) -> None:
    ran = hie("transform", folder / "one.hl7", "--to", "fhir")
    assert ran.status == 0
    assert ran.out.startswith('{\n  "resourceType": "Bundle",\n')
    assert ran.json["identifier"]["value"] == "C1"
    warnings = sum(" warning: " in line for line in ran.err.splitlines())
    assert ran.err.splitlines()[-1] == f"1 of 1 messages transformed; 0 errors, {warnings} warnings"
    assert "MSH-7: FHIR-" in ran.err
    assert hie("transform", folder / "one.hl7", "--to", "fhir").out == ran.out


def test_a_clinical_document_is_told_by_what_it_is(hie: Hie, folder: Path) -> None:
    document = folder / "summary.xml"
    document.write_text(
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><id root="1.2.3"/><title>Note</title></ClinicalDocument>'
    )
    ran = hie("transform", document, "--to", "fhir")
    assert (ran.status, ran.json["type"], ran.json["entry"][0]["resource"]["title"]) == (0, "document", "Note")
    assert "summary.xml" in hie("transform", folder, "--to", "fhir", "--report").out
    uses = hie("transform", document, "--to", "fhir", "--report").out
    assert " ".join(uses.splitlines()[1].split()) == "/ClinicalDocument/id/@root mapped Composition"
    document.write_text("<ClinicalDocument><id></ClinicalDocument>")
    ran = hie("transform", document, "--to", "fhir")
    assert ran.status == 1
    assert "CCDA-000" in ran.err


def test_of_a_folder_each_message_is_a_line_and_what_fails_is_told(hie: Hie, folder: Path) -> None:
    ran = hie("transform", folder, "--to", "fhir")
    assert ran.status == 1
    assert [json.loads(line)["identifier"]["value"] for line in ran.out.splitlines()] == ["C2", "C3", "C1"]
    assert f"{folder}/other.hl7: MSH-9: FHIR-001 there is no map" in ran.err
    assert "notes.txt" not in ran.err
    assert ran.err.splitlines()[-1].startswith("3 of 4 messages transformed; 1 errors")


def test_files_are_written_under_the_names_of_their_messages(hie: Hie, folder: Path, tmp_path: Path) -> None:
    (folder / "one.txt").write_bytes(adt("C5", "4711"))
    ran = hie("transform", folder, "--to", "fhir", "--out", tmp_path / "out")
    assert (ran.status, ran.out) == (1, "")
    written = {str(path.relative_to(tmp_path / "out")): path for path in (tmp_path / "out").rglob("*.json")}
    assert sorted(written) == ["old/batch-1.json", "old/batch-2.json", "one.json", "one.txt.json"]
    assert json.loads(written["one.txt.json"].read_bytes())["identifier"]["value"] == "C5"
    assert written["one.json"].read_text() == hie("transform", folder / "one.hl7", "--to", "fhir").out


def test_the_report_accounts_for_every_element_and_shows_no_value(hie: Hie, folder: Path) -> None:
    ran = hie("transform", folder / "one.hl7", "--to", "fhir", "--report")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0] == f"{folder}/one.hl7"
    assert "PID-5.1 mapped Patient.name.family" in lines
    assert any(line.startswith("MSH-12 left out ") for line in lines)
    populated = len(lines) - 2
    assert lines[-1].startswith(f"{populated} elements: ")
    assert "DOE" not in ran.out
    assert "4711" not in ran.out


def test_the_report_of_many_has_totals(hie: Hie, folder: Path) -> None:
    ran = hie("transform", folder, "--to", "fhir", "--report")
    assert ran.out.splitlines()[-1].startswith("4 messages: ")
    told = hie("transform", folder, "--to", "fhir", "--report", "--json").json
    assert (told["transformed"], told["failed"]) == (3, 1)
    uses = [use for message in told["messages"] for use in message["uses"]]
    assert sum(told["totals"].values()) == len(uses)
    assert {"path": "PID-5.1", "use": "mapped", "targets": ["Patient.name.family"], "reason": ""} in uses
    assert "DOE" not in hie("transform", folder, "--to", "fhir", "--report", "--json").out


def test_json_has_the_bundles_or_where_they_were_written(hie: Hie, folder: Path, tmp_path: Path) -> None:
    told = hie("transform", folder, "--to", "fhir", "--json").json
    assert [(each["message"], each["transformed"]) for each in told["messages"]] == [
        (1, True), (2, True), (0, True), (0, False),
    ]  # fmt: skip
    assert told["messages"][0]["body"]["resourceType"] == "Bundle"
    assert [each["code"] for each in told["messages"][3]["findings"]] == ["FHIR-001"]
    told = hie("transform", folder, "--to", "fhir", "--json", "--out", tmp_path / "out").json
    assert told["messages"][2]["written"] == f"{tmp_path}/out/one.json"
    assert "body" not in told["messages"][2]


def test_time_comes_from_the_message_or_from_the_command_line_and_never_from_the_clock(hie: Hie, folder: Path) -> None:
    def recorded(*more: str) -> set[str]:
        bundle = hie("transform", folder / "one.hl7", "--to", "fhir", *more).json
        resources = [entry["resource"] for entry in bundle["entry"]]
        return {each["recorded"] for each in resources if each["resourceType"] == "Provenance"}

    assert recorded() == {"2026-11-22T12:00:00+00:00"}
    (told,) = recorded("--received", "2026-03-01T08:00:00+00:00")
    assert datetime.fromisoformat(told) == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_options_are_those_of_the_step(hie: Hie, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "maps.csv").write_text("code,system,to_code,to_display,to_system\nSTANNE,,urn:oid:1.2.3,,\n")
    (tmp_path / "options.yaml").write_text("bundle: collection\ntime_zone: '+01:00'\nsystems: maps.csv\n")
    ran = hie("transform", folder / "one.hl7", "--to", "fhir", "--options", tmp_path / "options.yaml")
    assert ran.json["type"] == "collection"
    assert ran.json["timestamp"].endswith("+01:00")
    assert '"system": "urn:oid:1.2.3"' in ran.out


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("bundel: message\n", "options.yaml:1: "),
        ("profile: none\nbundle: letter\n", "options.yaml:2: bundle: "),
        ("systems: nowhere.csv\n", "nowhere.csv: No such file"),
        ("a: [\n", "options.yaml:"),
        ("segments: [read_zpi]\n", "no extension has a function 'read_zpi'"),
    ],
)
def test_mistakes_in_options_are_told(hie: Hie, folder: Path, tmp_path: Path, written: str, told: str) -> None:
    (tmp_path / "options.yaml").write_text(written)
    ran = hie("transform", folder / "one.hl7", "--to", "fhir", "--options", tmp_path / "options.yaml")
    assert (ran.status, ran.out) == (1, "")
    assert told in ran.err


def test_what_is_no_message_is_told(hie: Hie, folder: Path, tmp_path: Path) -> None:
    ran = hie("transform", folder / "notes.txt", "--to", "fhir")
    assert ran.status == 1
    assert "V2-000" in ran.err
    (tmp_path / "empty").mkdir()
    ran = hie("transform", tmp_path / "empty", "--to", "fhir")
    assert ran.status == 1
    assert "there is no message to transform in 0 files" in ran.err
    assert hie("transform", folder, "--to", "letters").status == 2


def test_of_many_messages_only_what_went_wrong_is_told(hie: Hie, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "one.hl7").write_bytes(adt("C1", "4711") + b"ZZ1|kept\r")
    told = hie("transform", folder, "--to", "fhir").err
    assert "information" in told
    monkeypatch.setattr(transform_command, "_FEW", 2)
    told = hie("transform", folder, "--to", "fhir").err
    assert "information" not in told
    assert "FHIR-001" in told


def test_fhir_becomes_hl7_v2_again(hie: Hie, folder: Path, tmp_path: Path) -> None:
    assert hie("transform", folder, "--to", "fhir", "--out", tmp_path / "bundles").status == 1
    ran = hie("transform", tmp_path / "bundles", "--to", "hl7v2")
    assert ran.status == 0
    segments = ran.out.split("\r")
    assert [segment.split("|")[9] for segment in segments if segment.startswith("MSH")] == ["C2", "C3", "C1"]
    assert [segment.split("|")[3] for segment in segments if segment.startswith("PID")] == [
        "4711^^^STANNE^MR", "4712^^^STANNE^MR", "4711^^^STANNE^MR",
    ]  # fmt: skip
    assert hie("transform", tmp_path / "bundles", "--to", "hl7v2", "--out", tmp_path / "back").status == 0
    written = sorted(str(path.relative_to(tmp_path / "back")) for path in (tmp_path / "back").rglob("*.hl7"))
    assert written == ["old/batch-1.hl7", "old/batch-2.hl7", "one.hl7"]
    assert "".join((tmp_path / "back" / name).read_bytes().decode() for name in written) == ran.out


def test_a_resource_in_each_line_is_a_message_each(hie: Hie, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bundles.ndjson").write_text(hie("transform", folder, "--to", "fhir").out)
    told = hie("transform", tmp_path / "bundles.ndjson", "--to", "hl7v2", "--json").json
    assert [each["message"] for each in told["messages"]] == [1, 2, 3]
    assert all(each["body"].startswith("MSH|") for each in told["messages"])


def test_the_options_and_the_report_of_the_way_back(hie: Hie, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(hie("transform", folder / "one.hl7", "--to", "fhir").out)
    (tmp_path / "options.yaml").write_text("version: '2.3'\ncontrol_id: X-{Bundle.identifier.value}\n")
    ran = hie("transform", tmp_path / "one.json", "--to", "hl7v2", "--options", tmp_path / "options.yaml")
    assert ran.out.split("|")[9:12] == ["X-C1", "P", "2.3"]
    ran = hie("transform", tmp_path / "one.json", "--to", "hl7v2", "--report")
    assert "DOE" not in ran.out
    assert " elements: " in ran.out.splitlines()[-1]


@pytest.mark.parametrize("body", ["{", '{"resourceType":"Patient","name":DOE}', "MSH|^~\\&|A\r"])
def test_what_is_no_resource_is_told(hie: Hie, tmp_path: Path, body: str) -> None:
    (tmp_path / "one.json").write_text(body)
    ran = hie("transform", tmp_path / "one.json", "--to", "hl7v2")
    assert ran.status == 1
    assert "FHIR-000 the body is no JSON" in ran.err
    assert "DOE" not in ran.err


def test_fhir_becomes_a_clinical_document(hie: Hie, tmp_path: Path) -> None:
    sample = Path(__file__).parents[3] / "samples" / "fhir" / "referral.json"
    ran = hie("transform", sample, "--to", "ccda", "--out", tmp_path)
    assert ran.status == 0
    assert (tmp_path / "referral.xml").read_bytes().startswith(b"<?xml")
    assert 'code="34133-9"' in hie("transform", sample, "--to", "ccda").out
    assert hie("transform", sample, "--to", "ccda", "--json").json["messages"][0]["body"].startswith("<?xml")
    account = hie("transform", sample, "--to", "ccda", "--report").out
    assert ".birthDate" in account
