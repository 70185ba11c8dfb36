"""References of a bundle: whether each leads to a resource of the same bundle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def references(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every `reference` beneath `node`: its path without indexes, and what it says."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "reference" and isinstance(value, str):
                yield path, value
            elif key != "contained":
                yield from references(value, f"{path}.{key}")
    elif isinstance(node, list):
        for each in node:
            yield from references(each, path)


def dangling(bundle: Any) -> tuple[int, list[str]]:
    """How many references the bundle has, and the paths of those that lead nowhere within it."""
    known: set[str] = set()
    for entry in bundle.get("entry", []):
        resource = entry["resource"]
        known.update((entry.get("fullUrl", ""), f"{resource['resourceType']}/{resource['id']}"))
    count, lost = 0, []
    for entry in bundle.get("entry", []):
        resource = entry["resource"]
        contained = {f"#{each['id']}" for each in resource.get("contained", [])}
        for path, reference in references(resource, resource["resourceType"]):
            count += 1
            if reference not in known and reference not in contained:
                lost.append(path)
    return count, lost


def standing_alone(bundle: Any) -> Iterator[Any]:
    """Each resource of the bundle with references by type and id, which say without the bundle what they lead to."""
    names = {
        entry["fullUrl"]: f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", [])
        if "fullUrl" in entry
    }
    for entry in bundle.get("entry", []):
        yield _renamed(entry["resource"], names)


def _renamed(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: names.get(value, value) if key == "reference" and isinstance(value, str) else _renamed(value, names)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_renamed(each, names) for each in node]
    return node
