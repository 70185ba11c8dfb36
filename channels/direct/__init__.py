"""Direct secure messaging: mail that is signed and encrypted between addresses that trust each other."""

from channels.direct.inbound import DirectInbound
from channels.direct.outbound import DirectOutbound

__all__ = ["DirectInbound", "DirectOutbound"]
