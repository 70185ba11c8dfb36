"""Resources against profiles: US Core 6.1.0 and Da Vinci Unsolicited Notifications 1.1.0, as `profiles.json` has them.

Held are the elements that a profile requires or forbids, fixed values and patterns, slices that are told apart by them,
required bindings to small value sets, the types of references and of choice elements, and of its invariants those that
ask for one of some elements.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from schemas.fhir.edit import ABSENT
from schemas.fhir.resource import Element, Resource
from schemas.fhir.structure import code_set, is_of, listed
from schemas.fhir.types import CHOICES
from schemas.finding import Finding, Severity

TypeOf = Callable[[str], str]
"""The type of the resource that a reference leads to, "" where it is not known."""

_US_CORE = "us-core-"
_SPECIAL = ("Device",)  # US Core's profile is of implants alone
_REFERENCE = re.compile(r"(?:\A|/)([A-Z][A-Za-z]{2,60})/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?\Z")


def own_type(reference: str) -> str:
    """The type that a literal reference names itself: Patient of `Patient/1`."""
    found = _REFERENCE.search(reference)
    return found.group(1) if found else ""


def named(resource: Resource, path: str) -> Iterator[str | Finding]:
    """The shipped profiles that `meta.profile` names, and a note for each other one."""
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for number, url in enumerate(profiles if isinstance(profiles, list) else ()):
        name = _by_url().get(url.partition("|")[0]) if isinstance(url, str) else None
        if name is not None and _table()[name]["type"] == resource["resourceType"]:
            yield name
        else:
            where = f"{path}.meta.profile[{number}]"
            what = "there are no rules of this profile here for a resource of this type, so it was not checked"
            yield Finding("FHIR-319", where, what, severity=Severity.INFORMATION)


def usual(type: str) -> str | None:
    """The one profile that US Core has for `type`; None where it has none, or several of which one must be named."""
    return _usual().get(type)


def against(resource: Resource, profile: str, path: str, type_of: TypeOf = own_type) -> Iterator[Finding]:
    """What `profile` (`us-core-patient`), and the one that it builds on, find wrong in `resource` at `path`."""
    rules = _table()[profile]
    if "base" in rules:
        yield from against(resource, rules["base"], path, type_of)
    yield from _Held(profile, type_of).parts(resource, rules, path)


class _Held:
    """One resource held to one profile."""

    def __init__(self, profile: str, type_of: TypeOf) -> None:
        self._profile = profile
        self._type_of = type_of

    def parts(self, element: Element, whole: Element, path: str) -> Iterator[Finding]:
        """What the rules of `element`, `whole`, find in its parts."""
        if _says_why(element):
            return
        for need in whole.get("any", ()):
            yield from self._any(element, need, path)
        for name, rule in whole.get("parts", {}).items():
            if name.endswith("[x]"):
                yield from self._choice(element, name[:-3], rule, path)
            else:
                yield from self._element(element, name, rule, f"{path}.{name}")

    def _any(self, element: Element, need: Element, path: str) -> Iterator[Finding]:
        """One of several elements, perhaps only where another has one of some values: invariants of that kind."""
        names: list[str] = need["one"]
        for name, values in need.get("when", {}).items():
            if element.get(name) not in values:
                return
        if not any(name in element or f"_{name}" in element or _present(element, name) for name in names):
            where = f"{path}.{names[0]}" if len(names) == 1 else path
            cases = [f"where {name} is {', '.join(values)}" for name, values in need.get("when", {}).items()]
            yield self._finding("FHIR-318", where, f"requires {' or '.join(names)}", "; ".join(cases))

    def _choice(self, element: Element, stem: str, rule: Element, path: str) -> Iterator[Finding]:
        present = _present(element, stem)
        only = rule.get("only", present)
        if not present and rule.get("min"):
            yield self._finding("FHIR-311", f"{path}.{stem}", "requires this element", ", ".join(only))
        for name in present:
            if name not in only:
                yield self._finding("FHIR-316", f"{path}.{name}", "allows other types of this value", ", ".join(only))
            else:
                inner = {key: value for key, value in rule.items() if key not in ("min", "only")}
                yield from self._element(element, name, inner, f"{path}.{name}")

    def _element(self, element: Element, name: str, rule: Element, path: str) -> Iterator[Finding]:
        value = element.get(name)
        values = value if isinstance(value, list) else [value] if value is not None else []
        count = max(len(values), 1 if element.get(f"_{name}") else 0)
        least, most = rule.get("min", 0), rule.get("max")
        if count < least:
            what = "requires this element" if least == 1 else f"requires at least {least} of this element"
            yield self._finding("FHIR-311", path, what)
        if most is not None and count > most:
            what = "does not allow this element" if most == 0 else f"allows at most {most} of this element"
            yield self._finding("FHIR-312", path, what)
        for number, each in enumerate(values):
            place = f"{path}[{number}]" if isinstance(value, list) else path
            yield from self._one(each, rule, place)
        for piece in rule.get("slices", ()):
            yield from self._slice(values, piece, path)

    def _one(self, value: Any, rule: Element, path: str) -> Iterator[Finding]:
        if "like" in rule and not _like(value, rule["like"]):
            yield self._finding("FHIR-313", path, "requires another value here", _shown(rule["like"]))
        if "codes" in rule and not is_of(value, code_set(rule["codes"])):
            what = f"requires a code of the value set {rule['codes']}"
            yield self._finding("FHIR-317", path, what, listed(code_set(rule["codes"])))
        if rule.get("day") and isinstance(value, str) and len(value) < len("YYYY-MM-DD"):
            yield self._finding("FHIR-313", path, "requires the day as well")
        if not isinstance(value, dict):
            return
        if "to" in rule and isinstance(value.get("reference"), str):
            type = self._type_of(value["reference"])
            if type and type not in rule["to"]:
                yield self._finding("FHIR-315", path, "refers to other types here", ", ".join(rule["to"]))
        yield from self.parts(value, rule, path)

    def _slice(self, values: list[Any], piece: Element, path: str) -> Iterator[Finding]:
        """A part of a list that is told apart by a value: `component` of which one is the systolic pressure."""
        codes = code_set(piece["codes"]) if "codes" in piece else None
        found = []
        for number, value in enumerate(values):
            is_one = _like(value, piece["of"]) if codes is None else _has_code(value, codes)
            if is_one:
                found.append((number, value))
        what = _shown(piece["of"]) if codes is None else listed(codes or {})
        if len(found) < piece.get("min", 0) and not any(map(_says_why, values)):
            yield self._finding("FHIR-314", path, f"requires one that is {piece['name']}", what)
        if len(found) > piece.get("max", len(found)):
            yield self._finding("FHIR-312", path, f"allows one that is {piece['name']}", what)
        for number, value in found:
            if isinstance(value, dict):
                yield from self.parts(value, piece, f"{path}[{number}]")

    def _finding(self, code: str, where: str, what: str, hint: str = "") -> Finding:
        return Finding(code, where, f"{self._profile} {what}", hint)


def _present(element: Element, stem: str) -> list[str]:
    """The names that the choice element `stem` has in `element`."""
    plain = dict.fromkeys(name.removeprefix("_") for name in element)
    return [name for name in plain if name.startswith(stem) and name[len(stem) :] in CHOICES]


def _like(value: Any, pattern: Any) -> bool:
    """Whether `value` has all that `pattern` has (R4, ElementDefinition.pattern[x])."""
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(_like(each, one) for each in value) for one in pattern)
    if isinstance(value, list):
        return any(_like(each, pattern) for each in value)
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(_like(value.get(name), inner) for name, inner in pattern.items())
    return bool(value == pattern)


def _has_code(value: Any, codes: dict[str, frozenset[str]]) -> bool:
    codings = value.get("coding") if isinstance(value, dict) else None
    return isinstance(codings, list) and any(
        isinstance(each, dict) and str(each.get("code")) in codes.get(str(each.get("system")), ()) for each in codings
    )


def _says_why(element: Any) -> bool:
    """Whether `element` says why there is no value in it."""
    extensions = element.get("extension") if isinstance(element, dict) else None
    return isinstance(extensions, list) and any(
        isinstance(each, dict) and each.get("url") == ABSENT for each in extensions
    )


def _shown(pattern: Any) -> str:
    """The codes and texts of a pattern, which are the profile's own."""
    if isinstance(pattern, dict):
        if "code" in pattern and isinstance(pattern["code"], str):
            return "|".join(filter(None, (pattern.get("system", ""), pattern["code"])))
        return ", ".join(map(_shown, pattern.values()))
    if isinstance(pattern, list):
        return ", ".join(map(_shown, pattern))
    return str(pattern)


@cache
def _usual() -> dict[str, str]:
    own = {name: rules["type"] for name, rules in _table().items() if name.startswith(_US_CORE)}
    count = Counter(own.values())
    return {type: name for name, type in own.items() if count[type] == 1 and type not in _SPECIAL}


@cache
def _by_url() -> dict[str, str]:
    return {rules["url"]: name for name, rules in _table().items()}


@cache
def _table() -> dict[str, Element]:
    table: dict[str, Element] = json.loads(Path(__file__).with_name("profiles.json").read_bytes())
    return table
