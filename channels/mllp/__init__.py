"""MLLP: HL7 v2 over TCP, both ways."""

from channels.mllp.inbound import MllpInbound
from channels.mllp.outbound import MllpOutbound

__all__ = ["MllpInbound", "MllpOutbound"]
