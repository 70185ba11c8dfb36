"""FHIR JSON in: strict about what is damaged, and lossless for decimals, whose digits mean something."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import orjson

from schemas.fhir.error import FhirError
from schemas.fhir.resource import Resource, dumps

MOST_DEPTH = 100
"""How deep objects and arrays may be nested."""
MOST_BYTES = 256 << 20
"""How large a body may be that is read."""

_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_MOST_PLACES = 400  # a double reaches to 308, and digits beyond that are no measurement


def read(body: bytes) -> Resource:
    """The resource in `body`, UTF-8 with or without a mark; raises `FhirError`.

    Refuses what is no JSON object with a `resourceType`, a key that stands twice, NaN, and what is nested too deeply.
    Decimals are floats, which is what questions need; `read_exact` keeps their digits.
    """
    content = _content(body)
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        # The parser's words and the place quote nothing of the body.
        raise FhirError(f"the body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str) or not value["resourceType"]:
        raise FhirError("the body is no FHIR resource", hint="a JSON object with a resourceType")
    # Every key is followed by a colon, and little else is: only where the counts differ must the keys be looked at.
    if content.translate(None, _SPACE).count(b'":') != _keys(value):
        _exact(content)
    return value


def read_exact(body: bytes) -> Resource:
    """As `read`, with every decimal as a `Decimal` of the digits it was written in."""
    read(body)
    return _exact(_content(body))


def indented(body: bytes) -> str:
    """The resource in `body` with a line for each value; raises `FhirError`."""
    return dumps(read_exact(body), indent=True).decode().rstrip("\n")


def _content(body: bytes) -> bytes:
    if len(body) > MOST_BYTES:
        raise FhirError(f"the body is larger than {MOST_BYTES >> 20} MB")
    return body.removeprefix(_MARK)


def _keys(resource: Resource) -> int:
    """How many keys the objects in `resource` have together."""
    level: list[Any] = [resource]
    count = depth = 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise FhirError(f"the body is nested more than {MOST_DEPTH} deep")
        inner: list[Any] = []
        for each in level:
            values = each
            if type(each) is dict:
                count += len(each)
                values = each.values()
            inner += [value for value in values if type(value) is dict or type(value) is list]
        level = inner
    return count


def _object(pairs: list[tuple[str, Any]]) -> Resource:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise FhirError("a key stands twice in one object", hint="readers differ in which of the two they take")
    return made


def decimal(text: str) -> Decimal:
    """The number that `text` writes, in its own digits; raises `FhirError`."""
    try:
        number = Decimal(text)
        exponent = number.as_tuple().exponent
    except InvalidOperation:
        exponent = "F"  # as that of an infinite one
    if not isinstance(exponent, int) or abs(exponent) > _MOST_PLACES:
        raise FhirError(f"a number has an exponent beyond {_MOST_PLACES}")
    return number


def _integer(text: str) -> Decimal | int:
    # Past 64 bits it is no integer of FHIR, and Python would take its time over the digits.
    return int(text) if len(text) < 19 else decimal(text)


def _refuse(_: str) -> NoReturn:
    raise FhirError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=decimal, parse_int=_integer, parse_constant=_refuse)


def _exact(content: bytes) -> Resource:
    made: Resource = _DECODER.decode(content.decode())
    return made
