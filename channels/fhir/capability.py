"""The CapabilityStatement: what this end takes, as its channel has it (R4, capabilitystatement.html)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from schemas.fhir import Element, Resource
from schemas.fhir.types import RESOURCES

_DEFINITIONS = "http://hl7.org/fhir/OperationDefinition/"
_ORDER = ("read", "vread", "update", "patch", "delete", "history-instance", "create", "search-type")


def capability_statement(
    *,
    base: str,
    version: str,
    since: datetime,
    interactions: Sequence[str],
    types: Sequence[str],
    reads: bool,
    security: Element,
) -> Resource:
    """What the server at `base` says of itself; `since` is when it has been so. `types` that are empty are all."""
    system = [{"code": kind} for kind in ("transaction", "batch") if kind in interactions]
    rest: Element = {"mode": "server", **({"security": security} if security else {})}
    rest["resource"] = [_resource(type, interactions, reads) for type in sorted(types or RESOURCES)]
    if system:
        rest["interaction"] = [*system, *([{"code": "search-system"}, {"code": "history-system"}] if reads else [])]
    if "message" in interactions:
        rest["operation"] = [{"name": "process-message", "definition": f"{_DEFINITIONS}MessageHeader-process-message"}]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": since.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "hie", "version": version},
        "implementation": {"description": "A channel of a health information exchange engine", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json", "xml"],
        **(
            {"patchFormat": ["application/json-patch+json", "application/fhir+json"]} if "patch" in interactions else {}
        ),
        "rest": [rest],
    }


def _resource(type: str, interactions: Sequence[str], reads: bool) -> Element:
    taken = {name for name in ("create", "update", "patch", "delete") if name in interactions}
    if type == "Bundle" and "document" in interactions:
        taken.add("create")
    if reads:
        taken |= {"read", "vread", "history-instance", "search-type"}
    about: Element = {"type": type}
    if taken:
        about["interaction"] = [{"code": name} for name in _ORDER if name in taken]
    about["versioning"] = "no-version"
    if "update" in taken:
        about["updateCreate"] = True
        about["conditionalUpdate"] = True
    if "create" in interactions:
        about["conditionalCreate"] = True
    if "delete" in taken:
        about["conditionalDelete"] = "single"
    if "validate" in interactions:
        about["operation"] = [{"name": "validate", "definition": f"{_DEFINITIONS}Resource-validate"}]
    return about
