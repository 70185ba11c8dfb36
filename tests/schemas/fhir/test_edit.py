"""Single elements of a resource written and removed."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fhir import dumps
from schemas.fhir.edit import ABSENT, remove, set_text, written_path
from schemas.fhir.error import FhirError
from schemas.fhir.path import FhirPath
from schemas.fhir.types import RESOURCES

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [{"family": "Ames", "given": ["Pen", "Ann"]}, {"family": "Pine"}],
    "_birthDate": {"extension": [{"url": ABSENT, "valueCode": "unknown"}]},
    "multipleBirthInteger": 2,
}
BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "a"}},
        {"resource": {"resourceType": "Observation", "valueQuantity": {"value": Decimal("7.10")}}},
        {"resource": {"resourceType": "Patient", "id": "b"}},
    ],
}


@pytest.mark.parametrize(
    ("resource", "path", "text", "at", "expected"),
    [
        (PATIENT, "Patient.active", "true", "Patient.active", [True]),
        (PATIENT, "Patient.gender", "female", "Patient.gender", ["female"]),
        (PATIENT, "Patient.name[0].family", "Amis", "Patient.name.family", ["Amis", "Pine"]),
        (PATIENT, "Patient.name[2].family", "New", "Patient.name.family", ["Ames", "Pine", "New"]),
        (PATIENT, "Patient.name.family", "X", "Patient.name.family", ["X", "X"]),
        (PATIENT, "Patient.name[1].given[0]", "Jo", "Patient.name.given", ["Pen", "Ann", "Jo"]),
        (PATIENT, "Patient.telecom.value", "x", "Patient.telecom", []),
        (PATIENT, "Patient.multipleBirthInteger", "3", "Patient.multipleBirth", [3]),
        (PATIENT, "Patient.maritalStatus.coding[0].code", "M", "Patient.maritalStatus.coding.code", ["M"]),
        (PATIENT, "Patient.birthDate", "1980", "Patient.birthDate.extension", []),
        (PATIENT, "Patient.multipleBirthInteger", "", "Patient.multipleBirth", []),
        (PATIENT, "Patient.meta.profile[0]", "http://x", "Patient.meta.profile", ["http://x"]),
        (BUNDLE, "Bundle.type", "batch", "Bundle.type", ["batch"]),
        (BUNDLE, "Patient.active", "false", "Patient.active", [False, False]),
        (BUNDLE, "Patient[1].gender", "male", "Patient.gender", ["male"]),
        (BUNDLE, "Bundle.entry[2].resource.gender", "male", "Patient[1].gender", ["male"]),
        (BUNDLE, "Observation.valueQuantity.value", "7.20", "Observation.value.value", [Decimal("7.20")]),
        (BUNDLE, "Observation.valueQuantity.unit", "mg", "Observation.value.value", [Decimal("7.10")]),
    ],
)
def test_a_text_becomes_what_r4_says(
    resource: dict[str, Any], path: str, text: str, at: str, expected: list[object]
) -> None:
    made = deepcopy(resource)
    set_text(made, written_path(path), text)
    found = FhirPath.parse(at).select(made)
    assert [(type(each), str(each)) for each in found] == [(type(each), str(each)) for each in expected]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("Patient", "read and not written"),
        ("Patient.identifier.where(system='x').value", "read and not written"),
        ("Patient.nmae", "did you mean name?"),
        ("Patient.deceased", "deceasedBoolean"),
        ("Patient.name", "HumanName has parts"),
        ("Patient.active[0]", "no list"),
        ("Patient.name[0].family.x", "no element"),
        ("Observation.component.value", "valueQuantity"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_message(path: str, why: str) -> None:
    with pytest.raises(FhirError) as refused:
        written_path(path)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("resource", "path", "text", "why"),
    [
        (PATIENT, "Patient.active", "yes", "true or false"),
        (PATIENT, "Patient.multipleBirthInteger", "2.5", "whole number"),
        (PATIENT, "Patient.multipleBirthBoolean", "true", "multipleBirthInteger already"),
        (PATIENT, "Patient.name[4].family", "X", "in order"),
        (PATIENT, "Observation.status", "final", "no Observation"),
        (BUNDLE, "Observation.valueQuantity.value", "NaN", "decimal"),
        (BUNDLE, "Observation.valueQuantity.value", "1e9", "decimal"),
        (BUNDLE, "Observation.valueString", "x", "valueQuantity already"),
        (BUNDLE, "Bundle.entry[0].resource.nmae", "x", "no element"),
        (BUNDLE, "Bundle.total", "-1", "whole number"),
    ],
)
def test_a_text_that_does_not_fit_the_message_is_refused_and_not_quoted(
    resource: dict[str, Any], path: str, text: str, why: str
) -> None:
    with pytest.raises(FhirError) as refused:
        set_text(deepcopy(resource), written_path(path), text)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("resource", "paths", "at", "expected"),
    [
        (PATIENT, ["Patient.name[0]"], "Patient.name.family", ["Pine"]),
        (PATIENT, ["Patient.name[0]", "Patient.name[1]"], "Patient.name", []),
        (PATIENT, ["Patient.name.given"], "Patient.name", [{"family": "Ames"}, {"family": "Pine"}]),
        (PATIENT, ["Patient.name[1].family"], "Patient.name.family", ["Ames"]),
        (PATIENT, ["Patient.name[0].given[0]"], "Patient.name.given", ["Ann"]),
        (PATIENT, ["Patient.birthDate"], "Patient.birthDate.extension", []),
        (PATIENT, ["Patient.photo", "Patient.name[7]", "Encounter.status"], "Patient.name.family", ["Ames", "Pine"]),
        (BUNDLE, ["Bundle.entry[1]"], "Bundle.entry.resource.resourceType", ["Patient", "Patient"]),
        (BUNDLE, ["Patient.id"], "Bundle.entry.resource.resourceType", ["Patient", "Observation", "Patient"]),
        (BUNDLE, ["Observation.valueQuantity.value"], "Observation.value", []),
    ],
)
def test_what_is_removed_leaves_nothing_empty(
    resource: dict[str, Any], paths: list[str], at: str, expected: list[object]
) -> None:
    made = deepcopy(resource)
    remove(made, [written_path(path, to_set=False) for path in paths])
    assert FhirPath.parse(at).select(made) == expected
    assert b"{}" not in dumps(made)
    assert b"[]" not in dumps(made)


WORDS = ["entry", "resource", "resourceType", "Bundle", "Patient", "name", "family", "given", "_family", "active"]
JSON = st.recursive(
    st.none() | st.booleans() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(
    st.sampled_from(
        ["Patient.name[0].family", "Patient.name.given", "Bundle.entry[1].resource.active", "Patient.active"]
    ),
    st.sampled_from(["Bundle", "Patient"]),
    st.dictionaries(st.sampled_from(WORDS), JSON, max_size=6),
    st.sampled_from(["true", ""]),
)
def test_no_json_makes_an_edit_fail_otherwise(path: str, type: str, rest: dict[str, Any], text: str) -> None:
    resource = {**rest, "resourceType": type}
    try:
        set_text(resource, written_path(path), text)
    except FhirError:
        return
    remove(resource, [written_path(path)])
    assert orjson.loads(dumps(resource))["resourceType"] == type


def test_the_definitions_have_every_type_of_resource() -> None:
    assert [type for type in sorted(RESOURCES) if written_path(f"{type}.language").type != type] == []
