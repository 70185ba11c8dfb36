"""FHIR JSON as it comes: what is read, what is refused, and that no digit of a decimal is lost."""

from decimal import Decimal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fhir import dumps
from schemas.fhir.error import FhirError
from schemas.fhir.read import MOST_DEPTH, read, read_exact


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceType":"Patient"}',
        b'\xef\xbb\xbf {"resourceType": "Patient", "id": "a"}\r\n',
        b'{"resourceType":"Basic","text":"a \\":\\" b","other":":","more":"\\":"}',
        b'{"resourceType":"Basic","a":{"x":1},"b":{"x":2}}',
        b'{"resourceType":"Basic","a":12345678901234567890123,"b":-0.00,"c":1e-300}',
    ],
)
def test_a_resource_is_read(body: bytes) -> None:
    assert read(body)["resourceType"] == read_exact(body)["resourceType"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b'{"resourceType":"Patient",}', "no JSON"),
        (b'{"resourceType":"Patient","x":NaN}', "no JSON"),
        (b'{"resourceType":"Patient","x":Infinity}', "no JSON"),
        (b'{"resourceType":"Patient","x":1e999}', "no JSON"),
        (b'{"resourceType":"Patient","x":"\xff"}', "no JSON"),
        (b'{"resourceType":"Patient","x":"\\ud800"}', "no JSON"),
        (b'{"resourceType":"Patient"} x', "no JSON"),
        (b"[]", "no FHIR resource"),
        (b"{}", "no FHIR resource"),
        (b'{"resourceType":""}', "no FHIR resource"),
        (b'{"resourceType":["Patient"]}', "no FHIR resource"),
        (b'{"resourceType":"Patient","id":"a","id":"b"}', "stands twice"),
        (b'{"resourceType":"Patient","name":[{"family":"a","\\u0066amily" :"b"}]}', "stands twice"),
        (b'{"resourceType":"Patient","x":' + b"[" * MOST_DEPTH + b"]" * MOST_DEPTH + b"}", "nested"),
        (b'{"resourceType":"Patient","x":' + b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_damaged_is_refused(body: bytes, why: str) -> None:
    for reader in (read, read_exact):
        with pytest.raises(FhirError, match=why):
            reader(body)


@pytest.mark.parametrize("number", ["1e-999", "0e9999999999", "1.5e-99999999999999999999"])
def test_an_exponent_that_would_fill_the_memory_is_refused(number: str) -> None:
    with pytest.raises(FhirError, match="exponent"):
        read_exact(b'{"resourceType":"Basic","x":' + number.encode() + b"}")


def test_a_refusal_quotes_nothing() -> None:
    with pytest.raises(FhirError) as refused:
        read(b'{"resourceType":"Patient","name":Ames}')
    assert "Ames" not in str(refused.value)
    assert "column 34" in str(refused.value)


@pytest.mark.parametrize(
    "number", ["7.10", "0.0", "-0.00", "100.000", "3", "-5", "123456789012345678901", "0.10000000000000000001"]
)
def test_decimals_keep_their_digits(number: str) -> None:
    body = b'{"resourceType":"Basic","x":' + number.encode() + b"}"
    assert dumps(read_exact(body)) == body


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for content in (body, b'{"resourceType":"A","x":"' + body + b'"}', b'{"resourceType":"A",' + body + b"}"):
        try:
            read(content)
            exact = read_exact(content)
        except FhirError:
            continue
        assert exact["resourceType"]


LEAVES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**6), max_value=10**6)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=6),
        st.recursive(
            LEAVES | NUMBERS,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=12,
        ),
        max_size=5,
    )
)
def test_what_is_written_is_read_back(rest: dict[str, object]) -> None:
    resource = {"resourceType": "Basic", **{key: value for key, value in rest.items() if key != "resourceType"}}
    body = dumps(resource)
    assert read_exact(body) == resource
    assert dumps(read_exact(body)) == body
    assert orjson.loads(body) == read(body)
    assert isinstance(read_exact(b'{"resourceType":"A","x":1.0}')["x"], Decimal)
