"""The `file` end: folders that partners write to, and folders that we write to."""

from channels.file.inbound import FileInbound
from channels.file.outbound import FileOutbound

__all__ = ["FileInbound", "FileOutbound"]
