"""The validation of FHIR R4: structure and values, and the profiles of US Core and of Da Vinci's notifications."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from schemas.fhir.bundled import Bundled, lost_inside, message_rules
from schemas.fhir.profiles import TypeOf, against, named, own_type, usual
from schemas.fhir.resource import Resource
from schemas.fhir.structure import structure
from schemas.fhir.types import RESOURCES
from schemas.finding import Finding, Severity

Level = Literal["structure", "us-core", "davinci-alerts"]
"""How much is asked: R4's own structure; US Core 6.1.0 as well; or a Da Vinci notification, which asks for both."""

PROFILES: tuple[Level, ...] = ("us-core", "davinci-alerts")
"""What may be asked beyond structure."""
MOST_FINDINGS = 1000
"""How many findings are told; FHIR-399 says that there are more."""

_CONTAINED = re.compile(r"\.contained\[\d+\]\Z")
_ALERTS = {"Encounter": "adt-notification-encounter", "Coverage": "adt-notification-coverage"}


def validate(resource: Resource, *, level: Level = "structure") -> list[Finding]:
    """What is wrong in `resource`, FHIR JSON as it was read: its structure first; nothing is raised.

    Each finding (FHIR-301 to FHIR-399) says the place as FHIRPath writes it, `Bundle.entry[3].resource.name[0].use`
    for one within a Bundle, and never a value. With `us-core`, each resource is held to the profiles of US Core that
    its `meta.profile` names, and to the one that US Core has for its type where it has one only.
    """
    found: list[Finding] = []
    seen: set[tuple[str, str]] = set()
    for each in _all(resource, level):
        same = (_kind(each.code), each.where)
        if same in seen:
            continue
        seen.add(same)
        if len(found) == MOST_FINDINGS:
            what = f"there are more than {MOST_FINDINGS:,} findings; the rest are left out"
            found.append(Finding("FHIR-399", each.where.partition(".")[0], what, severity=Severity.WARNING))
            break
        found.append(each)
    return found


def _all(resource: Resource, level: Level) -> Iterator[Finding]:
    type = resource.get("resourceType")
    path = type if isinstance(type, str) and type in RESOURCES else "Resource"
    yield from structure(resource, path)
    if path != "Resource":
        yield from _whole(resource, path, level, own_type)


def _whole(resource: Resource, path: str, level: Level, type_of: TypeOf) -> Iterator[Finding]:
    """Everything beyond structure, of `resource` and of the resources in it."""
    bundled = Bundled(resource, path) if resource["resourceType"] == "Bundle" else None
    if level == "davinci-alerts" and bundled is None and "." not in path:
        yield Finding("FHIR-325", path, "a notification is a Bundle of the type message")
    if not _CONTAINED.search(path):  # what is contained refers to what its container contains
        yield from lost_inside(resource, path)
    if level != "structure":
        for profile in _profiles(resource, path):
            if isinstance(profile, Finding):
                yield profile
            else:
                yield from against(resource, profile, path, bundled.type_of if bundled else type_of)
    for name, inner in _inner(resource, path):
        yield from _whole(inner, name, level if bundled else "structure", bundled.type_of if bundled else type_of)
    if bundled is None:
        return
    is_alert = level == "davinci-alerts" and "." not in path
    if is_alert:
        yield from _alert(resource, bundled, path)
    is_message = resource.get("type") == "message"
    if is_message:
        yield from message_rules(resource, path)
    severity = Severity.ERROR if is_alert else Severity.WARNING
    if is_message or resource.get("type") in ("transaction", "document"):
        yield from bundled.unresolved(all_of_them=is_message, severity=severity)


def _profiles(resource: Resource, path: str) -> Iterator[str | Finding]:
    own = list(dict.fromkeys(named(resource, path)))
    yield from own
    default = usual(resource["resourceType"])
    if default is not None and default not in own:
        yield default


def _alert(bundle: Resource, bundled: Bundled, path: str) -> Iterator[Finding]:
    """What the guide for notifications asks of the whole: the header, its focus, one patient, a connected graph."""
    if bundle.get("type") != "message":
        yield Finding("FHIR-325", f"{path}.type", "a notification is a Bundle of the type message")
    yield from against(bundle, "notifications-bundle", path, bundled.type_of)
    yield from message_rules(bundle, path)
    header = next((each for each in bundled.entries if each.resource["resourceType"] == "MessageHeader"), None)
    if header is not None:
        yield from against(header.resource, "notifications-messageheader", header.path, bundled.type_of)
        focus = header.resource.get("focus")
        texts = [each.get("reference") for each in focus if isinstance(each, dict)] if isinstance(focus, list) else []
        targets = [bundled.find(text) for text in texts if isinstance(text, str)]
        if not any(each is not None and each.resource["resourceType"] == "Encounter" for each in targets):
            yield Finding("FHIR-324", f"{header.path}.focus", "the focus of a notification is its Encounter")
    for entry in bundled.entries:
        profile = _ALERTS.get(entry.resource["resourceType"])
        if profile is not None:
            yield from against(entry.resource, profile, entry.path, bundled.type_of)
    patients = [each for each in bundled.entries if each.resource["resourceType"] == "Patient"]
    if not patients:
        yield Finding("FHIR-323", f"{path}.entry", "a notification has a Patient")
    for each in patients[1:]:
        yield Finding("FHIR-323", each.path, "a notification is about one patient")
    yield from bundled.unconnected()


def _inner(resource: Resource, path: str) -> Iterator[tuple[str, Resource]]:
    """The resources in `resource` with their paths: contained ones, and those of entries and parameters."""
    contained = resource.get("contained")
    for number, each in enumerate(contained if isinstance(contained, list) else ()):
        if _is_resource(each):
            yield f"{path}.contained[{number}]", each
    name = {"Bundle": "entry", "Parameters": "parameter"}.get(resource["resourceType"], "")
    yield from _held(resource, name, path)


def _held(element: Any, name: str, path: str) -> Iterator[tuple[str, Resource]]:
    items = element.get(name) if isinstance(element, dict) else None
    for number, each in enumerate(items if isinstance(items, list) else ()):
        place = f"{path}.{name}[{number}]"
        if isinstance(each, dict) and _is_resource(each.get("resource")):
            yield f"{place}.resource", each["resource"]
        if name in ("parameter", "part"):
            yield from _held(each, "part", place)


def _is_resource(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("resourceType"), str) and value["resourceType"] in RESOURCES


def _kind(code: str) -> str:
    """What is missing is missing once, whoever requires it."""
    return "missing" if code in ("FHIR-304", "FHIR-311") else code
