"""A message whose body is FHIR: its texts by path, through the same questions as for HL7 v2."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fhir.error import FhirError
from schemas.message import FHIR, HL7V2, TEXT, Message

BODY = (
    b'{"resourceType":"Observation","status":"final","valueQuantity":{"value":7.10,"unit":"mmol/L"},'
    b'"component":[{"valueInteger":3},{"valueQuantity":{"value":1.50}}],"subject":{"reference":"Patient/4711"}}'
)


def message(body: bytes = BODY, format: str = FHIR) -> Message:
    return Message("0" * 32, "adt", format, body, datetime(2026, 1, 1, tzinfo=UTC), attributes={"a.b": "c"})


@pytest.mark.parametrize(
    ("path", "first", "texts"),
    [
        ("Observation.status", "final", ["final"]),
        ("Observation.value.value", "7.10", ["7.10"]),
        ("Observation.value", '{"value":7.10,"unit":"mmol/L"}', ['{"value":7.10,"unit":"mmol/L"}']),
        ("Observation.component.value", "3", ["3", '{"value":1.50}']),
        ("Observation.code", "", []),
        ("Patient.id", "", []),
        ("PID-3.1", "", []),
        ("a.b", "c", ["c"]),
        ("message.format", "fhir", ["fhir"]),
    ],
)
def test_texts_by_path(path: str, first: str, texts: list[str]) -> None:
    assert message().get(path) == first
    assert message().get_all(path) == texts


def test_a_template_is_filled_from_fhir() -> None:
    assert message().fill("{Observation.value.value} {{{Observation.value.unit}}}") == "7.10 {mmol/L}"


@pytest.mark.parametrize(("format", "body"), [(HL7V2, b"MSH|^~\\&|A|B|||||ADT^A01|1|P|2.5\r"), (TEXT, b"a note")])
def test_a_path_into_fhir_gives_nothing_of_another_format(format: str, body: bytes) -> None:
    assert message(body, format).get("Patient.id") == ""
    assert message(body, format).get_all("Patient.id") == []


def test_what_is_no_resource_says_so() -> None:
    with pytest.raises(FhirError, match="no FHIR resource"):
        message(b"[]").get("Patient.id")
    with pytest.raises(FhirError, match="no type of resource"):
        message().get("Patiant.id")


@settings(deadline=None)
@given(st.binary(max_size=80) | st.builds(lambda rest: b'{"resourceType":"Patient",' + rest, st.binary(max_size=80)))
def test_any_bytes_are_a_resource_or_refused(body: bytes) -> None:
    one = message(body)
    try:
        assert isinstance(one.fhir, dict)
    except FhirError as error:
        assert str(error)
        return
    assert isinstance(one.get("Patient.name.family"), str)
