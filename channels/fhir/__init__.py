"""The `fhir` end: FHIR R4 over HTTP, in and out."""

from channels.fhir.inbound import FhirInbound
from channels.fhir.outbound import FhirOutbound

__all__ = ["FhirInbound", "FhirOutbound"]
