"""JSON Schema (draft 2020-12) of the language, for editors: generated from the ends, the steps and the tables of keys.

An editor reads `01` and `true` as a number and a truth value where the engine reads texts: every text may be any scalar
here, and every typed value may be a text with `${...}` in it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from channels.ends import End
from engine.config.language import CHANNEL_KEYS, CHANNEL_NEEDS, MOST_PARALLEL, ROUTE_KEYS, ROUTE_NEEDS, keys_of, retry
from engine.config.options import Signature, signature_of
from engine.config.settings import signature as settings_signature
from engine.config.shape import JsonSchema
from transforms.step import StepFunction

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_SCALAR = ["string", "number", "boolean"]
_WRITTEN = {"type": "string", "pattern": r"\$\{"}
_DIGITS = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$|\$\{"}
_NAME = {"type": "string", "pattern": r"^[a-z0-9][a-z0-9_-]{0,59}$|\$\{"}
_TRUTH = {"enum": [True, False, "true", "false", "yes", "no"]}
_DURATION = {"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)$|\$\{", "examples": ["30s", "24h"]}
_OFF = {"enum": ["none", False, "no", "false"]}


def channel_schema(ends: Mapping[str, End], steps: Mapping[str, StepFunction]) -> JsonSchema:
    """The schema of a channel file with these ends and steps."""
    defs: dict[str, JsonSchema] = {}
    step = _one_of(steps, defs)
    condition: JsonSchema = {"type": "object", "description": ROUTE_KEYS["when"]}
    if "keep" in steps:
        condition = {**_editable(signature_of(steps["keep"]).schema), "description": ROUTE_KEYS["when"]}
    one_or_more = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/step"}}, {"$ref": "#/$defs/step"}]}
    defs["step"] = step
    defs["steps"] = one_or_more
    defs["inbound"] = _one_of({name: end.inbound for name, end in ends.items() if end.inbound is not None}, defs)
    defs["outbound"] = _one_of({name: end.outbound for name, end in ends.items() if end.outbound is not None}, defs)
    defs["route"] = _keys(
        ROUTE_KEYS,
        ROUTE_NEEDS,
        {
            "route": _NAME,
            "when": condition,
            "steps": {"$ref": "#/$defs/steps"},
            "outbound": {"$ref": "#/$defs/outbound"},
            "retry": _options(keys_of(retry), "retry", defs),
            "in_order": {"type": ["string", "boolean"]},
            "parallel": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_PARALLEL}, _DIGITS]},
        },
    )
    schema = _keys(
        CHANNEL_KEYS,
        CHANNEL_NEEDS,
        {
            "channel": _NAME,
            "description": {"type": _SCALAR},
            "enabled": {"anyOf": [_TRUTH, _WRITTEN]},
            "inbound": {"$ref": "#/$defs/inbound"},
            "steps": {"$ref": "#/$defs/steps"},
            "routes": {"type": "array", "items": {"$ref": "#/$defs/route"}},
            "repeats": {
                "anyOf": [
                    _DURATION,
                    _OFF,
                    {"type": "object", "properties": {"window": _DURATION}, "additionalProperties": False},
                ]
            },
        },
    )
    return {"$schema": DRAFT, "title": "A channel of hie", **schema, "$defs": defs}


def site_schema() -> JsonSchema:
    """The schema of `hie.yaml`."""
    defs: dict[str, JsonSchema] = {}
    schema = _options(settings_signature(), "", defs)
    return {"$schema": DRAFT, "title": "A site of hie: hie.yaml", **schema, "$defs": defs}


def _keys(known: Mapping[str, str], needed: tuple[str, ...], types: Mapping[str, JsonSchema]) -> JsonSchema:
    return {
        "type": "object",
        "properties": {name: {**types[name], "description": text} for name, text in known.items()},
        "required": list(needed),
        "additionalProperties": False,
    }


def _one_of(functions: Mapping[str, Callable[..., Any]], defs: dict[str, JsonSchema]) -> JsonSchema:
    """A name alone, or a mapping of one name to its options."""
    alone, mappings = [], []
    for name, function in sorted(functions.items()):
        signature = signature_of(function)
        options = _options(signature, name, defs)
        if not any(option.required for option in signature.options):
            alone.append({"const": name, "description": signature.summary})
            options = {"anyOf": [options, {"type": "null"}]}
        mappings.append(
            {
                "type": "object",
                "description": signature.summary,
                "properties": {name: {**options, "description": signature.summary}},
                "required": [name],
                "additionalProperties": False,
            }
        )
    return {"anyOf": [*alone, *mappings]}


def _options(signature: Signature, name: str, defs: dict[str, JsonSchema]) -> JsonSchema:
    """The options of one signature, called `name`; the types that it refers to move to `defs`."""
    schema: JsonSchema = _editable(signature.schema)
    for inner, each in schema.pop("$defs", {}).items():
        defs.setdefault(inner, each)
    return {**schema, "title": name} if name else schema


def _editable(schema: Any) -> Any:
    """`schema` as an editor can use it: its YAML has numbers and truth values, its formats are JSON Schema's own."""
    if isinstance(schema, list):
        return [_editable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner: JsonSchema = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            inner[key] = {name: _editable(each) for name, each in value.items()}
        elif key in ("items", "anyOf", "oneOf", "allOf", "additionalProperties"):
            inner[key] = _editable(value)
        elif key not in ("format", "propertyNames", "writeOnly"):  # formats are the engine's own
            inner[key] = value
    return _also(inner, [_DURATION]) if schema.get("format") == "duration" else _written(inner)


def _written(inner: JsonSchema) -> JsonSchema:
    """`inner` with every way in which a value of its type may be written."""
    match inner.get("type"):
        case "null":
            return {"const": "none"}
        case "array" if "items" in inner:
            return _also(inner, [_bare(inner), inner["items"]])
        case "boolean":
            return _also(inner, [_TRUTH, _WRITTEN])
        case "integer" | "number":
            return _also(inner, [_bare(inner), _DIGITS])
        case "string" if "enum" in inner:
            words = [str(each) for each in inner["enum"]]
            return _also(inner, [{"enum": [*words, *_as_read(words)]}, _WRITTEN])
        case "string" if "const" in inner:
            return _also(inner, [{"const": inner["const"]}, _WRITTEN])
        case "string" if "pattern" not in inner:
            return {**inner, "type": _SCALAR}
    return inner


_ABOUT = ("description", "default", "title", "examples")


def _bare(schema: JsonSchema) -> JsonSchema:
    return {key: value for key, value in schema.items() if key not in _ABOUT}


def _also(schema: JsonSchema, alternatives: list[JsonSchema]) -> JsonSchema:
    return {**{key: schema[key] for key in _ABOUT if key in schema}, "anyOf": alternatives}


def _as_read(words: list[str]) -> list[object]:
    """What an editor's YAML makes of those `words` that look like numbers or truth values."""
    found: list[object] = []
    for word in words:
        with contextlib.suppress(ValueError):
            found.append(float(word))
        if word in ("true", "false"):
            found.append(word == "true")
    return found
