"""The topic as a resource of R4, which has no SubscriptionTopic: a Basic with R5's elements as extensions."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from schemas.fhir.topic import FOCUS, PARAMETERS, TOPIC

ID = "encounter-events"
CODE = "SubscriptionTopic"
SYSTEM = "http://hl7.org/fhir/fhir-types"
VERSION = "1"

_ELEMENT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
_DEFINITION = f"http://hl7.org/fhir/StructureDefinition/{FOCUS}"


def topic() -> Resource:
    """The topic of encounter events."""
    trigger = [
        _extension("description", "valueMarkdown", "A patient of the subscriber arrives, is transferred or leaves."),
        _extension("resource", "valueUri", _DEFINITION),
        *(_extension("supportedInteraction", "valueCode", code) for code in ("create", "update")),
    ]
    filters = [
        [
            _extension("description", "valueMarkdown", meaning),
            _extension("resource", "valueUri", FOCUS),
            _extension("filterParameter", "valueString", name),
        ]
        for name, meaning in PARAMETERS.items()
    ]
    includes = ("patient", "participant", "service-provider", "location")
    shape = [
        _extension("resource", "valueUri", FOCUS),
        *(_extension("include", "valueString", f"{FOCUS}:{name}") for name in includes),
    ]
    return {
        "resourceType": "Basic",
        "id": ID,
        "extension": [
            _extension(f"{_ELEMENT}url", "valueUri", TOPIC),
            _extension(f"{_ELEMENT}version", "valueString", VERSION),
            _extension(f"{_ELEMENT}title", "valueString", "Encounter events"),
            _extension(f"{_ELEMENT}description", "valueMarkdown", "Arrivals, transfers and discharges of patients."),
            {"url": f"{_ELEMENT}resourceTrigger", "extension": trigger},
            *({"url": f"{_ELEMENT}canFilterBy", "extension": each} for each in filters),
            {"url": f"{_ELEMENT}notificationShape", "extension": shape},
        ],
        "modifierExtension": [_extension(f"{_ELEMENT}status", "valueCode", "active")],
        "code": {"coding": [{"system": SYSTEM, "code": CODE}]},
    }


def _extension(url: str, value: str, said: str) -> Element:
    return {"url": url, value: said}
