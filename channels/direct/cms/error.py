"""What is raised for a cryptographic message that cannot be used."""

from channels.direct.error import DirectError


class CmsError(DirectError):
    """A signature, an envelope or a key cannot be used; `code` begins with `cms-`."""
