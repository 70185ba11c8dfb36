"""What each kind of resource becomes: where it stands in the document, and what it says there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.transforms.fhir_to_ccda.conversion import (
    LOINC,
    PATIENT,
    RXNORM,
    SNOMED,
    TERMINOLOGY,
    UCUM,
    bundle,
    concept,
    document,
    find,
    there,
)

DOCTOR = {
    "resourceType": "Practitioner",
    "id": "d",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9992033313"}],
    "name": [{"family": "Pellworth", "given": ["Imogen"], "prefix": ["Dr"]}],
}
PAYER = {"resourceType": "Organization", "id": "o", "name": "Blue Cross"}
DEVICE = {
    "resourceType": "Device",
    "id": "v",
    "type": concept("14106009", SNOMED, "Cardiac pacemaker"),
    "udiCarrier": [{"carrierHRF": "(01)00643169007222"}],
    "lotNumber": "L7",
}
QUANTITY = {"value": 5, "unit": "%", "system": UCUM, "code": "%"}
CATEGORY = f"{TERMINOLOGY}observation-category"
GENDER = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"

NOTE = {
    "resourceType": "DocumentReference",
    "status": "current",
    "type": concept("11506-3", LOINC, "Progress note"),
    "date": "2026-03-01T10:00:00Z",
    "author": [{"reference": "Practitioner/d"}],
    "content": [{"attachment": {"contentType": "text/plain", "data": "QWxsIHdlbGw="}}],
}
SCAN = {**NOTE, "content": [{"attachment": {"contentType": "application/pdf", "data": "JVBERg==", "title": "Scan"}}]}
TEAM = {
    "resourceType": "CareTeam",
    "status": "active",
    "name": "Diabetes team",
    "participant": [{"role": [concept("59058001", SNOMED, "Physician")], "member": {"reference": "Practitioner/d"}}],
}
COVERAGE = {
    "resourceType": "Coverage",
    "status": "active",
    "subscriberId": "S-77",
    "beneficiary": {"reference": "Patient/p"},
    "relationship": concept("self", f"{TERMINOLOGY}subscriber-relationship"),
    "payor": [{"reference": "Organization/o"}],
    "class": [{"type": concept("group", f"{TERMINOLOGY}coverage-class"), "value": "G-1"}],
}
FATHER = {
    "resourceType": "FamilyMemberHistory",
    "status": "completed",
    "patient": {"reference": "Patient/p"},
    "relationship": concept("FTH", f"{TERMINOLOGY}v3-RoleCode", "father"),
    "deceasedBoolean": True,
    "condition": [
        {
            "code": concept("22298006", SNOMED, "Myocardial infarction"),
            "contributedToDeath": True,
            "onsetAge": {"value": 57, "unit": "a", "system": UCUM, "code": "a"},
        }
    ],
}
GOAL = {
    "resourceType": "Goal",
    "lifecycleStatus": "active",
    "description": {"text": "Less sugar"},
    "target": [{"measure": concept("4548-4", LOINC), "detailQuantity": QUANTITY, "dueDate": "2026-09-01"}],
    "achievementStatus": concept("improving", f"{TERMINOLOGY}goal-achievement"),
}
REFERRAL = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "category": [concept("3457005", SNOMED, "Referral")],
    "code": concept("306253008", SNOMED, "Referral to doctor"),
    "reasonCode": [concept("195967001", SNOMED, "Asthma")],
}
DIRECTIVE = {
    "resourceType": "Observation",
    "status": "final",
    "code": concept("75320-2", LOINC),
    "valueCodeableConcept": concept("304253006", SNOMED, "Not for resuscitation"),
}
FUNCTION = {
    "resourceType": "Observation",
    "status": "final",
    "category": [concept("functional-status", CATEGORY)],
    "code": concept("54522-8", LOINC),
    "valueCodeableConcept": concept("105504002", SNOMED, "Dependence on walking stick"),
}
SMOKER = {
    "resourceType": "Observation",
    "status": "final",
    "category": [concept("social-history", CATEGORY)],
    "code": concept("72166-2", LOINC),
    "effectiveDateTime": "2026-01-01",
    "valueCodeableConcept": concept("8517006", SNOMED, "Former smoker"),
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "status": "final",
    "code": concept("58410-2", LOINC),
    "effectiveDateTime": "2026-03-01",
    "conclusion": "Nothing unusual",
    "presentedForm": [{"contentType": "application/pdf", "data": "JVBERg=="}],
}


@pytest.mark.parametrize(
    ("resources", "section", "path", "said"),
    [
        ([NOTE, DOCTOR], "34109-9", "v:act[@classCode='ACT']/v:code/v:translation/@code", ["11506-3"]),
        ([NOTE, DOCTOR], "34109-9", "v:act/v:author//v:family/text()", ["Pellworth"]),
        ([SCAN, DOCTOR], "34109-9", "v:act/v:text/@mediaType", ["application/pdf"]),
        ([TEAM, DOCTOR], "85847-2", "v:organizer/v:component/v:act/v:performer/sdtc:functionCode/@code", ["59058001"]),
        ([TEAM, DOCTOR], "85847-2", "v:organizer/v:component/v:act/v:performer//v:id/@extension", ["9992033313"]),
        ([COVERAGE, PAYER], "48768-6", "v:act//v:performer//v:representedOrganization/v:name/text()", ["Blue Cross"]),
        ([COVERAGE, PAYER], "48768-6", "v:act//v:participant[@typeCode='COV']//v:code/@code", ["SELF"]),
        ([COVERAGE, PAYER], "48768-6", "v:act//v:participant[@typeCode='COV']//v:id/@extension", ["S-77"]),
        ([COVERAGE, PAYER], "48768-6", "v:act//v:act[@moodCode='DEF']/v:id/@extension", ["G-1"]),
        ([FATHER], "10157-6", "v:organizer/v:subject/v:relatedSubject/v:code/@code", ["FTH"]),
        ([FATHER], "10157-6", "v:organizer//sdtc:deceasedInd/@value", ["true"]),
        ([FATHER], "10157-6", "v:organizer//v:observation[v:code/@code='445518008']/v:value/@value", ["57"]),
        ([FATHER], "10157-6", "v:organizer//v:entryRelationship[@typeCode='CAUS']//v:value/@code", ["419099009"]),
        ([GOAL], "61146-7", "v:observation[@moodCode='GOL']/v:code/@code", ["4548-4"]),
        ([GOAL], "61146-7", "v:observation/v:value/@value", ["5"]),
        ([GOAL], "61146-7", "v:observation/v:effectiveTime/v:high/@value", ["20260901"]),
        ([REFERRAL], "42349-1", "v:act[@moodCode='RQO']/v:code/@code", ["306253008"]),
        ([REFERRAL], "42349-1", "v:act/v:entryRelationship[@typeCode='RSON']//v:value/@code", ["195967001"]),
        ([FUNCTION], "47420-5", "v:observation/v:value/@code", ["105504002"]),
        ([SMOKER], "29762-2", "v:observation/v:value/@code", ["8517006"]),
        ([SMOKER], "29762-2", "v:observation/v:effectiveTime/@value", ["20260101"]),
        ([REPORT], "30954-2", "v:organizer//v:value[@mediaType='application/pdf']/text()", ["JVBERg=="]),
        (
            [{"resourceType": "DeviceUseStatement", "status": "active", "device": {"reference": "Device/v"}}, DEVICE],
            "46264-8",
            "v:supply/v:participant/v:participantRole/v:id/@extension",
            ["(01)00643169007222"],
        ),
        (
            [{"resourceType": "Condition", "category": [concept("health-concern", "x")], "code": {"text": "Falls"}}],
            "75310-3",
            "v:act/v:entryRelationship/v:observation/v:value/v:originalText/text()",
            ["Falls"],
        ),
    ],
)
def test_a_resource_is_in_its_section_and_says_what_it_said(
    resources: list[dict[str, Any]], section: str, path: str, said: list[str]
) -> None:
    given = [each if "id" in each else each | {"id": f"x{number}"} for number, each in enumerate(resources)]
    made = document(bundle(*given))
    assert find(made, f"//v:section[v:code/@code='{section}']/v:entry/{path}") == said


def test_a_directive_that_a_composition_lists_has_its_template() -> None:
    made = bundle(DIRECTIVE | {"id": "x"})
    composition = {
        "resourceType": "Composition",
        "subject": {"reference": "Patient/p"},
        "section": [{"code": concept("42348-3", LOINC), "entry": [{"reference": "Observation/x"}]}],
    }
    made["entry"].insert(0, {"resource": composition})
    (observation,) = find(document(made), "//v:section[v:code/@code='42348-3']/v:entry/v:observation")
    assert find(observation, "v:code/v:translation/@code") == ["75320-2"]
    assert find(observation, "v:value/@code") == ["304253006"]
    assert find(observation, "v:effectiveTime/v:high/@nullFlavor") == ["NA"]


def test_sex_at_birth_is_among_the_social_history() -> None:
    patient = {**PATIENT, "extension": [{"url": GENDER, "valueCode": "F"}]}
    values = find(document(bundle(patient=patient)), "//v:observation[v:code/@code='76689-9']/v:value/@code")
    assert values == ["F"]


def test_a_diagnosis_of_the_stay_is_the_discharge_diagnosis_of_a_discharge_summary() -> None:
    diagnosis = {
        "resourceType": "Condition",
        "id": "c",
        "category": [concept("encounter-diagnosis", f"{TERMINOLOGY}condition-category")],
        "code": concept("195967001"),
    }
    made = document(bundle(diagnosis), document="discharge_summary")
    assert find(made, "//v:section[v:code/@code='11535-2']/v:entry/v:act//v:value/@code") == ["195967001"]


def test_what_a_document_has_no_place_for_is_told_by_its_path() -> None:
    made = bundle(
        {"resourceType": "Condition", "id": "c", "code": {"text": "Cough"}, "stage": [{"type": {"text": "x"}}]}
    )
    told = [(each.code, each.where) for each in there(made).findings]
    assert ("CCDA-202", "Bundle.entry[1].resource.stage[0].type.text") in told
    other = bundle({"resourceType": "VisionPrescription", "id": "v"})
    assert ("CCDA-202", "Bundle.entry[1].resource") in [(each.code, each.where) for each in there(other).findings]


def test_an_impression_is_what_the_assessment_says() -> None:
    impression = {
        "resourceType": "ClinicalImpression",
        "id": "i",
        "status": "completed",
        "summary": "Better than in May",
    }
    made = document(bundle(impression), document="transfer_summary")
    (id,) = find(made, "//v:section[v:code/@code='51848-0']/v:entry/v:act/v:text/v:reference/@value")
    assert find(made, f"//*[@ID='{id[1:]}']/text()") == ["Better than in May"]


def test_a_plan_goes_to_the_assessment_and_plan_that_is_there() -> None:
    made = bundle({"resourceType": "ServiceRequest", "id": "s", "status": "active", "intent": "plan"})
    section = {"code": concept("51847-2", LOINC), "title": "A and P"}
    composition = {"resourceType": "Composition", "subject": {"reference": "Patient/p"}, "section": [section]}
    made["entry"].insert(0, {"resource": composition})
    whole = document(made, document="transfer_summary")
    assert len(find(whole, "//v:section[v:code/@code='51847-2']/v:entry/v:procedure")) == 1
    assert find(whole, "//v:section[v:code/@code='18776-5']") == []


def kept(name: str, xml: str) -> dict[str, Any]:
    """An element of the act around an entry, as the way to FHIR keeps it."""
    path = f"/ClinicalDocument/component/structuredBody/component[3]/section/entry[2]/act/{name}"
    inner = [{"url": "path", "valueString": path}, {"url": "value", "valueString": xml}]
    return {"url": "urn:hie-engine:ccda-element", "extension": inner}


@pytest.mark.parametrize(
    ("id", "time", "root", "low"),
    [
        ('<id root="2.999.3" extension="7"/>', '<effectiveTime><low value="2011"/></effectiveTime>', "2.999.3", "2011"),
        ('<id root="no root"/>', '<effectiveTime><low value="Tuesday"/></effectiveTime>', "", "20140203"),
        ("<id", "<!DOCTYPE x><x/>", "", "20140203"),
    ],
)
def test_a_concern_gets_its_id_and_time_back_where_they_can_be_read(id: str, time: str, root: str, low: str) -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "code": {"text": "Cough"},
        "recordedDate": "2014-02-03",
        "extension": [kept("id", id), kept("effectiveTime", time)],
    }
    (act,) = find(document(bundle(condition)), "//v:act[v:code/@code='CONC']")
    assert [each == root for each in find(act, "v:id/@root")] == [bool(root)]
    assert find(act, "v:effectiveTime/v:low/@value") == [low]


@pytest.mark.parametrize(("when", "event"), [("ACM", ["ACM"]), ("C", []), ("WAKE", [])])
def test_an_event_of_the_day_is_written_where_the_schema_has_it(when: str, event: list[str]) -> None:
    timing = {"repeat": {"when": [when]}}
    request = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept("1191", RXNORM),
        "dosageInstruction": [{"timing": timing}],
    }
    made = document(bundle(request))
    assert [each.get("code") for each in find(made, "//v:effectiveTime/v:event")] == event
