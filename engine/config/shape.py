"""A node -> what pydantic is given, led by the JSON schema of the option's type.

Texts stay texts, since the types themselves read them; what only YAML knows is settled here: a single value for a list,
`true` and `yes`, `none` for an option that may be left out, and keys that a nested model does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.config.suggest import did_you_mean
from engine.config.tree import Entries, Items, Node, Text

JsonSchema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the options at `node`, and the number of the rule that says so."""

    code: str
    node: Node
    what: str
    hint: str | None = None


_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


def resolve(schema: JsonSchema, root: JsonSchema) -> JsonSchema:
    """`schema` with its `$ref` into `root`'s `$defs` followed."""
    while "$ref" in schema:
        schema = root.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2], {})
    return schema


def branches(schema: JsonSchema, root: JsonSchema) -> list[JsonSchema]:
    """The alternatives that `schema` allows; itself when it is no union."""
    schema = resolve(schema, root)
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if not alternatives:
        return [schema]
    return [inner for each in alternatives for inner in branches(each, root)]


def branch(schema: JsonSchema, node: Node, root: JsonSchema) -> JsonSchema:
    """The alternative of `schema` that fits the kind of `node`."""
    found = [each for each in branches(schema, root) if each.get("type") != "null"]
    if isinstance(node, Entries):
        fitting = [each for each in found if _is_object(each)]
        if len(fitting) > 1:
            names = set(node.names())
            fitting.sort(key=lambda each: len(names - set(each.get("properties", {}))))
    elif isinstance(node, Items):
        fitting = [each for each in found if each.get("type") == "array"]
    else:
        fitting = [each for each in found if not _is_object(each) and each.get("type") != "array"]
    return (fitting or found or [{}])[0]


def shaped(schema: JsonSchema, node: Node, root: JsonSchema, problems: list[Problem]) -> Any:
    """What `node` comes to as plain Python for a type of this `schema`; unknown keys are left out and reported."""
    if isinstance(node, Text):
        return _text(schema, node, root)
    fit = branch(schema, node, root)
    if isinstance(node, Items):
        inner = fit.get("items", {}) if fit.get("type") == "array" else {}
        return [shaped(inner, item, root, problems) for item in node.items]
    properties = fit.get("properties", {})
    rest = fit.get("additionalProperties")
    is_model = fit is root or any(fit is known for known in root.get("$defs", {}).values())
    value: dict[str, Any] = {}
    for key, inside in node.entries:
        if key.text in properties:
            value[key.text] = shaped(properties[key.text], inside, root, problems)
        elif is_model and not isinstance(rest, dict):
            what = f"there is no option {key.text!r}" if properties else f"{key.text!r}: it takes no options"
            problems.append(Problem("HIE204", key, what, did_you_mean(key.text, properties)))
        else:
            value[key.text] = shaped(rest if isinstance(rest, dict) else {}, inside, root, problems)
    return [value] if fit.get("type") == "array" else value


def _text(schema: JsonSchema, node: Text, root: JsonSchema) -> Any:
    found = branches(schema, root)
    kinds = {str(each.get("type", "any")) for each in found}
    enumerated = any(node.text in each.get("enum", ()) or node.text == each.get("const") for each in found)
    if "null" in kinds and not enumerated and node.text == "none" and not _takes_any_text(found):
        return None
    if "boolean" in kinds and not enumerated and node.text.lower() in _TRUTH:
        return _TRUTH[node.text.lower()]
    if "array" in kinds and not kinds - {"array", "null", "object"}:
        inner = next(each for each in found if each.get("type") == "array").get("items", {})
        return [] if node.is_empty else [_text(inner, node, root)]
    return node.text


def _takes_any_text(found: list[JsonSchema]) -> bool:
    return any(each == {} or (each.get("type") == "string" and set(each) <= {"type", "title"}) for each in found)


def _is_object(schema: JsonSchema) -> bool:
    return schema.get("type") == "object" or "properties" in schema
