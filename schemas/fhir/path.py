"""The address of elements in a FHIR resource: a small, exact part of FHIRPath."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

from schemas.fhir.error import FhirError
from schemas.fhir.resource import Resource, dumps
from schemas.fhir.types import CHOICES, RESOURCES

LONGEST = 500
"""How long a path may be, in characters."""

_START = re.compile(r"[A-Z][a-z][A-Za-z]*(?=[.\[])")
_INDEX = r"(?:\[(0|[1-9]\d{0,5})\])?"
_TYPE = re.compile(rf"([A-Z][A-Za-z]*){_INDEX}")
_NAME = re.compile(rf"\.([a-z_][A-Za-z0-9]*){_INDEX}(?![A-Za-z0-9_(\[])")
_OF_TYPE = re.compile(rf"\.ofType\(\s*([A-Za-z][A-Za-z0-9]*)\s*\){_INDEX}")
_LITERAL = r"'((?:[^'\\]|\\['\\])*)'"
_EXTENSION = re.compile(rf"\.extension\(\s*{_LITERAL}\s*\){_INDEX}")
_TEST = rf"([a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)*)\s*=\s*(?:{_LITERAL}|(true|false))"
_WHERE = re.compile(rf"\.where\(\s*({_TEST}(?:\s+and\s+{_TEST})*)\s*\){_INDEX}")
_TESTS = re.compile(_TEST)
_ESCAPED = re.compile(r"\\(['\\])")

_LIKELY_MISTAKES = (
    (re.compile(r".*\[\*\]"), "without an index a path means every one: Patient.identifier.value"),
    (re.compile(r'.*"'), "texts stand in single quotes: where(system='http://example.org')"),
    (re.compile(r"[A-Z][A-Za-z]*-"), "an element follows a dot: Patient.name"),
    (re.compile(r".*\.\d"), "an index is written in square brackets and counts from 0: Patient.name[0]"),
    (re.compile(r".*\("), "what can be asked is ofType(Type), where(element='text') and extension('url')"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a path: the element `name`, or the filter that stands there; `index` is None where none is written.

    `kind` is `name`, `type` (`name` is the type that is kept), or `where` (every one of `tests` must hold).
    """

    kind: str
    name: str = ""
    index: int | None = None
    tests: tuple[tuple[tuple[str, ...], str | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class FhirPath:
    """A type and the steps from there, with FHIRPath's own counting from 0.

    `Patient.name[0].family`, `Bundle.entry.resource.ofType(Patient).birthDate`,
    `Patient.identifier.where(system='http://x').value`, `Observation.value` for whatever type the value has.
    """

    text: str
    type: str
    index: int | None
    steps: tuple[Step, ...]

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(text: str) -> FhirPath:
        """The path that `text` writes; raises `FhirError`."""
        found = _TYPE.match(text) if len(text) <= LONGEST else None
        if found is None:
            raise FhirError(f"{text[:40]!r} is not a path into a FHIR resource", hint=_hint(text))
        type, index = found.groups()
        if type not in RESOURCES:
            near = get_close_matches(type, RESOURCES, 1)
            hint = f"did you mean {near[0]}?" if near else "for example Patient.name or Bundle.entry"
            raise FhirError(f"{type[:40]!r} is no type of resource in FHIR R4", hint=hint)
        steps, position = [], found.end()
        while position < len(text):
            step, position = _step(text, position)
            steps.append(step)
        return FhirPath(text, type, _number(index), tuple(steps))

    @property
    def is_plain(self) -> bool:
        """Whether it is names and indexes alone, and so one place that can be written to."""
        return bool(self.steps) and all(step.kind == "name" and step.name[0] != "_" for step in self.steps)

    def select(self, resource: Resource) -> list[Any]:
        """Every value at this path in `resource`, in the order in which they stand there.

        Where `resource` is a Bundle and the path begins with another type, it begins at each entry of that type.
        """
        items = _picked(list(_starts(resource, self.type)), self.index)
        for step in self.steps:
            items = _picked(list(_after(step, items)), step.index)
        return [item.value for item in items if item.value is not None]

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=4096)
def is_fhir_path(text: str) -> bool:
    """Whether `text` is written as a path into a FHIR resource is: a type, then a dot; or a type alone."""
    return _START.match(text) is not None or text in RESOURCES


def text_of(value: Any) -> str:
    """`value` as text: truth values and numbers as JSON writes them, what has parts as compact JSON."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
    return dumps(value).decode()


def _step(text: str, position: int) -> tuple[Step, int]:
    if found := _NAME.match(text, position):
        return Step("name", found[1], _number(found[2])), found.end()
    if found := _OF_TYPE.match(text, position):
        return Step("type", found[1][0].upper() + found[1][1:], _number(found[2])), found.end()
    if found := _EXTENSION.match(text, position):
        test = (("url",), _unescaped(found[1]))
        return Step("where", "extension", _number(found[2]), (test,)), found.end()
    if found := _WHERE.match(text, position):
        tests = tuple(_test(each) for each in _TESTS.finditer(found[1]))
        return Step("where", "", _number(found.group(found.re.groups)), tests), found.end()
    raise FhirError(f"{text[:40]!r} is not a path into a FHIR resource", hint=_hint(text))


def _test(found: re.Match[str]) -> tuple[tuple[str, ...], str | bool]:
    literal: str | bool = found[3] == "true" if found[3] else _unescaped(found[2])
    return tuple(found[1].split(".")), literal


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _number(written: str | None) -> int | None:
    return None if written is None else int(written)


def _hint(text: str) -> str:
    for mistake, hint in _LIKELY_MISTAKES:
        if mistake.match(text):
            return hint
    return "for example Patient.name[0].family or Observation.code.coding.where(system='http://loinc.org').code"


class _Item(NamedTuple):
    """A value on the way: the type that its choice element names, and the object beside a primitive (`_birthDate`)."""

    value: Any
    type: str = ""
    beside: Any = None


def _starts(resource: Resource, type: str) -> Iterator[_Item]:
    if resource.get("resourceType") == type:
        yield _Item(resource)
    elif resource.get("resourceType") == "Bundle":
        entries = resource.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            inner = entry.get("resource") if isinstance(entry, dict) else None
            if isinstance(inner, dict) and inner.get("resourceType") == type:
                yield _Item(inner)


def _picked(items: list[_Item], index: int | None) -> list[_Item]:
    return items if index is None else items[index : index + 1]


def _after(step: Step, items: list[_Item]) -> Iterator[_Item]:
    for item in items:
        if step.kind == "name":
            yield from _named(item, step.name)
        elif step.kind == "type":
            if item.type == step.name or (isinstance(item.value, dict) and item.value.get("resourceType") == step.name):
                yield item
        else:
            found = _named(item, step.name) if step.name else (item,)
            yield from (each for each in found if all(_holds(each, *test) for test in step.tests))


def _named(item: _Item, name: str) -> Iterator[_Item]:
    parent = item.value if isinstance(item.value, dict) else item.beside
    if not isinstance(parent, dict):
        return
    beside = parent.get(f"_{name}")
    if name in parent or beside is not None:
        yield from _values(parent.get(name), "", beside)
        return
    for key, value in parent.items():
        # A choice element is never a list, which tells it from one whose longer name only looks like it.
        if key.startswith(name) and key[len(name) :] in CHOICES and not isinstance(value, list):
            yield _Item(value, key[len(name) :], parent.get(f"_{key}"))


def _values(value: Any, type: str, beside: Any) -> Iterator[_Item]:
    if isinstance(value, list) or isinstance(beside, list):
        values = value if isinstance(value, list) else []
        others = beside if isinstance(beside, list) else []
        for number in range(max(len(values), len(others))):
            yield _Item(
                values[number] if number < len(values) else None, type, others[number] if number < len(others) else None
            )
    else:
        yield _Item(value, type, beside)


def _holds(item: _Item, names: tuple[str, ...], literal: str | bool) -> bool:
    """As FHIRPath's `=`: exactly one value stands there and it is the literal."""
    found = [item]
    for name in names:
        found = [inner for each in found for inner in _named(each, name)]
    values = [each.value for each in found if each.value is not None]
    return len(values) == 1 and values[0] == literal and isinstance(values[0], type(literal))
