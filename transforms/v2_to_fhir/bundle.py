"""The resources of a conversion as a Bundle of the type that the site wants."""

from __future__ import annotations

from collections import Counter
from urllib.parse import quote

from schemas.fhir import Element, Resource
from transforms.v2_to_fhir.identity import resource_id
from transforms.v2_to_fhir.run import Run

_BY_CONDITION = (
    "Patient",
    "Encounter",
    "Practitioner",
    "Organization",
    "ServiceRequest",
    "DiagnosticReport",
    "Account",
    "Appointment",
)
"""What is looked up at the server by its identifier: the server may know it from elsewhere, under an id of its own."""
_BY_SERVICE = ("ServiceRequest", "DiagnosticReport")
"""What its number alone does not identify: several services are ordered under one number."""


def bundle_of(run: Run) -> Resource:
    """The Bundle of what `run` has made."""
    kind = run.options.bundle
    found: Resource = {"resourceType": "Bundle", "id": resource_id("Bundle", run.sender, run.control_id), "type": kind}
    if kind in ("message", "collection"):
        found.update(run.bundle)
    conditions = Counter(map(_condition, run.resources)) if kind == "transaction" else Counter()
    found["entry"] = [_entry(resource, run, conditions) for resource in run.resources]
    return found


def _entry(resource: Resource, run: Run, conditions: Counter[str]) -> Element:
    path = f"{resource['resourceType']}/{resource['id']}"
    match run.options.bundle:
        case "transaction":
            condition = _condition(resource)
            url = condition if condition and conditions[condition] == 1 else path
            return {
                "fullUrl": f"urn:uuid:{resource['id']}",
                "resource": resource,
                "request": {"method": "PUT", "url": url},
            }
        case "batch":
            entry: Element = {"fullUrl": f"{run.options.server.rstrip('/')}/{path}"} if run.options.server else {}
            return {**entry, "resource": resource, "request": {"method": "PUT", "url": path}}
        case _:
            return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}


def _condition(resource: Resource) -> str:
    """`Patient?identifier=system|value`, for a resource that has such an identifier."""
    if resource["resourceType"] not in _BY_CONDITION:
        return ""
    for identifier in resource.get("identifier", []):
        if "system" in identifier and "value" in identifier:
            condition = f"{resource['resourceType']}?identifier={_token(identifier['system'], identifier['value'])}"
            if resource["resourceType"] not in _BY_SERVICE:
                return condition
            for coding in resource.get("code", {}).get("coding", []):
                return f"{condition}&code={_token(coding.get('system', ''), coding['code'])}"
    return ""


def _token(system: str, code: str) -> str:
    return quote(f"{system}|{code}" if system else code, safe="")
