"""The one exception of the HL7 v2 model."""

from schemas.error import BodyError


class Hl7Error(BodyError):
    """What was asked of an HL7 v2 message or path cannot be done."""
