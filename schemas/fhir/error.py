"""The one exception of the FHIR model."""

from schemas.error import BodyError


class FhirError(BodyError):
    """What was asked of a FHIR resource or path cannot be done."""
