"""Two FHIR resources compared element by element."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from schemas.difference import Difference
from schemas.fhir.path import text_of
from schemas.fhir.read import read_exact
from schemas.fhir.resource import Element, Resource, dumps

MAX_ALIGNED = 2000
"""Beyond as many items on one side, items are paired by what they are and number: alignment takes quadratic time."""

_PART = re.compile(r"(?:\A|\.)(\w+)(?:\[(\d+)\])?")


def differences(before: bytes, after: bytes) -> list[Difference]:
    """What sets two resources apart, path by path in the order of the resources; raises `FhirError`.

    The order of keys and the white space between elements is no difference; the digits of a decimal are one. Items of a
    list are aligned first, so that an inserted one shows as itself and not as a change of all that follow; paths count
    as `before` does, those of new items as `after` does. What is in a Bundle's entry is named by its type:
    `Patient.gender`, `Observation[1].status`.
    """
    return compare(read_exact(before), read_exact(after))


def compare(before: Resource, after: Resource) -> list[Difference]:
    """As `differences`, for resources that are read already, decimals as `Decimal`."""
    if before["resourceType"] != after["resourceType"]:
        return [Difference("resourceType", before["resourceType"], after["resourceType"])]
    return list(_Comparison(before, after).found())


def covers(path: str, element: str) -> bool:
    """Whether `element`, a path as a `Difference` has it, is at `path` or within it; where `path` has no index, any
    item is: `Patient.name` covers `Patient.name[1].family`, and `Observation.status` that of every Observation."""
    wanted, given = _PART.findall(path), _PART.findall(element)
    return len(wanted) <= len(given) and all(
        name == own and index in ("", number or "0")
        for (name, index), (own, number) in zip(wanted, given, strict=False)
    )


class _Comparison:
    """One comparison of `before` and `after`, which knows what each entry of a Bundle is called."""

    def __init__(self, before: Resource, after: Resource) -> None:
        self._type = str(before["resourceType"])
        self._sides = before, after
        self._names = _names_of_entries(before), _names_of_entries(after)

    def found(self) -> Iterator[Difference]:
        yield from self._elements(*self._sides, self._type)

    def _elements(self, before: Element, after: Element, path: str) -> Iterator[Difference]:
        for name in dict.fromkeys((*before, *after)):
            old, new = before.get(name), after.get(name)
            if isinstance(old, list) and isinstance(new, list):
                yield from self._items(old, new, f"{path}.{name}")
            else:
                yield from self._values(old, new, f"{path}.{name}")

    def _values(self, old: Any, new: Any, path: str) -> Iterator[Difference]:
        if isinstance(old, dict) and isinstance(new, dict):
            if old.get("resourceType") == new.get("resourceType"):
                yield from self._elements(old, new, path)
                return
        elif isinstance(old, list) or isinstance(new, list):
            # One side has no list, or none at all: each item is one difference.
            for each, where in _placed(old, path):
                yield Difference(where, text_of(each), "")
            for each, where in _placed(new, path):
                yield Difference(where, "", text_of(each))
            return
        if dumps(old) != dumps(new):
            yield Difference(path, "" if old is None else text_of(old), "" if new is None else text_of(new))

    def _items(self, old: list[Any], new: list[Any], path: str) -> Iterator[Difference]:
        for i, k in _pairs(old, new):
            if path == "Bundle.entry":
                yield from self._entries(i, k)
                continue
            place = f"{path}[{k if i is None else i}]"
            yield from self._values(None if i is None else old[i], None if k is None else new[k], place)

    def _entries(self, i: int | None, k: int | None) -> Iterator[Difference]:
        old = None if i is None else self._sides[0]["entry"][i]
        new = None if k is None else self._sides[1]["entry"][k]
        place = f"Bundle.entry[{k if i is None else i}]"
        if not all(each is None or isinstance(each, dict) for each in (old, new)) or not (old or new):
            yield from self._values(old, new, place)
            return
        old, new = old or {}, new or {}
        name = self._names[1].get(k) if i is None and k is not None else self._names[0].get(i or 0)
        for key in dict.fromkeys((*old, *new)):
            inner = name if key == "resource" and name else f"{place}.{key}"
            one, other = old.get(key), new.get(key)
            if isinstance(one, list) and isinstance(other, list):
                yield from self._items(one, other, inner)
            else:
                yield from self._values(one, other, inner)


def _placed(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    """`value`, or each item of the list that it is, with its place."""
    if isinstance(value, list) and value:
        yield from ((each, f"{path}[{number}]") for number, each in enumerate(value))
    elif value is not None:
        yield value, path


def _names_of_entries(resource: Resource) -> dict[int, str]:
    """What each entry's resource is called: `Patient` where there is one, else `Patient[0]`, `Patient[1]`."""
    entries = resource.get("entry") if resource["resourceType"] == "Bundle" else None
    if not isinstance(entries, list):
        return {}
    types = {number: type for number, each in enumerate(entries) if (type := _type_in(each))}
    counts, seen = Counter(types.values()), Counter[str]()
    names = {}
    for number, type in types.items():
        names[number] = type if counts[type] == 1 else f"{type}[{seen[type]}]"
        seen[type] += 1
    return names


def _type_in(entry: Any) -> str:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    type = resource.get("resourceType") if isinstance(resource, dict) else None
    return type if isinstance(type, str) else ""


_Pair = tuple[int | None, int | None]


def _pairs(old: list[Any], new: list[Any]) -> Iterator[_Pair]:
    """The numbers of the items that belong together and are not the same; None where one side has none."""
    if max(len(old), len(new)) > MAX_ALIGNED:
        yield from _by_kind(old, range(len(old)), new, range(len(new)))
        return
    before, after = [dumps(each) for each in old], [dumps(each) for each in new]
    for what, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what != "equal":
            yield from _by_kind(old, range(i, j), new, range(k, m))


def _by_kind(old: list[Any], olds: range, new: list[Any], news: range) -> Iterator[_Pair]:
    waiting: defaultdict[str, deque[int]] = defaultdict(deque)
    for number in news:
        waiting[_kind(new[number])].append(number)
    paired = set()
    for number in olds:
        same = waiting[_kind(old[number])]
        other = same.popleft() if same else None
        if other is not None:
            paired.add(other)
        yield number, other
    yield from ((None, number) for number in news if number not in paired)


def _kind(item: Any) -> str:
    """What an item must share with another to be the same item changed: the type of an entry, an extension's URL."""
    if not isinstance(item, dict):
        return ""
    for name in ("url", "resourceType"):
        if isinstance(item.get(name), str):
            return str(item[name])
    return _type_in(item)
