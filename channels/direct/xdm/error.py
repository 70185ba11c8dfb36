"""What is raised for a package that cannot be taken or made."""

from channels.direct.error import DirectError


class XdmError(DirectError):
    """A package is damaged, dangerous, or not what XDM says; the texts name places in it, never what stands there."""
