"""A resource against R4's own definitions: its elements, how often they may stand, their values and codes."""

from __future__ import annotations

import json
import re
from calendar import monthrange
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from schemas.fhir.elements import ANY_RESOURCE, PRIMITIVES, choices, element_names, element_type
from schemas.fhir.resource import Element, Resource
from schemas.fhir.types import RESOURCES
from schemas.finding import Finding

CodeSet = dict[str, frozenset[str]]
"""The codes of a value set by their systems."""

_NAME = re.compile(r"[A-Za-z]\w{0,63}\Z", re.ASCII)
_MOST_LISTED = 12
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,30})?"
_OFFSET = r"(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
_YEAR, _MONTH, _DAY = r"(?!0000)\d{4}", r"-(0[1-9]|1[0-2])", r"-(0[1-9]|[12]\d|3[01])"
_TEXTS = {
    "date": re.compile(rf"{_YEAR}({_MONTH}({_DAY})?)?\Z", re.ASCII),
    "dateTime": re.compile(rf"{_YEAR}({_MONTH}({_DAY}(T{_CLOCK}{_OFFSET})?)?)?\Z", re.ASCII),
    "instant": re.compile(rf"{_YEAR}{_MONTH}{_DAY}T{_CLOCK}{_OFFSET}\Z", re.ASCII),
    "time": re.compile(rf"{_CLOCK}\Z", re.ASCII),
    "id": re.compile(r"[A-Za-z0-9.-]{1,64}\Z"),
    "code": re.compile(r"\S+(\s\S+)*\Z"),
    "uri": re.compile(r"\S+\Z"),
    "url": re.compile(r"\S+\Z"),
    "canonical": re.compile(r"\S+\Z"),
    "oid": re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+\Z"),
    "xhtml": re.compile(r"\s*<div\s[^>]*xmlns=[\"']http://www\.w3\.org/1999/xhtml[\"']"),
    "base64Binary": re.compile(r"[0-9A-Za-z+/=\s]+\Z"),
    "uuid": re.compile(r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z"),
}
"""How R4 (2.24.0.1) has texts written that are no free ones."""
_HINTS = {
    "date": "YYYY, YYYY-MM or YYYY-MM-DD, in the calendar",
    "dateTime": "a date, with a time its seconds and offset as well: 2026-03-12T08:30:00+01:00",
    "instant": "with seconds and offset: 2026-03-12T08:30:00+01:00",
    "time": "hh:mm:ss",
}
_LEAST = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}


class _Shape(NamedTuple):
    """What R4 says of one type, ready for the walk."""

    elements: dict[str, tuple[str, bool, str]]
    """Type, whether it is a list, and the name of the value set that its codes must be of."""
    required: tuple[tuple[str, tuple[str, ...]], ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]


def structure(resource: Any, path: str) -> Iterator[Finding]:
    """What R4 (4.0.1) finds wrong in `resource`, which stands at `path`, and in what it contains."""
    if not isinstance(resource, dict):
        yield Finding("FHIR-303", path, "a resource is an object")
        return
    type = resource.get("resourceType")
    if not isinstance(type, str) or type not in RESOURCES:
        yield Finding("FHIR-301", path, "resourceType names no resource of R4")
        return
    yield from _parts(resource, type, path)


@cache
def code_set(name: str) -> CodeSet:
    """The codes of the value set `name`."""
    return {system: frozenset(codes) for system, codes in _table("codes.json")[name].items()}


def is_of(value: Any, codes: CodeSet) -> bool:
    """Whether a code, a Coding, or a coding of a CodeableConcept is in `codes`; true of what has no code at all."""
    if isinstance(value, str):
        return any(value in each for each in codes.values())
    if not isinstance(value, dict):
        return True
    codings = value.get("coding", [value] if "code" in value else [])
    codings = codings if isinstance(codings, list) else []
    given = [each for each in codings if isinstance(each, dict) and isinstance(each.get("code"), str)]
    return not given or any(each["code"] in codes.get(str(each.get("system")), ()) for each in given)


def listed(codes: CodeSet) -> str:
    """The codes of a small set as a hint, "" for a large one."""
    every = sorted(code for each in codes.values() for code in each)
    return ", ".join(every) if len(every) <= _MOST_LISTED else ""


def _parts(element: Any, of: str, path: str) -> Iterator[Finding]:
    """What is wrong in `element`, which is of the type `of`."""
    if not isinstance(element, dict):
        yield Finding("FHIR-303", path, "this is an object with parts")
        return
    if not element:
        yield Finding("FHIR-308", path, "an object without parts", "leave the element out")
        return
    shape = _shape(of)
    for name, value in element.items():
        known = shape.elements.get(name.removeprefix("_"))
        if known is None or (name[:1] == "_" and known[0] not in PRIMITIVES):
            yield _unknown(name, of, path)
            continue
        type, is_list, codes = known
        if not is_list and name[:1] != "_" and _is_right(value, type, codes):
            continue
        where = f"{path}.{name.removeprefix('_')}"
        if name[:1] == "_":
            yield from _beside(value, is_list, where)
        elif is_list:
            yield from _items(value, type, codes, where, element.get(f"_{name}"))
        else:
            yield from _one(value, type, codes, where)
    for stem, names in shape.required:
        if not any(each in element or f"_{each}" in element for each in names):
            yield Finding("FHIR-304", f"{path}.{stem}", "R4 requires this element")
    for stem, names in shape.choices:
        if sum(each in element or f"_{each}" in element for each in names) > 1:
            yield Finding("FHIR-307", f"{path}.{stem}", "a choice element has more than one value", "keep one of them")


def _items(value: Any, type: str, codes: str, path: str, beside: Any) -> Iterator[Finding]:
    if not isinstance(value, list):
        yield Finding("FHIR-303", path, "this element repeats, so JSON has a list", "put it in [ ]")
        return
    if not value:
        yield Finding("FHIR-308", path, "a list without items", "leave the element out")
    for number, each in enumerate(value):
        if each is None and isinstance(beside, list) and number < len(beside) and beside[number]:
            continue  # what is there stands beside it (R4, 2.6.2)
        if _is_right(each, type, codes):
            continue
        yield from _one(each, type, codes, f"{path}[{number}]")


def _one(value: Any, type: str, codes: str, path: str) -> Iterator[Finding]:
    if isinstance(value, list):
        yield Finding("FHIR-303", path, "this element does not repeat", "write it without [ ]")
    elif value is None:
        yield Finding("FHIR-308", path, "null stands for nothing", "leave the element out")
    elif type == ANY_RESOURCE:
        yield from structure(value, path)
    elif type in PRIMITIVES:
        wrong = _wrong(value, type)
        if wrong is not None:
            yield Finding(wrong[0], path, wrong[1], _HINTS.get(type, ""))
        elif codes and not is_of(value, code_set(codes)):
            yield _outside(codes, path)
    else:
        yield from _parts(value, type, path)
        if codes and not is_of(value, code_set(codes)):
            yield _outside(codes, path)


def _is_right(value: Any, type: str, codes: str) -> bool:
    """Whether `value` is a primitive that is right; most are, and need not be walked through."""
    if type not in PRIMITIVES or value is None:
        return False
    return _wrong(value, type) is None and (not codes or is_of(value, code_set(codes)))


def _beside(value: Any, is_list: bool, path: str) -> Iterator[Finding]:
    """The ids and extensions of primitives (R4, 2.6.2)."""
    if not is_list:
        yield from _parts(value, "Element", path)
    elif not isinstance(value, list):
        yield Finding("FHIR-303", path, "this element repeats, so JSON has a list", "put it in [ ]")
    else:
        for number, each in enumerate(value):
            if each is not None:
                yield from _parts(each, "Element", f"{path}[{number}]")


def _wrong(value: Any, type: str) -> tuple[str, str] | None:
    """The code and the reason why `value` is none of the primitive `type`; None when it is one."""
    if type == "boolean":
        return None if isinstance(value, bool) else ("FHIR-305", "this is true or false, without quotes")
    if type in _LEAST:
        whole = isinstance(value, int) and not isinstance(value, bool) and _LEAST[type] <= value < 2**31
        return None if whole else ("FHIR-305", f"this is a whole number ({type}), without quotes")
    if type == "decimal":
        number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        return None if number else ("FHIR-305", "this is a number, without quotes")
    if not isinstance(value, str):
        return "FHIR-305", f"this is a text ({type}), in quotes"
    if not value or value.isspace():
        return "FHIR-308", "an empty text"
    pattern = _TEXTS.get(type)
    if pattern is None or (pattern.match(value) and (type not in _HINTS or _is_in_calendar(value))):
        return None
    return "FHIR-305", f"this is not written as R4's {type} is"


def _is_in_calendar(value: str) -> bool:
    """Whether the day that a date, if it has one, or a time begins with is one of its month."""
    if value[7:8] != "-" or value[8:10] <= "28":
        return True
    return int(value[8:10]) <= monthrange(int(value[:4]), int(value[5:7]))[1]


def _unknown(name: str, of: str, path: str) -> Finding:
    plain = name.removeprefix("_")
    what = f"{of} has no such element in R4"
    if not _NAME.match(plain):  # a name of another kind may be anything, a patient's as well
        return Finding("FHIR-302", path, what)
    near = get_close_matches(plain, list(element_names(of)), 1)
    return Finding("FHIR-302", f"{path}.{plain}", what, f"did you mean {near[0]}?" if near else "")


def _outside(codes: str, path: str) -> Finding:
    return Finding("FHIR-306", path, f"the code is none of the value set {codes}", listed(code_set(codes)))


@cache
def _shape(of: str) -> _Shape:
    rules = _table("rules.json").get(of, {})
    codes = rules.get("codes", {})
    elements = {}
    for name in element_names(of):
        found = element_type(of, name)
        if found is not None:
            type = "id" if name == "id" and of in RESOURCES else found.type
            elements[name] = (type, found.is_list, codes.get(name, ""))
    stems = {stem: tuple(choices(of, stem)) for stem in rules.get("choices", ())}
    required = tuple((name, stems.get(name, (name,))) for name in rules.get("required", ()))
    return _Shape(elements, required, tuple(stems.items()))


@cache
def _table(file: str) -> dict[str, Element]:
    table: dict[str, Resource] = json.loads(Path(__file__).with_name(file).read_bytes())
    return table
