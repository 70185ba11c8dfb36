"""ORU and OUL as feeds send them: what belongs together, what is said twice, in other places or not at all."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from schemas.fhir import Resource
from tests.transforms.v2_to_fhir.conversion import PID, convert_text, extensions, only, resources
from transforms.v2_to_fhir import Conversion, Options

ORC = "ORC|RE|P1^STANNE|F1^LAB|||||||||7^Doc^Ann"
OBR = "OBR|1|P1^STANNE|F1^LAB|CBC^Blood count^L|||20260312080000+0100|||||||||||||||||LAB|F"
OBX = "OBX|1|NM|WBC^Leukocytes^L||7.10|10*3/uL^^UCUM|4-11||||F"


def oru(*segments: str, options: Options | None = None) -> Conversion:
    """An ORU^R01 of these segments."""
    return convert_text("ORU^R01", *segments, options=options)


def refers(resource: Resource, reference: dict[str, Any]) -> bool:
    """Whether a reference leads to that resource."""
    return bool(reference["reference"].endswith(resource["id"]))


def test_report_has_its_request_results_and_patient() -> None:
    found = oru(PID, ORC, OBR, OBX)
    report, order, result = only(found, "DiagnosticReport"), only(found, "ServiceRequest"), only(found, "Observation")
    assert refers(order, report["basedOn"][0])
    assert refers(result, report["result"][0])
    patient = only(found, "Patient")
    assert all(refers(patient, each["subject"]) for each in (report, order, result))
    assert result["effectiveDateTime"] == report["effectiveDateTime"] == "2026-03-12T08:00:00+01:00"
    assert [each["value"] for each in report["identifier"]] == ["P1", "F1"]
    assert result["category"][0]["coding"][0]["code"] == "laboratory"


@pytest.mark.parametrize(
    "segments",
    [
        (PID, OBR, OBX),
        (OBR, OBX),
        (OBX,),
        (PID, OBX),
        (PID, ORC, OBX),
        (PID, ORC, OBR, "SPM|1|^S1&LAB||SER", OBX),
        (PID, "SPM|1|^S1&LAB||SER", OBR, OBX),
        (PID, OBX, OBR),
    ],
    ids=lambda segments: "-".join(each[:3] for each in segments),
)
def test_no_result_is_lost_for_its_place(segments: tuple[str, ...]) -> None:
    found = oru(*segments)
    assert str(only(found, "Observation")["valueQuantity"]["value"]) == "7.10"


def test_results_behind_the_specimen_are_results() -> None:
    found = oru(PID, ORC, OBR, "SPM|1|^S1&LAB||SER", OBX)
    report, result = only(found, "DiagnosticReport"), only(found, "Observation")
    assert refers(result, report["result"][0])
    assert refers(only(found, "Specimen"), result["specimen"])


def test_observation_of_the_specimen_is_about_it() -> None:
    found = oru(PID, ORC, OBR, OBX, "SPM|1|^S1&LAB||SER", "OBX|2|ST|CLAR^Clarity^L||cloudy||||||F")
    report = only(found, "DiagnosticReport")
    result, about = resources(found, "Observation")
    assert [refers(result, each) for each in report["result"]] == [True]
    assert refers(only(found, "Specimen"), about["focus"][0])


def test_results_of_two_patients_stay_with_their_own() -> None:
    other = "PID|2||88^^^STANNE^MR||Moss^Ida||19700101|F"
    found = oru(PID, OBR, OBX, other, OBR.replace("F1", "F2"), OBX)
    patients, results = resources(found, "Patient"), resources(found, "Observation")
    assert [refers(one, each["subject"]) for one, each in zip(patients, results, strict=True)] == [True, True]
    assert results[0]["id"] != results[1]["id"]


def test_correction_reaches_the_same_resources() -> None:
    first = oru(PID, ORC, OBR, OBX)
    second = oru(PID, ORC, OBR.removesuffix("F") + "C", OBX.replace("7.10", "7.2").removesuffix("F") + "C")
    for kind in ("DiagnosticReport", "ServiceRequest", "Observation"):
        assert only(first, kind)["id"] == only(second, kind)["id"]
    assert only(second, "DiagnosticReport")["status"] == only(second, "Observation")["status"] == "corrected"


def test_order_and_its_result_are_one_request() -> None:
    ordered = convert_text("ORM^O01", PID, "ORC|NW|P1^STANNE", "OBR|1|P1^STANNE||CBC^Blood count^L")
    assert only(ordered, "ServiceRequest")["id"] == only(oru(PID, ORC, OBR, OBX), "ServiceRequest")["id"]


def test_services_under_one_number_stay_apart() -> None:
    found = oru(PID, OBR, OBX, OBR.replace("CBC^Blood count", "BMP^Panel"), OBX, OBR.replace("CBC", "BMP"), OBX)
    for kind in ("DiagnosticReport", "ServiceRequest", "Observation"):
        assert len({each["id"] for each in resources(found, kind)}) == 3


def test_transaction_looks_up_a_report_by_number_and_service() -> None:
    found = oru(PID, OBR, OBX, options=Options(bundle="transaction")).bundle
    assert found is not None
    urls = {entry["resource"]["resourceType"]: entry["request"]["url"] for entry in found["entry"]}
    assert urls["DiagnosticReport"].endswith("P1&code=CBC")


def test_notes_go_to_what_they_follow() -> None:
    found = oru(PID, "NTE|1||of the patient", OBR, "NTE|1|L|of the report", OBX, "NTE|1||one", "NTE|2||~three", OBX)
    assert extensions(only(found, "Patient"), "note")[0]["text"] == "of the patient"
    assert extensions(only(found, "DiagnosticReport"), "DiagnosticReport.note")[0]["text"] == "of the report"
    noted, other = resources(found, "Observation")
    assert [note["text"] for note in noted["note"]] == ["one\n\nthree"]
    assert "note" not in other


def test_note_by_another_hand_is_another_note() -> None:
    found = oru(PID, OBR, OBX, "NTE|1||one||7^Doc^Ann|20260312", "NTE|2||two||8^Roe^Max|20260313")
    notes = only(found, "Observation")["note"]
    assert [(note["text"], note["time"]) for note in notes] == [("one", "2026-03-12"), ("two", "2026-03-13")]
    assert notes[0]["authorReference"] != notes[1]["authorReference"]


def test_document_lies_in_the_report_and_its_observation_knows_it() -> None:
    found = oru(PID, OBR, "OBX|1|ED|PDF^Report^L||^AP^PDF^Base64^JVBERi0xLjQ=||||||F")
    (form,) = only(found, "DiagnosticReport")["presentedForm"]
    assert (form["contentType"], form["title"]) == ("application/pdf", "Report")
    assert base64.b64decode(form["data"]) == b"%PDF-1.4"
    (known,) = extensions(only(found, "Observation"), "valueAttachment")
    assert "data" not in known
    assert (known["size"], known["hash"]) == (8, "GChKT9CWeATJoCy1voZ5i1RQkVM=")


def test_picture_is_media_of_the_report() -> None:
    found = oru(PID, OBR, "OBX|1|RP|IMG^Picture^L||https://pacs.example/1^PACS^IM^JPEG||||||F")
    media = only(found, "Media")
    assert media["content"]["url"] == "https://pacs.example/1"
    assert refers(media, only(found, "DiagnosticReport")["media"][0]["link"])


def test_report_over_many_lines_is_one_text() -> None:
    lines = [f"OBX|{number}|TX|R^Report^L|{number}|line {number}||||||F" for number in range(1, 6)]
    found = oru(PID, OBR, *lines)
    text = "\n".join(f"line {number}" for number in range(1, 6))
    assert only(found, "Observation")["valueString"] == text
    (form,) = only(found, "DiagnosticReport")["presentedForm"]
    assert base64.b64decode(form["data"]).decode() == text


def test_comment_of_two_lines_among_measurements_is_no_presented_form() -> None:
    found = oru(PID, OBR, OBX, "OBX|2|TX|COM^Comment^L|1|one||||||F", "OBX|3|TX|COM^Comment^L|2|two||||||F")
    assert "presentedForm" not in only(found, "DiagnosticReport")
    assert resources(found, "Observation")[1]["valueString"] == "one\ntwo"


def test_susceptibilities_belong_to_their_isolate() -> None:
    isolates = [f"OBX|{n}|CE|ORG^Organism^L|{n}|{code}^^SCT||||||F" for n, code in ((1, "112283007"), (2, "78065002"))]
    panel = (
        "OBR|{n}|P1^STANNE|F1-{n}^LAB|SUS^Susceptibility^L|||||||||||||||||||||F|ORG&Organism&L^{n}|||P1&STANNE^F1&LAB"
    )
    test = "OBX|1|SN|AMP^Ampicillin^L||<=^2|||S|||F"
    found = oru(PID, OBR, *isolates, panel.format(n=1), test, panel.format(n=2), test)
    first, second, amp_first, amp_second = resources(found, "Observation")
    assert refers(amp_first, first["hasMember"][0])
    assert refers(amp_second, second["hasMember"][0])
    culture = resources(found, "ServiceRequest")[0]
    assert all(refers(culture, each) for each in resources(found, "ServiceRequest")[1]["basedOn"])


@pytest.mark.parametrize(
    ("control", "status", "result", "order", "report"),
    [
        ("RE", "", "F", "completed", "final"),
        ("RE", "", "P", "active", "preliminary"),
        ("RE", "", "X", "revoked", "cancelled"),
        ("RE", "", "A", "active", "partial"),
        ("RE", "", "", "unknown", "unknown"),
        ("CA", "", "", "revoked", "cancelled"),
        ("RE", "CM", "", "completed", "unknown"),
    ],
)
def test_status_of_report_and_order(control: str, status: str, result: str, order: str, report: str) -> None:
    found = oru(PID, f"ORC|{control}|P1|F1||{status}", OBR.removesuffix("F") + result, OBX)
    assert only(found, "ServiceRequest")["status"] == order
    assert only(found, "DiagnosticReport")["status"] == report


@pytest.mark.parametrize(
    ("section", "result", "category"),
    [
        ("CH", OBX, "laboratory"),
        ("RAD", "OBX|1|TX|R^Report^L||clear||||||F", "imaging"),
        ("", OBX, "laboratory"),
        ("", "OBX|1|NM|8867-4^Heart rate^LN||72|/min^^UCUM|||||F", "vital-signs"),
        ("", "OBX|1|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC||72||||||F", None),
        ("", "OBX|1|TX|R^Report^L||clear||||||F", None),
        ("EC", "OBX|1|TX|R^Report^L||clear||||||F", "procedure"),
    ],
)
def test_category_by_section_and_by_what_is_measured(section: str, result: str, category: str | None) -> None:
    found = only(oru(PID, OBR.replace("LAB|F", f"{section}|F"), result), "Observation")
    codes = [each["coding"][0]["code"] for each in found.get("category", [])]
    assert codes == ([category] if category else [])


def test_order_of_segments_in_oul_r22() -> None:
    found = convert_text(
        "OUL^R22",
        PID,
        "SPM|1|^S1&LAB||SER",
        "SAC|||T1^LAB",
        "OBR|1|P1^STANNE|F1^LAB|K^Potassium^L|||||||||||||||||||||F",
        "ORC|RE|P1^STANNE|F1^LAB||||||||||7^Doc^Ann",
        OBX,
        "OBR|2|P2^STANNE|F2^LAB|NA^Sodium^L|||||||||||||||||||||F",
        OBX,
        "SPM|2|^S2&LAB||UR",
        "OBR|3|P3^STANNE|F3^LAB|NA^Sodium^L|||||||||||||||||||||F",
        OBX,
    )
    serum, urine = resources(found, "Specimen")
    reports = resources(found, "DiagnosticReport")
    assert [refers(serum, each["specimen"][0]) for each in reports] == [True, True, False]
    assert refers(urine, reports[2]["specimen"][0])
    assert len(resources(found, "ServiceRequest")) == 3
    assert serum["container"][0]["identifier"][0]["value"] == "T1"


def test_who_takes_part_may_stand_between_obr_and_its_orc_in_oul() -> None:
    orc = "ORC|RE|P1^STANNE|F1^LAB||||||||||7^Doc^Ann"
    found = convert_text("OUL^R22", PID, "SPM|1|^S1&LAB||SER", OBR, "PRT||AD||OP|8^Oper^Ada", orc, OBX)
    assert len(resources(found, "ServiceRequest")) == 1
    report, result = only(found, "DiagnosticReport"), only(found, "Observation")
    assert [refers(result, each) for each in report["result"]] == [True]
    assert refers(only(found, "Specimen"), report["specimen"][0])


def test_the_document_of_an_order_may_stand_before_its_obr() -> None:
    document = ("OBX|1|TX|DOC^Letter^L||Dear colleague||||||F", "TXA|1|CN|TX")
    found = oru(PID, ORC, *document, OBR, OBX)
    assert len(resources(found, "ServiceRequest")) == 1
    assert len(only(found, "DiagnosticReport")["result"]) == 2
    without_txa = oru(PID, ORC, document[0], OBR, OBX)
    assert len(only(without_txa, "DiagnosticReport")["result"]) == 1


def test_old_messages_tell_of_the_specimen_in_obr() -> None:
    found = oru(PID, "OBR|1|P1|F1|K^Potassium^L|||20260312080000+0100|||7^Doc^Ann||||20260312|BLD&Blood^^^RA&Arm", OBX)
    specimen = only(found, "Specimen")
    assert specimen["type"]["coding"][0]["display"] == "Blood"
    assert specimen["collection"]["collectedDateTime"] == "2026-03-12T08:00:00+01:00"
    assert specimen["receivedTime"] == "2026-03-12"
    assert refers(specimen, only(found, "Observation")["specimen"])


def test_nothing_is_claimed_of_us_core_where_the_site_wants_none() -> None:
    found = oru(PID, OBR, OBX, options=Options(profile="none"))
    assert all("profile" not in each.get("meta", {}) for kind in ("Observation",) for each in resources(found, kind))
