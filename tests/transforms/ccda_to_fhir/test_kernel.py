"""What holds for every document: nothing is refused, nothing is lost in silence, the same twice is the same."""

from __future__ import annotations

import pytest

from schemas.ccda import Document
from schemas.fhir import dumps
from schemas.fhir.bundled import Bundled
from schemas.finding import Severity
from schemas.hl7v2 import Er7
from tests.transforms.ccda_to_fhir.conversion import (
    AUTHOR,
    NOW,
    PATIENT,
    code,
    codes,
    convert_body,
    convert_entries,
    document,
    extensions,
    only,
    resources,
    section,
)
from transforms.ccda_to_fhir import Options, convert
from transforms.ccda_to_fhir.report import account
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.templates import problems
from transforms.v2_to_fhir import Options as V2Options
from transforms.v2_to_fhir import convert as convert_v2

HEIGHT = """<observation classCode="OBS" moodCode="{}"{}><id root="1.2.3" extension="o1"/>
<code code="8302-2" codeSystem="2.16.840.1.113883.6.1"/><statusCode code="completed"/>
<effectiveTime value="20240105"/><value xsi:type="PQ" value="170.0" unit="cm"/></observation>"""
PROCEDURE = """<procedure classCode="PROC" moodCode="{}"{}><id root="1.2.3" extension="x1"/>
<code code="80146002" codeSystem="2.16.840.1.113883.6.96"/><statusCode code="completed"/></procedure>"""


def test_an_empty_document_has_a_composition_and_a_patient() -> None:
    found = convert(Document.parse(b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>'), Options(), NOW)
    types = [entry["resource"]["resourceType"] for entry in found.bundle["entry"]]
    assert types == ["Composition", "Patient"]
    assert found.bundle["timestamp"] == NOW.isoformat()


def test_the_same_document_is_the_same_bundle() -> None:
    body = section("11450-4", HEIGHT.format("EVN", ""))
    first, second = (dumps(convert_body(body).bundle) for _ in range(2))
    assert first == second


def test_the_patient_is_the_one_that_hl7_v2_tells_of() -> None:
    text = b"MSH|^~\\&|LAB|STANNE|||20260312083015||ADT^A01|M1|P|2.5.1\rPID|1||77^^^&2.16.840.1.113883.19.5&ISO^MR\r"
    bundle = convert_v2(Er7.parse(text), V2Options(), NOW).bundle
    assert bundle is not None
    of_v2 = [each["resource"]["id"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient"]
    assert of_v2 == [only(convert_body(section("1")), "Patient")["id"]]


@pytest.mark.parametrize(
    ("entry", "kind", "status"),
    [
        (HEIGHT.format("EVN", ""), "Observation", "final"),
        (HEIGHT.format("INT", ""), "ServiceRequest", "completed"),
        (HEIGHT.format("RQO", ""), "ServiceRequest", "completed"),
        (PROCEDURE.format("EVN", ""), "Procedure", "completed"),
        (PROCEDURE.format("EVN", ' negationInd="true"'), "Procedure", "not-done"),
        (PROCEDURE.format("PRP", ""), "ServiceRequest", "completed"),
    ],
)
def test_an_entry_without_a_template_is_carried_by_its_class(entry: str, kind: str, status: str) -> None:
    found = convert_entries("1", entry)
    assert only(found, kind)["status"] == status
    assert "CCDA-103" in codes(found)
    (part,) = only(found, "Composition")["section"]
    assert [each["reference"] for each in part["entry"]] == [f"urn:uuid:{only(found, kind)['id']}"]


def test_a_negated_observation_asserts_nothing() -> None:
    resource = only(convert_entries("1", HEIGHT.format("EVN", ' negationInd="true"')), "Observation")
    assert (resource["status"], "valueQuantity" in resource) == ("cancelled", False)
    assert extensions(resource, "ccda-negated")[0]["code"] == "cm"


def test_an_organizer_that_is_negated_negates_what_it_holds() -> None:
    organizer = f"""<organizer classCode="CLUSTER" moodCode="EVN" negationInd="true"><statusCode code="completed"/>
<component>{HEIGHT.format("EVN", "")}</component></organizer>"""
    assert "valueQuantity" not in only(convert_entries("1", organizer), "Observation")


def test_what_no_template_reads_is_kept_by_its_xpath() -> None:
    entry = HEIGHT.format("EVN", "").replace("</observation>", '<priorityCode code="R"/></observation>')
    found = convert_entries("1", entry)
    (kept,) = only(found, "Observation")["extension"]
    path, value = (each["valueString"] for each in kept["extension"])
    assert path == "/ClinicalDocument/component/structuredBody/component/section/entry/observation/priorityCode"
    assert value == '<priorityCode code="R"/>'
    assert {each.where for each in found.findings if each.code == "CCDA-101"} == {path}
    reported = convert_body(section("1", entry), Options(unmapped="report"))
    assert "extension" not in only(reported, "Observation")
    assert "CCDA-104" in codes(reported)


def test_the_report_accounts_for_every_attribute_and_text() -> None:
    entry = HEIGHT.format("EVN", "").replace("</observation>", '<priorityCode code="R"/></observation>')
    uses = {use.path.rpartition("/section/")[2]: use for use in account(document(section("1", entry)), Options())}
    assert uses["entry/observation/value/@value"].use == "mapped"
    assert uses["entry/observation/value/@value"].targets == ("Observation",)
    assert uses["entry/observation/priorityCode/@code"].use == "kept"
    assert uses["entry/observation/@classCode"].use == "left out"
    assert uses["text"].targets == ("Composition.section.text",)
    assert not [use for use in uses.values() if use.use == "unmapped"]


def test_a_template_that_fails_gives_way_and_nothing_of_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(resource: object, observation: object, run: Run) -> None:
        run.add("Group", "half")
        raise ValueError("with a patient's name")

    monkeypatch.setattr(problems, "_put_times", fails)
    entry = HEIGHT.format("EVN", "").replace("<id ", '<templateId root="2.16.840.1.113883.10.20.22.4.4"/><id ')
    found = convert_entries("11450-4", entry)
    assert only(found, "Observation")["valueQuantity"]["code"] == "cm"
    assert resources(found, "Group") == resources(found, "Condition") == []
    (defect,) = [each for each in found.findings if each.code == "CCDA-102"]
    assert defect.severity == Severity.ERROR
    assert "ValueError in test_kernel.py" in defect.what
    assert "name" not in defect.what


@pytest.mark.parametrize("kind", ["document", "transaction", "batch", "collection"])
def test_a_bundle_of_each_type_holds_together(kind: str) -> None:
    found = convert_body(section("11450-4", HEIGHT.format("EVN", "")), Options(bundle=kind))  # type: ignore[arg-type]
    assert found.bundle["type"] == kind
    assert list(Bundled(found.bundle, "Bundle").unresolved(all_of_them=True, severity=Severity.ERROR)) == []
    requests = [entry.get("request") for entry in found.bundle["entry"]]
    assert all(requests) == (kind in ("transaction", "batch"))
    if kind == "transaction":
        wanted = "Patient?identifier=urn%3Aoid%3A2.16.840.1.113883.19.5%7C77"
        assert wanted in [request["url"] for request in requests]
    assert ("identifier" in found.bundle) == (kind in ("document", "collection"))


def test_a_number_under_the_sites_root_identifies_the_patient() -> None:
    header = PATIENT.replace("<patient>", '<id root="9.8.7" extension="X1"/><patient>') + AUTHOR
    usual, chosen = (
        convert_body(section("1"), Options(patient_roots=roots), header=header) for roots in ((), ("9.8.7",))
    )
    assert only(usual, "Patient")["id"] != only(chosen, "Patient")["id"]


def test_digits_of_a_quantity_stay() -> None:
    found = convert_entries("1", HEIGHT.format("EVN", ""))
    assert b'"value":170.0' in dumps(found.bundle)


def test_a_section_by_its_nested_sections_and_their_emptiness() -> None:
    body = """<structuredBody><component><section nullFlavor="NASK"><code code="47519-4"
codeSystem="2.16.840.1.113883.6.1"/><title>Procedures</title><text/></section></component>
<component><section><code code="1"/><text>Above</text><component><section><code code="2"/><text>Below</text></section>
</component></section></component></structuredBody>"""
    first, second = only(convert_body(body), "Composition")["section"]
    assert code(first["emptyReason"]) == "notasked"
    assert (first["text"]["status"], second["section"][0]["text"]["status"]) == ("empty", "generated")


@pytest.mark.parametrize(
    ("attributes", "status", "modifiers"),
    [
        ("", "completed", []),
        (' negationInd="true"', "completed", ["urn:hie-engine:ccda-negated"]),
        ("", "nullified", ["urn:hie-engine:ccda-in-error"]),
    ],
)
def test_an_act_of_an_unknown_kind_says_if_it_is_denied_or_in_error(
    attributes: str, status: str, modifiers: list[str]
) -> None:
    act = f"""<act classCode="ACT" moodCode="EVN"{attributes}><code code="x" codeSystem="1.2.3"/>
<statusCode code="{status}"/></act>"""
    basic = only(convert_entries("1", act), "Basic")
    assert [each["url"] for each in basic.get("modifierExtension", [])] == modifiers


@pytest.mark.parametrize("name", ["act", "supply", "observation", "procedure", "encounter", "substanceAdministration"])
@pytest.mark.parametrize("mood", ["INT", "RQO", "PRP", "PRMS"])
def test_what_is_planned_is_never_a_thing_done(name: str, mood: str) -> None:
    entry = f'<{name} moodCode="{mood}"><code code="x" codeSystem="1.2.3"/><statusCode code="completed"/></{name}>'
    found = convert_entries("1", entry)
    kinds = {each["resource"]["resourceType"] for each in found.bundle["entry"]}
    assert kinds & {"ServiceRequest", "MedicationRequest", "DeviceRequest"}
    assert not kinds & {"Observation", "Procedure", "Encounter", "Basic", "MedicationDispense", "Immunization"}
