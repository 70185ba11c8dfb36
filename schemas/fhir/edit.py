"""Single elements of a resource written and removed, by plain paths, to what R4 says they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from schemas.fhir.elements import ANY_RESOURCE, ElementType, choices, element_names, element_type
from schemas.fhir.error import FhirError
from schemas.fhir.path import FhirPath, Step
from schemas.fhir.resource import Element, Resource
from schemas.fhir.types import CHOICES

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,9})\Z", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,30})(\.\d{1,30})?\Z", re.ASCII)
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
"""The extension that says why a value is not there."""

_GONE: Any = object()


def written_path(text: str, *, to_set: bool = True) -> FhirPath:
    """The path `text` as one to write to; raises `FhirError` unless it is names and indexes that R4 knows.

    With `to_set`, what it leads to must be one JSON value.
    """
    path = FhirPath.parse(text)
    if not path.is_plain:
        raise FhirError(
            f"{text[:60]} can be read and not written to",
            hint="write to names and indexes alone: Patient.name[0].family, Observation.valueString",
        )
    type = path.type
    for step in path.steps:
        if type == ANY_RESOURCE:  # the message will say which
            return path
        found = _known(type, step, text)
        type = found.type
    if to_set:
        _primitive(found, text)
    return path


def set_text(resource: Resource, path: FhirPath, text: str) -> None:
    """Put `text` at `path`, as the JSON value that R4 says; the empty text removes the element. Raises `FhirError`.

    Missing elements on the way are made, an item of a list when its index is the next. Without an index into a list,
    the text goes into every item that there is.
    """
    if not text:
        remove(resource, [path])
        return
    starts = list(_starts(resource, path))
    if not starts:
        raise FhirError(f"there is no {path.type} in the body", where=str(path))
    for start in starts:
        _set(start, path.type, path.steps, text, str(path))


def remove(resource: Resource, paths: list[FhirPath]) -> None:
    """Remove what is at `paths`, all counted in `resource` as it is now; what is not there is passed over.

    Items of a list move up; what has no parts left goes as well, for FHIR has no empty elements.
    """
    for path in paths:
        for start in _starts(resource, path):
            _mark(start, path.steps)
    _sweep(resource)


def _starts(resource: Resource, path: FhirPath) -> Iterator[Resource]:
    yield from FhirPath(path.type, path.type, path.index, ()).select(resource)


def _known(type: str, step: Step, text: str) -> ElementType:
    found = element_type(type, step.name)
    if found is not None:
        if step.index is not None and not found.is_list:
            raise FhirError(f"{step.name} of {type} is no list", hint="write it without an index", where=text[:60])
        return found
    several = choices(type, step.name)
    near = get_close_matches(step.name, list(element_names(type)), 1)
    hint = f"did you mean {near[0]}?" if near else ""
    if several:
        hint = f"write it with its type: {', '.join(several[:4])}"
    raise FhirError(f"{type} has no element {step.name[:40]} to write to", hint=hint, where=text[:60])


def _primitive(found: ElementType, text: str) -> None:
    if not found.is_primitive:
        raise FhirError(f"a {found.type} has parts", hint="write to one of them", where=text[:60])


def _set(holder: Element, type: str, steps: tuple[Step, ...], text: str, where: str) -> None:
    step, *rest = steps
    if type == ANY_RESOURCE:
        type = str(holder.get("resourceType"))
    found = _known(type, step, where)
    if not rest:
        _primitive(found, where)
        value: Any = _value(found.type, text, where)
    if step.name not in holder:
        _no_other_choice(holder, type, step.name, where)
    if not found.is_list:
        if not rest:
            holder[step.name] = value
            _is_there(holder, step.name)
        else:
            inner = holder.setdefault(step.name, {})
            _set(_element(inner, where), found.type, tuple(rest), text, where)
        return
    items = holder.setdefault(step.name, []) if step.index is not None else holder.get(step.name, [])
    if not isinstance(items, list):
        raise FhirError(f"{step.name} of {type} is no list in this message", where=where)
    if step.index is not None and step.index > len(items):
        what = f"there is no item {step.index - 1} of {step.name} yet"
        raise FhirError(what, hint="write them in order", where=where)
    if step.index == len(items):
        items.append({} if rest else value)
    for number in range(len(items)) if step.index is None else (step.index,):
        if rest:
            _set(_element(items[number], where), found.type, tuple(rest), text, where)
        else:
            items[number] = value


def _element(value: Any, where: str) -> Element:
    if not isinstance(value, dict):
        raise FhirError("an element on the way has no parts in this message", where=where)
    return value


def _no_other_choice(holder: Element, type: str, name: str, where: str) -> None:
    """Raise where writing `name` would give its choice element a second value."""
    for suffix in CHOICES:
        stem = name.removesuffix(suffix)
        if stem and stem != name:
            others = [each for each in choices(type, stem) if each != name and each in holder]
            if others and name in choices(type, stem):
                raise FhirError(f"the message has {others[0]} already", hint="remove it in a step before", where=where)


def _is_there(holder: Element, name: str) -> None:
    """Take back what says why the value of `name` was absent."""
    beside = holder.get(f"_{name}")
    extensions = beside.get("extension") if isinstance(beside, dict) else None
    if isinstance(extensions, list):
        extensions[:] = [_GONE if isinstance(each, dict) and each.get("url") == ABSENT else each for each in extensions]
        _sweep(holder)


def _value(type: str, text: str, where: str) -> str | bool | int | Decimal:
    match type:
        case "boolean":
            if text in ("true", "false"):
                return text == "true"
            raise FhirError("this element takes true or false", where=where)
        case "integer" | "positiveInt" | "unsignedInt":
            if _WHOLE.match(text) and not (text[0] == "-" and type != "integer") and (text != "0" or type[0] != "p"):
                return int(text)
            raise FhirError(f"this element takes a whole number ({type})", where=where)
        case "decimal":
            if _DECIMAL.match(text):
                return Decimal(text)
            raise FhirError("this element takes a decimal number", where=where)
    return text


def _mark(holder: Any, steps: tuple[Step, ...]) -> None:
    step, *rest = steps
    if not isinstance(holder, dict):
        return
    inner = holder.get(step.name)
    if rest:
        for each in _picked(inner, step.index):
            _mark(each, tuple(rest))
        return
    for name in (step.name, f"_{step.name}"):
        value = holder.get(name)
        if step.index is None and name in holder:
            holder[name] = _GONE
        elif step.index is not None and isinstance(value, list) and step.index < len(value):
            value[step.index] = _GONE


def _picked(value: Any, index: int | None) -> list[Any]:
    if not isinstance(value, list):
        return [value] if index in (None, 0) else []
    return value if index is None else value[index : index + 1]


def _sweep(value: Any) -> bool:
    """Take what is gone out of `value`; whether nothing is left of it because of that."""
    if isinstance(value, dict):
        gone = [key for key, inner in value.items() if inner is _GONE or _sweep(inner)]
        for key in gone:
            del value[key]
        return bool(gone) and not value
    if isinstance(value, list):
        kept = [inner for inner in value if inner is not _GONE and not _sweep(inner)]
        changed = len(kept) != len(value)
        value[:] = kept
        return changed and not kept
    return False
