"""Whatever JSON comes, there is a document or a finding; and what is written is well-formed and valid."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.fhir_to_ccda.conversion import NOW, PATIENT, there
from tests.transforms.fhir_to_ccda.oracle import faults
from transforms.fhir_to_ccda import Options
from transforms.fhir_to_ccda.report import account
from transforms.fhir_to_ccda.run import DEFECT

TYPES = """
    Patient Encounter Observation DiagnosticReport ServiceRequest Immunization Composition DocumentReference Condition
    AllergyIntolerance Coverage Specimen MessageHeader Provenance Goal CarePlan CareTeam Location Organization Device
    Practitioner PractitionerRole RelatedPerson MedicationRequest MedicationStatement Medication Procedure
    FamilyMemberHistory Consent DeviceUseStatement Appointment MedicationAdministration MedicationDispense List
    Basic Media DeviceRequest X
"""
NAMES = """
    id status code coding system value name family given identifier extension url subject patient reference valueString
    valueQuantity period start end contact dosage result timing component hasMember performer telecom address repeat
    section text div author note category verificationStatus clinicalStatus reaction manifestation onsetPeriod display
    medicationCodeableConcept effectiveDateTime effectivePeriod type title entry dosageInstruction doseAndRate
    doseQuantity interpretation referenceRange low high frequency when periodUnit intent lifecycleStatus target measure
    description activity detail payor beneficiary subscriberId participant role member relationship condition content
    attachment data contentType class diagnosis location hospitalization vaccineCode statusReason lotNumber onsetAge
    deceasedBoolean contributedToDeath item date udiCarrier deviceName manufacturer docStatus context
    docStatus conclusion
"""
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES | st.sampled_from(["Patient/p", "#a", "2026-13-01", "2026-01-01", "<div><p id='a'>x</p></div>", "active"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4),
    max_leaves=12,
)
RESOURCES = st.builds(
    lambda kind, body: {**body, "resourceType": kind},
    st.sampled_from(TYPES.split()),
    st.dictionaries(st.sampled_from(NAMES.split()), VALUES, max_size=8),
)
BUNDLES = st.builds(
    lambda found: {"resourceType": "Bundle", "entry": [{"resource": each} for each in (PATIENT, *found)]},
    st.lists(RESOURCES, max_size=6),
)


@settings(max_examples=200, deadline=None)
@given(RESOURCES | BUNDLES, st.sampled_from(["auto", "ccd", "discharge_summary", "transfer_summary", "referral_note"]))
def test_no_resource_breaks_it(resource: dict[str, Any], document: str) -> None:
    conversion = there(resource, document=document)
    assert DEFECT not in {each.code for each in conversion.findings}
    assert (conversion.document is None) <= bool(conversion.findings)
    assert there(resource, document=document).document == conversion.document
    if conversion.document is not None:
        assert faults(conversion.document) == []


@settings(max_examples=60, deadline=None)
@given(BUNDLES)
def test_every_element_is_accounted_for(resource: dict[str, Any]) -> None:
    uses = account(resource, Options(), NOW)
    assert len({each.path for each in uses}) == len(uses)
    assert "Bundle.entry[0].resource.birthDate" in {each.path for each in uses if each.use == "mapped"}


def test_lists_and_panels_within_one_another_come_to_an_end() -> None:
    count = 2000
    lists = [
        {"resourceType": "List", "id": f"l{place}", "entry": [{"item": {"reference": f"List/l{(place + 1) % count}"}}]}
        for place in range(count)
    ]
    panels = [
        {"resourceType": "Observation", "id": f"o{place}", "hasMember": [{"reference": f"Observation/o{place + 1}"}]}
        for place in range(count)
    ]
    section = {"entry": [{"reference": "List/l0"}]}
    composition = {"resourceType": "Composition", "subject": {"reference": "Patient/p"}, "section": [section]}
    entries = [{"resource": each} for each in (composition, PATIENT, *lists, *panels)]
    conversion = there({"resourceType": "Bundle", "entry": entries})
    assert conversion.document is not None, conversion.findings[-1]
    assert faults(conversion.document) == []


CHARTS = sorted(Path(__file__).with_name("guide").glob("*.json"))
DAMAGE = [
    *("", "x y", "2026-13-45", "entered-in-error", "a" * 70, "\0bad", "#frag", "http://x/y z", "<div>"),
    *(None, True, 0, -1, [], {}, ["a"], {"coding": [{"code": "x"}]}, {"value": 3}, {"start": "2020"}),
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in JSON that something may be put into: what holds it, and its key."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@pytest.mark.parametrize("file", CHARTS, ids=lambda file: file.stem)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["auto", "discharge_summary", "transfer_summary", "referral_note"]))
def test_a_damaged_chart_becomes_a_valid_document(file: Path, seed: int, document: str) -> None:
    dice = random.Random(seed)
    chart = json.loads(file.read_text(encoding="utf-8"))
    for _ in range(dice.choice([1, 3, 10])):
        holder, key = dice.choice(places(chart["entry"]))
        if dice.random() < 0.4:
            del holder[key]
        else:
            holder[key] = deepcopy(dice.choice(DAMAGE))
        if not places(chart["entry"]):
            break
    conversion = there(chart, document=document)
    assert DEFECT not in {each.code for each in conversion.findings}
    if conversion.document is not None:
        assert faults(conversion.document) == []
