"""A resource as plain data, and its JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

Element = dict[str, Any]
"""An element of FHIR: a JSON object whose decimals are `Decimal`, so that 7.10 stays 7.10 (R4, 2.24.0.1)."""
Resource = Element
"""An `Element` with a `resourceType`."""


def dumps(resource: Resource, *, indent: bool = False) -> bytes:
    """The JSON of `resource` in UTF-8, its members in the order they were put in; with `indent`, two spaces a level."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE if indent else 0
    return orjson.dumps(resource, default=_number, option=options)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no place in JSON")
