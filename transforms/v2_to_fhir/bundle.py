"""The resources of a conversion as a Bundle of the type that the site wants."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.bundling import by_identifier, entries_of, token
from transforms.identity import resource_id
from transforms.v2_to_fhir.datatypes.identifiers import best_identifier
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
_MENTIONED = ("Practitioner", "PractitionerRole", "Organization", "Location", "Device")
"""What no message is about: it names them, and the server may know more of them."""
_OF_PATIENTS = ("Patient", "Encounter", "Account")
"""What messages about patients are about, and all others only mention."""
_ABOUT_PATIENTS = ("ADT", "BAR")
_NOT_ABOUT_ORDERS = ("SIU", "SRM", "SRR", "MDM")
"""Messages that mention the order that an appointment or a document is for."""


def bundle_of(run: Run) -> Resource:
    """The Bundle of what `run` has made."""
    kind = run.options.bundle
    found: Resource = {"resourceType": "Bundle", "id": resource_id("Bundle", run.sender, run.control_id), "type": kind}
    if kind in ("message", "collection"):
        found.update(run.bundle)
    found["entry"] = entries_of(
        run.resources,
        kind,
        run.options.server,
        lambda resource: _condition(resource, run),
        lambda kind: run.options.mentioned == "create" and _is_mentioned(kind, run.message_type),
    )
    return found


def _is_mentioned(kind: str, message_type: str) -> bool:
    """Whether messages of that type only mention resources of that kind; a master file is about whom others name."""
    return (
        (kind in _MENTIONED and message_type != "MFN")
        or (kind in _OF_PATIENTS and message_type not in _ABOUT_PATIENTS)
        or (kind == "ServiceRequest" and message_type in _NOT_ABOUT_ORDERS)
    )


def _condition(resource: Resource, run: Run) -> str:
    """`Patient?identifier=system|value`, for a resource that has such an identifier."""
    kind = resource["resourceType"]
    if kind not in _BY_CONDITION:
        return ""
    known = [each for each in resource.get("identifier", []) if "system" in each]
    chosen = best_identifier(known, run.options.patient_identifiers if kind == "Patient" else ())
    if chosen is None:
        return ""
    condition = by_identifier(kind, chosen)
    if kind not in _BY_SERVICE:
        return condition
    for coding in resource.get("code", {}).get("coding", []):
        return f"{condition}&code={token(coding.get('system', ''), coding['code'])}"
    return ""
