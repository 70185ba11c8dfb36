"""The resources of a conversion as a Bundle of the type that the site wants."""

from __future__ import annotations

from datetime import datetime

from schemas.fhir import Element, Resource
from transforms.bundling import by_identifier, entries_of
from transforms.ccda_to_fhir.datatypes.identifiers import ii_identifier, system_of
from transforms.ccda_to_fhir.datatypes.times import made_at
from transforms.ccda_to_fhir.run import Run
from transforms.elements import URI
from transforms.identity import resource_id

_BY_CONDITION = ("Patient", "Practitioner", "Organization", "Encounter")
"""What is looked up at the server by its identifier: the server may know it from elsewhere, under an id of its own."""
_MENTIONED = ("Practitioner", "Organization")
"""What no document is about: it names them, and the server may know more of them."""


def bundle_of(run: Run, now: datetime) -> Resource:
    """The Bundle of what `run` has made; `now` is its timestamp where the document has no time."""
    kind = run.options.bundle
    found: Resource = {"resourceType": "Bundle", "id": resource_id("Bundle", run.document_key)}
    if kind in ("document", "collection"):
        found["identifier"] = _identifier(run, found["id"])
    found["type"] = kind
    if kind in ("document", "collection"):
        found["timestamp"] = made_at(run) or now.isoformat()
    found["entry"] = entries_of(
        run.resources,
        kind,
        run.options.server,
        lambda resource: _condition(resource, run),
        lambda resource_type: resource_type in _MENTIONED,
    )
    return found


def _identifier(run: Run, id: str) -> Element:
    node = run.root.get("id")
    found = ii_identifier(node, run) if node is not None else None
    if found is None or "system" not in found:
        return {"system": URI, "value": f"urn:uuid:{id}"}
    return found


def _condition(resource: Resource, run: Run) -> str:
    """`Patient?identifier=system|value`, for a resource that has such an identifier."""
    kind = resource["resourceType"]
    known = [each for each in resource.get("identifier", []) if "system" in each and "value" in each]
    if kind not in _BY_CONDITION or not known:
        return ""
    chosen = known[0]
    if kind == "Patient":
        systems = [system_of(root, run) for root in run.options.patient_roots]
        chosen = min(
            known, key=lambda each: systems.index(each["system"]) if each["system"] in systems else len(systems)
        )
    return by_identifier(kind, chosen)
