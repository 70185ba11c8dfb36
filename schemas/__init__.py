"""What is carried: the message, its formats, findings, and the values that options are made of."""

from schemas.finding import Finding, Severity
from schemas.message import Message

__all__ = ["Finding", "Message", "Severity"]
