"""Paths into FHIR resources: what they mean, and that nothing written or sent makes them fail otherwise."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fhir.error import FhirError
from schemas.fhir.path import FhirPath, is_fhir_path, text_of
from schemas.fhir.read import read_exact

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "identifier": [
        {"use": "official", "system": "http://x", "value": "4711"},
        {"system": "http://y", "value": "815", "type": {"coding": [{"code": "SS"}]}},
        {"system": "http://x", "value": "12"},
    ],
    "name": [{"family": "Ames", "given": ["Penelope", "Ann"]}, {"family": "Pine"}],
    "birthDate": "1980-01",
    "_birthDate": {"extension": [{"url": "urn:time", "valueDateTime": "1980-01-01T10:00:00Z"}]},
    "deceasedBoolean": False,
    "multipleBirthInteger": 2,
    "extension": [{"url": "urn:it's", "valueString": "here"}],
    "telecom": [{"value": None}],
    "_telecom": [None],
}
OBSERVATION = {
    "resourceType": "Observation",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]},
    "valueQuantity": {"value": 7.1, "unit": "mmol/L"},
    "component": [{"valueString": "high"}, {"valueCodeableConcept": {"text": "low"}}],
    "reasonCode": [{"text": "no choice, for it is a list"}],
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "message",
    "entry": [
        {"fullUrl": "urn:1"},
        {"resource": PATIENT},
        {"resource": OBSERVATION},
        {"resource": {**PATIENT, "id": "p2"}},
    ],
}


@pytest.mark.parametrize(
    ("path", "resource", "texts"),
    [
        ("Patient.id", PATIENT, ["p1"]),
        ("Patient.active", PATIENT, ["true"]),
        ("Patient.name[0].family", PATIENT, ["Ames"]),
        ("Patient.name[1].family", PATIENT, ["Pine"]),
        ("Patient.name[2].family", PATIENT, []),
        ("Patient.name.family", PATIENT, ["Ames", "Pine"]),
        ("Patient.name.given[1]", PATIENT, ["Ann"]),
        ("Patient.name", PATIENT, ['{"family":"Ames","given":["Penelope","Ann"]}', '{"family":"Pine"}']),
        ("Patient.identifier.where(system='http://x').value", PATIENT, ["4711", "12"]),
        ("Patient.identifier.where(system='http://x')[1].value", PATIENT, ["12"]),
        ("Patient.identifier.where(system = 'http://x' and use='official').value", PATIENT, ["4711"]),
        ("Patient.identifier.where(type.coding.code='SS').value", PATIENT, ["815"]),
        ("Patient.where(active=true).id", PATIENT, ["p1"]),
        ("Patient.where(active='true').id", PATIENT, []),
        ("Patient.name.where(given='Ann').family", PATIENT, []),  # `=` is false where several stand against one
        ("Patient.deceased", PATIENT, ["false"]),
        ("Patient.deceased.ofType(boolean)", PATIENT, ["false"]),
        ("Patient.deceased.ofType(dateTime)", PATIENT, []),
        ("Patient.deceasedBoolean", PATIENT, ["false"]),
        ("Patient.multipleBirth", PATIENT, ["2"]),
        ("Patient.birthDate", PATIENT, ["1980-01"]),
        ("Patient.birthDate.extension('urn:time').value", PATIENT, ["1980-01-01T10:00:00Z"]),
        ("Patient.extension('urn:it\\'s').value", PATIENT, ["here"]),
        ("Patient.telecom.value", PATIENT, []),
        ("Patient.birthDate.day", PATIENT, []),
        ("Patient.resourceType", PATIENT, ["Patient"]),
        ("Observation.id", PATIENT, []),
        ("Observation.value.unit", OBSERVATION, ["mmol/L"]),
        ("Observation.value.ofType(Quantity).unit", OBSERVATION, ["mmol/L"]),
        ("Observation.value.ofType(string)", OBSERVATION, []),
        ("Observation.component.value", OBSERVATION, ["high", '{"text":"low"}']),
        ("Observation.component.value.ofType(string)", OBSERVATION, ["high"]),
        ("Observation.reason", OBSERVATION, []),
        ("Bundle.type", BUNDLE, ["message"]),
        ("Bundle.entry[0].fullUrl", BUNDLE, ["urn:1"]),
        ("Bundle.entry[1].resource.id", BUNDLE, ["p1"]),
        ("Bundle.entry.resource.ofType(Patient).id", BUNDLE, ["p1", "p2"]),
        ("Bundle.entry.resource.ofType(Patient)[1].id", BUNDLE, ["p2"]),
        ("Patient.id", BUNDLE, ["p1", "p2"]),
        ("Patient[1].id", BUNDLE, ["p2"]),
        ("Patient[2].id", BUNDLE, []),
        ("Observation.code.coding.where(system='http://loinc.org').code", BUNDLE, ["2345-7"]),
        ("Encounter.id", BUNDLE, []),
    ],
)
def test_what_a_path_gives(path: str, resource: dict[str, object], texts: list[str]) -> None:
    assert [text_of(value) for value in FhirPath.parse(path).select(resource)] == texts
    assert str(FhirPath.parse(path)) == path


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Patiant.name", "did you mean Patient?"),
        ("Patient.name[*].family", "every one"),
        ('Patient.identifier.where(system="http://x")', "single quotes"),
        ("Patient-name", "follows a dot"),
        ("Patient.name.0", "counts from 0"),
        ("Patient.name.first()", "ofType(Type)"),
        ("Patient.name.where(family)", "ofType(Type)"),
        ("Patient.name[01]", "for example"),
        ("Patient.name[-1]", "for example"),
        ("Patient.name[0][0]", "for example"),
        ("Patient.", "for example"),
        ("Patient..name", "for example"),
        ("Patient.name ", "for example"),
        ("Patient.name\n", "for example"),
        ("Patient.Name", "for example"),
        ("patient.name", "for example"),
        ("", "for example"),
        ("Patient" + ".name" * 200, "for example"),
    ],
)
def test_nonsense_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(FhirError) as refused:
        FhirPath.parse(text)
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("text", "is_fhir"),
    [
        ("Patient.name", True),
        ("Patiant.name", True),
        ("Patient", True),
        ("Patient[1].id", True),
        ("PID-3.1", False),
        ("PID", False),
        ("PID.3", False),
        ("Pid-3", False),
        ("OBX[2]-5", False),
        ("subscriber.id", False),
        ("message.id", False),
    ],
)
def test_a_path_into_fhir_is_told_by_its_look(text: str, is_fhir: bool) -> None:
    assert is_fhir_path(text) is is_fhir


@settings(deadline=None)
@given(st.text(alphabet="PatientBundle.[]()0123456789'\\=ofTypewherextnsi _-*ä\n", max_size=60))
def test_whatever_is_written_is_a_path_or_refused(text: str) -> None:
    try:
        FhirPath.parse("Patient." + text).select(PATIENT)
    except FhirError as error:
        assert error.hint


PATHS = st.sampled_from(
    [
        "Bundle.entry.resource.ofType(Patient).name[0].family",
        "Patient.name.given[1]",
        "Observation.value",
        "Patient.identifier.where(system='x' and use='y').value",
        "Patient.birthDate.extension('u').value.ofType(code)",
    ]
)
# fmt: off
WORDS = st.sampled_from((
    "entry", "resource", "resourceType", "Bundle", "Patient", "Observation", "name", "_name", "family", "given",
    "value", "valueQuantity", "_valueString", "identifier", "system", "x", "y", "use", "birthDate",
    "_birthDate", "extension", "url", "u",
))
# fmt: on
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


@settings(deadline=None)
@given(PATHS, st.sampled_from(["Bundle", "Patient", "Observation"]), st.dictionaries(WORDS, JSON, max_size=8))
def test_no_json_makes_a_path_fail(path: str, type: str, rest: dict[str, object]) -> None:
    body = orjson.dumps({**rest, "resourceType": type})
    for value in FhirPath.parse(path).select(read_exact(body)):
        assert value is not None
        assert isinstance(text_of(value), str)
