"""What a FHIR message can be found by: its type, its identifier, its patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.fhir.resource import Resource


def type_of(resource: Resource) -> str:
    """The type of `resource`, that of a Bundle with its kind: `Patient`, `Bundle/message`."""
    type, kind = _text(resource.get("resourceType")), _text(resource.get("type"))
    return f"{type}/{kind}" if type == "Bundle" and kind else type


def control_id(resource: Resource) -> str:
    """The value of a Bundle's identifier, else the id of `resource`; "" where there is neither."""
    if resource.get("resourceType") == "Bundle":
        return _value(resource.get("identifier")) or _text(resource.get("id"))
    return _text(resource.get("id"))


def patient_id(resource: Resource) -> str:
    """The first identifier of the first Patient in `resource`, "" where there is none."""
    for each in _resources(resource):
        if each.get("resourceType") == "Patient":
            identifiers = each.get("identifier")
            for identifier in identifiers if isinstance(identifiers, list) else ():
                if value := _value(identifier):
                    return value
            return ""
    return ""


def _resources(resource: Resource) -> Iterator[Resource]:
    yield resource
    entries = resource.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield entry["resource"]


def _value(identifier: Any) -> str:
    return _text(identifier.get("value")) if isinstance(identifier, dict) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
