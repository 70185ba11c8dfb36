"""What is raised for a notice that cannot be read or written."""

from channels.direct.error import DirectError


class NoticeError(DirectError):
    """A notice says nothing that can be acted upon, or something that must not be written."""
