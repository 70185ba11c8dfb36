"""The one exception of the C-CDA model."""

from schemas.error import BodyError


class CcdaError(BodyError):
    """What was asked of a clinical document or a path into one cannot be done."""
