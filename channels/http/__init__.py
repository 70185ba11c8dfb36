"""The `http` end: HL7 v2 over HTTP and any other body, in and out."""

from channels.http.inbound import HttpInbound
from channels.http.outbound import HttpOutbound

__all__ = ["HttpInbound", "HttpOutbound"]
