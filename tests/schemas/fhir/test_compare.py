"""Two FHIR resources compared path by path."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fhir.compare import MAX_ALIGNED, covers, differences
from schemas.fhir.error import FhirError
from schemas.fhir.path import FhirPath, text_of
from schemas.fhir.read import read_exact

PATIENT = (
    '{"resourceType":"Patient","active":true,"name":[{"family":"Ames","given":["Pen","Ann"]}],'
    '"identifier":[{"value":"1"},{"value":"2"},{"value":"3"}]}'
)
BUNDLE = (
    '{"resourceType":"Bundle","type":"message","entry":['
    f'{{"fullUrl":"urn:1","resource":{PATIENT}}},'
    '{"fullUrl":"urn:2","resource":{"resourceType":"Observation","valueQuantity":{"value":7.10}}},'
    '{"fullUrl":"urn:3","resource":{"resourceType":"Observation","status":"final"}}]}'
)


@pytest.mark.parametrize(
    ("body", "before", "after", "expected"),
    [
        (PATIENT, "", "", []),
        (PATIENT, '"active":true', '"active" : true', []),
        (PATIENT, '"family":"Ames","given":["Pen","Ann"]', '"given":["Pen","Ann"],"family":"Ames"', []),
        (PATIENT, "true", "false", [("Patient.active", "true", "false")]),
        (PATIENT, "true", '"true"', [("Patient.active", "true", "true")]),
        (PATIENT, '"active":true,', "", [("Patient.active", "true", "")]),
        (PATIENT, "Ames", "Amis", [("Patient.name[0].family", "Ames", "Amis")]),
        (PATIENT, '"Pen",', "", [("Patient.name[0].given[0]", "Pen", "")]),
        (PATIENT, '{"value":"1"},', "", [("Patient.identifier[0]", '{"value":"1"}', "")]),
        (PATIENT, '{"value":"2"}', '{"value":"9"}', [("Patient.identifier[1].value", "2", "9")]),
        (PATIENT, '{"value":"2"}', '{"value":"2"},{"value":"2b"}', [("Patient.identifier[2]", "", '{"value":"2b"}')]),
        (PATIENT, '"given":["Pen","Ann"]', '"use":"usual"', [
            ("Patient.name[0].given[0]", "Pen", ""), ("Patient.name[0].given[1]", "Ann", ""),
            ("Patient.name[0].use", "", "usual"),
        ]),
        (PATIENT, '["Pen","Ann"]', '"Pen"', [
            ("Patient.name[0].given[0]", "Pen", ""), ("Patient.name[0].given[1]", "Ann", ""),
            ("Patient.name[0].given", "", "Pen"),
        ]),
        (BUNDLE, "true", "false", [("Patient.active", "true", "false")]),
        (BUNDLE, "7.10", "7.1", [("Observation[0].valueQuantity.value", "7.10", "7.1")]),
        (BUNDLE, "final", "amended", [("Observation[1].status", "final", "amended")]),
        (BUNDLE, "urn:3", "urn:4", [("Bundle.entry[2].fullUrl", "urn:3", "urn:4")]),
        (BUNDLE, '{"fullUrl":"urn:2","resource":{"resourceType":"Observation","valueQuantity":{"value":7.10}}},', "", [
            ("Bundle.entry[1].fullUrl", "urn:2", ""),
            ("Observation[0]", '{"resourceType":"Observation","valueQuantity":{"value":7.10}}', ""),
        ]),
        (BUNDLE, '"type":"message",', '"type":"batch",', [("Bundle.type", "message", "batch")]),
    ],
)  # fmt: skip
def test_what_differs_is_named_by_its_path(
    body: str, before: str, after: str, expected: list[tuple[str, str, str]]
) -> None:
    assert before in body
    found = differences(body.encode(), body.replace(before, after, 1).encode())
    assert [tuple(each) for each in found] == expected


def test_other_resources_differ_as_a_whole() -> None:
    assert [
        tuple(each) for each in differences(b'{"resourceType":"Patient","id":"a"}', b'{"resourceType":"Group"}')
    ] == [("resourceType", "Patient", "Group")]


def test_an_entry_in_front_does_not_change_what_follows() -> None:
    added = BUNDLE.replace('"entry":[', '"entry":[{"resource":{"resourceType":"MessageHeader","id":"h"}},')
    assert [each.path for each in differences(BUNDLE.encode(), added.encode())] == ["MessageHeader"]


def test_very_long_lists_are_compared_too() -> None:
    def body(count: int, first: str) -> bytes:
        entries = [{"resource": {"resourceType": "Basic", "id": first if not each else "x"}} for each in range(count)]
        return orjson.dumps({"resourceType": "Bundle", "entry": entries})

    found = differences(body(MAX_ALIGNED + 2, "a"), body(MAX_ALIGNED + 1, "b"))
    assert [each.path for each in found] == ["Basic[0].id", f"Basic[{MAX_ALIGNED + 1}]"]


def test_what_is_no_resource_cannot_be_compared() -> None:
    with pytest.raises(FhirError):
        differences(b"{}", PATIENT.encode())


@pytest.mark.parametrize(
    ("path", "element", "is_covered"),
    [
        ("Patient.name", "Patient.name[1].family", True),
        ("Patient.name[1]", "Patient.name[1].family", True),
        ("Patient.name[0]", "Patient.name[1].family", False),
        ("Patient.name.family", "Patient.name[1].family", True),
        ("Patient.name", "Patient.names", False),
        ("Observation.status", "Observation[1].status", True),
        ("Observation[0]", "Observation[1].status", False),
        ("Patient[0].active", "Patient.active", True),
        ("Provenance", "Provenance.recorded", True),
        ("Patient.name.family", "Patient.name[1]", False),
    ],
)
def test_a_path_covers_what_is_within_it(path: str, element: str, is_covered: bool) -> None:
    assert covers(path, element) is is_covered


WORDS = ["entry", "resource", "resourceType", "name", "url", "Patient"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=20,
)
RESOURCE = st.builds(
    lambda name, rest: {**rest, "resourceType": name},
    st.sampled_from(["Bundle", "Patient"]),
    st.dictionaries(st.sampled_from(WORDS), JSON, max_size=4),
)


@settings(deadline=None)
@given(RESOURCE, RESOURCE)
def test_any_two_resources_can_be_compared(before: dict[str, Any], after: dict[str, Any]) -> None:
    one, other = orjson.dumps(before), orjson.dumps(after)
    assert differences(one, one) == []
    assert [path for path, *_ in differences(one, other)] or content(before) == content(after)


def content(value: Any) -> Any:
    """`value` without what FHIR does not have: nulls and empty elements."""
    if isinstance(value, dict):
        return {key: inner for key, each in value.items() if (inner := content(each)) not in (None, {}, [])}
    if isinstance(value, list):
        return [inner for each in value if (inner := content(each)) not in (None, {}, [])]
    return value


def test_a_difference_can_be_asked_for_by_its_path() -> None:
    for path, before, _ in differences(BUNDLE.encode(), BUNDLE.replace("7.10", "8").replace("Ann", "An").encode()):
        assert [text_of(each) for each in FhirPath.parse(path).select(read_exact(BUNDLE.encode()))] == [before]
