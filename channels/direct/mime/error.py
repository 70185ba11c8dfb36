"""What is raised for mail that cannot be read or written."""

from channels.direct.error import DirectError


class MimeError(DirectError):
    """A mail, a header or an address cannot be used; `code` begins with `mime-`."""
