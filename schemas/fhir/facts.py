"""A resource as facts: paths and plain values, to compare two by content and not by form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from schemas.fhir.resource import Element, Resource

Fact = tuple[str, str]
"""A path without indexes (`Patient.name.given`) and a value as text."""


def facts(bundle: Resource) -> Counter[Fact]:
    """What `bundle` and each resource in it say, and how often.

    Ids are left out and references say the type they lead to: both are only how resources hold together. An extension's
    path names it by the end of its URL: `Patient.extension(us-core-race)`.
    """
    types = {}
    for entry in bundle.get("entry", []):
        resource = entry["resource"]
        types[f"urn:uuid:{resource['id']}"] = types[f"{resource['resourceType']}/{resource['id']}"] = resource[
            "resourceType"
        ]
    own = {name: value for name, value in bundle.items() if name not in ("entry", "resourceType", "id")}
    found = Counter(_walk("Bundle", own, types))
    for entry in bundle.get("entry", []):
        resource = entry["resource"]
        body = {name: value for name, value in resource.items() if name not in ("resourceType", "id")}
        found.update(_walk(resource["resourceType"], body, types))
    return found


def _walk(path: str, value: object, types: dict[str, str]) -> Iterator[Fact]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield f"{path}.reference", types.get(inner, inner)
            elif name == "extension":
                for each in inner:
                    yield from _extension(path, each, types)
            else:
                yield from _walk(f"{path}.{name.removeprefix('_')}", inner, types)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(path, inner, types)
    elif value is not None:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _extension(path: str, extension: Element, types: dict[str, str]) -> Iterator[Fact]:
    name = str(extension.get("url", "")).rpartition("/")[2].rpartition(":")[2]
    inner = {each: value for each, value in extension.items() if each != "url"}
    yield from _walk(f"{path}.extension({name})", inner, types)
