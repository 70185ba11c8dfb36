"""The four types of document: whole, and valid by HL7's schema and Schematron where they are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schemas.fhir.read import read_exact
from tests.transforms.fhir_to_ccda.conversion import (
    DOCUMENTS,
    LOINC,
    UCUM,
    bundle,
    concept,
    document,
    entries,
    find,
    there,
)

SAMPLES = sorted((Path(__file__).parents[3] / "samples" / "fhir").glob("*.json"))
OBSERVED: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "category": [concept("vital-signs", "http://terminology.hl7.org/CodeSystem/observation-category")],
    "code": concept("85354-9", LOINC, "Blood pressure"),
    "effectiveDateTime": "2026-03-12T08:00:00Z",
    "component": [
        {
            "code": concept(code, LOINC),
            "valueQuantity": {"value": value, "unit": "mm[Hg]", "system": UCUM, "code": "mm[Hg]"},
        }
        for code, value in (("8480-6", 120), ("8462-4", 80))
    ],
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_samples_become_valid_documents_of_every_type(kind: str) -> None:
    made = 0
    for file in SAMPLES:
        resource = read_exact(file.read_bytes())
        conversion = there(resource, document=kind)
        if conversion.document is None:
            assert [each.code for each in conversion.findings][-1] == "CCDA-201", file.name
            continue
        document(resource, document=kind)
        made += 1
    assert made >= 50


@pytest.mark.parametrize(
    ("kind", "root", "code", "sections"),
    [
        ("ccd", "2", "34133-9", "48765-2 10160-0 11450-4 30954-2 8716-3 29762-2"),
        ("referral_note", "14", "57133-1", "48765-2 10160-0 11450-4 18776-5 42349-1 51848-0"),
        ("discharge_summary", "8", "18842-5", "48765-2 18776-5 8648-8 11535-2"),
        ("transfer_summary", "13", "18761-7", "48765-2 10160-0 11450-4 30954-2 8716-3 18776-5 42349-1 51848-0"),
    ],
)
def test_a_patient_alone_becomes_a_document_that_says_what_is_not_known(
    kind: str, root: str, code: str, sections: str
) -> None:
    made = document(bundle(), document=kind)
    assert f"2.16.840.1.113883.10.20.22.1.{root}" in find(made, "v:templateId/@root")
    assert find(made, "v:code/@code") == [code]
    assert find(made, "//v:section/v:code/@code") == sections.split()
    assert [each for each in find(made, "//v:section/v:text") if not "".join(each.itertext()).strip()] == []
    assert "CCDA-203" in {each.code for each in there(bundle(), document=kind).findings}


def test_a_blood_pressure_is_two_vital_signs_of_one_time() -> None:
    made = document(bundle(OBSERVED))
    (organizer,) = entries(made, "26")
    assert find(organizer, "v:component/v:observation/v:code/@code") == ["8480-6", "8462-4"]
    assert find(organizer, "v:component/v:observation/v:value/@value") == ["120", "80"]
    assert find(organizer, "v:effectiveTime/@value") == ["20260312080000+0000"]


def test_every_entry_refers_to_its_row_of_the_narrative() -> None:
    made = document(bundle(OBSERVED, {"resourceType": "Condition", "id": "c", "code": {"text": "Cough"}}))
    ids = set(find(made, "//@ID"))
    references = [each[1:] for each in find(made, "//v:text/v:reference/@value")]
    assert len(references) == 3
    assert set(references) <= ids
    assert "Cough" in "".join(find(made, f"//v:tr[@ID='{references[0]}']//text()"))


def test_the_same_bundle_is_the_same_document() -> None:
    resource = read_exact(SAMPLES[0].with_name("oru_r01.json").read_bytes())
    assert there(resource).document == there(resource).document


def test_without_a_patient_no_document_is_made() -> None:
    conversion = there({"resourceType": "Bundle", "type": "collection", "entry": []})
    assert conversion.document is None
    assert [each.code for each in conversion.findings] == ["CCDA-201"]


def test_the_order_of_the_elements_is_the_schemas_whoever_wrote_them() -> None:
    made = document(bundle(OBSERVED))
    names = [etree.QName(each).localname for each in entries(made, "27")[0]]
    assert names == ["templateId", "templateId", "id", "code", "text", "statusCode", "effectiveTime", "value"]
