"""FHIR R4: resources as plain mappings, written as JSON without losing a digit."""

from schemas.fhir.resource import Element, Resource, dumps

__all__ = ["Element", "Resource", "dumps"]
