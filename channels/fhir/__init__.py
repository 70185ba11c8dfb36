"""The `fhir` end: FHIR R4 over HTTP."""

from channels.fhir.inbound import FhirInbound

__all__ = ["FhirInbound"]
