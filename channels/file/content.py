"""What a file holds: one message, or the messages of a batch."""

from __future__ import annotations

from typing import NamedTuple

from channels.formats import Format, sniff
from schemas.finding import Finding
from schemas.hl7v2 import split_batch
from schemas.message import HL7V2


class Content(NamedTuple):
    """The messages in a file, in order; none for a batch that is empty."""

    format: str
    bodies: tuple[bytes, ...]
    findings: tuple[Finding, ...] = ()


def read_content(content: bytes, format: Format) -> Content:
    """What `content` holds. HL7 v2 without a header is one damaged message: whoever accepts it says so."""
    found = sniff(content) if format == "auto" else format
    if found != HL7V2:
        return Content(found, (content,))
    batch = split_batch(content)
    bodies = tuple(message.body for message in batch.messages)
    return Content(HL7V2, bodies if bodies or batch.enveloped else (content,), batch.findings)
