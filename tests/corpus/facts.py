"""Bundles compared by what they say: facts, not bytes, ids or positions.

A fact is a path without indexes and a value in one normal form: numbers by value, times with an offset as instants,
references as the type that they lead to. Equal people, places and organizations of a bundle are one. Resources are
matched by type and by how many facts they share.
"""

from __future__ import annotations

import fnmatch
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

Json = Any
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?\Z")
_ORDERED = {"given", "line", "prefix", "suffix"}
_SYSTEMS = ("system", "url")
_SHARED = {"Device", "Location", "Organization", "Practitioner", "PractitionerRole"}
"""Those of whom one resource is enough, however often a message names them: equal ones count once."""


class Fact(NamedTuple):
    """What a resource says at one path: `Patient.name.family`, `EVERYWOMAN`."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What is compared: resource types (all but `without`, or only `only`) and which content is one engine's own.

    `private` are patterns of URIs: an extension with such a URL is left out, and so is a `system` of such a value.
    `ignored` are patterns of paths.
    """

    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    private: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def is_private(self, uri: str) -> bool:
        """Whether `uri` is of the engine's own making."""
        return any(fnmatch.fnmatchcase(uri, pattern) for pattern in self.private)

    def compares(self, resource_type: str) -> bool:
        """Whether resources of that type are compared."""
        return resource_type not in self.without and (not self.only or resource_type in self.only)


class Missing(NamedTuple):
    """A fact that was not found, how often, and all that the resource says that says it (`beside`)."""

    fact: Fact
    count: int
    beside: Counter[Fact]


@dataclass(slots=True)
class Comparison:
    """How many of the expected facts were found, by resource type, and which were not."""

    expected: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    missing: list[Missing] = field(default_factory=list)

    def add(self, other: Comparison) -> None:
        """Add what another comparison counted."""
        self.expected += other.expected
        self.found += other.found
        self.missing += other.missing


def compare(expected: Json, actual: Json, rules: Rules) -> Comparison:
    """What of the bundle `expected` is in the bundle `actual`."""
    ours = _by_type(actual, rules)
    comparison = Comparison()
    for resource_type, wanted in _by_type(expected, rules).items():
        comparison.expected[resource_type] += sum(each.total() for each in wanted)
        for want, have in _matched(wanted, ours.get(resource_type, [])):
            missing = want - have
            comparison.found[resource_type] += want.total() - missing.total()
            comparison.missing += [Missing(fact, count, want) for fact, count in sorted(missing.items())]
    return comparison


def facts_of(resource: Json, types: Mapping[str, str], rules: Rules) -> Counter[Fact]:
    """The facts of a resource; `types` gives the type that each reference of its bundle leads to."""
    name = resource["resourceType"]
    content = {key: value for key, value in resource.items() if key not in ("resourceType", "id", "text", "meta")}
    found = Counter(_facts(content, name, types, rules))
    meta = {key: value for key, value in resource.get("meta", {}).items() if key not in ("lastUpdated", "versionId")}
    found.update(_facts(meta, f"{name}.meta", types, rules))
    return Counter({fact: count for fact, count in found.items() if not _is_ignored(fact.path, rules)})


def everything(bundle: Json, rules: Rules) -> dict[str, set[str]]:
    """What all resources of a bundle say, those included that are not compared: the values at each path."""
    types = _types(bundle)
    found: dict[str, set[str]] = defaultdict(set)
    for entry in bundle.get("entry", []):
        for fact in facts_of(entry["resource"], types, rules):
            found[fact.path].add(fact.value)
    return found


def normal(value: Json) -> str:
    """A value in the form that it is compared in."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return f"{Decimal(str(value)).normalize():f}"
    text = str(value).strip()
    found = _TIME.match(text)
    if found is None:
        return text
    minutes, seconds, fraction, zone = found.groups()
    text = minutes + (seconds or ":00")
    if zone:
        text = datetime.fromisoformat(text + zone.replace("Z", "+00:00")).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{fraction}".rstrip("0").rstrip(".") if fraction else "") + ("Z" if zone else "")


def _facts(node: Json, path: str, types: Mapping[str, str], rules: Rules) -> Iterator[Fact]:
    if isinstance(node, dict):
        yield from _facts_of_object(node, path, types, rules)
    elif isinstance(node, list):
        if path.rpartition(".")[2] in _ORDERED and not any(isinstance(each, dict | list) for each in node):
            yield Fact(path, "|".join(normal(each) for each in node))
            return
        for each in node:
            yield from _facts(each, path, types, rules)
    elif node is not None and node != "":
        yield Fact(path, normal(node))


def _facts_of_object(node: Json, path: str, types: Mapping[str, str], rules: Rules) -> Iterator[Fact]:
    for key, value in node.items():
        if key == "id":
            continue
        if key in ("extension", "modifierExtension"):
            for each in value:
                yield from _extension(each, f"{path}.{key}", types, rules)
        elif key == "reference" and isinstance(value, str):
            yield Fact(f"{path}.{key}", types.get(value, "unresolved"))
        elif key == "contained":
            for each in value:
                yield from _facts(each, f"{path}.contained", types, rules)
        elif not (key in _SYSTEMS and isinstance(value, str) and rules.is_private(value)):
            yield from _facts(value, f"{path}.{key}", types, rules)


def _extension(node: Json, path: str, types: Mapping[str, str], rules: Rules) -> Iterator[Fact]:
    """The facts of an extension; none where it says nothing, or nothing but what is private."""
    url = str(node.get("url", ""))
    if rules.is_private(url):
        return
    name = f"{path}({url.rpartition('/')[2]})"
    said = list(_facts({key: value for key, value in node.items() if key != "url"}, name, types, rules))
    if said:
        yield Fact(f"{name}.url", url)
        yield from said


def _by_type(bundle: Json, rules: Rules) -> dict[str, list[Counter[Fact]]]:
    entries = [each for each in bundle.get("entry", []) if "resource" in each]
    types = _types(bundle)
    hidden = _only_for(bundle, rules)
    found: dict[str, list[Counter[Fact]]] = defaultdict(list)
    for number, entry in enumerate(entries):
        name = entry["resource"]["resourceType"]
        if rules.compares(name) and number not in hidden:
            said = facts_of(entry["resource"], types, rules)
            if said and not (name in _SHARED and said in found[name]):
                found[name].append(said)
    if rules.compares("Bundle"):
        head = {key: bundle[key] for key in ("type", "identifier") if key in bundle}
        found["Bundle"] = [Counter(_facts(head, "Bundle", types, rules))]
    return found


def _types(bundle: Json) -> dict[str, str]:
    """The type of the resource that each reference leads to, as bundles write references."""
    types: dict[str, str] = {}
    for entry in bundle.get("entry", []):
        if "resource" in entry:
            resource = entry["resource"]
            name, id = resource["resourceType"], resource.get("id", "")
            for reference in (entry.get("fullUrl", ""), f"{name}/{id}", f"urn:uuid:{id}"):
                types[reference] = name
    return types


def _only_for(bundle: Json, rules: Rules) -> set[int]:
    """The entries that are there only for resources that are not compared: referred to by those and by no other."""
    entries = [each for each in bundle.get("entry", []) if "resource" in each]
    wanted: set[str] = set()
    unwanted: set[str] = set()
    for entry in entries:
        name = entry["resource"]["resourceType"]
        (unwanted if name in rules.without else wanted).update(_references(entry["resource"]))
    alone = unwanted - wanted
    hidden = set()
    for number, entry in enumerate(entries):
        resource = entry["resource"]
        names = {entry.get("fullUrl", ""), f"{resource['resourceType']}/{resource.get('id', '')}"}
        if (
            names & alone
            and not names & wanted
            and resource["resourceType"] in ("Organization", "Practitioner", "Device")
        ):
            hidden.add(number)
    return hidden


def _references(node: Json) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "reference" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


def _matched(wanted: list[Counter[Fact]], have: list[Counter[Fact]]) -> Iterator[tuple[Counter[Fact], Counter[Fact]]]:
    """Each wanted resource with the one that shares most with it, taken once; an empty one where none is left."""
    shared = sorted(
        (-(want & each).total(), at, number) for at, want in enumerate(wanted) for number, each in enumerate(have)
    )
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for overlap, at, number in shared:
        if overlap and at not in partner and number not in taken:
            partner[at] = number
            taken.add(number)
    for at, want in enumerate(wanted):
        yield want, have[partner[at]] if at in partner else Counter()


def _is_ignored(path: str, rules: Rules) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in rules.ignored)
