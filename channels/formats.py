"""What a body from outside holds: told by its bytes, or by the end's `format` option."""

from __future__ import annotations

from typing import Literal

from schemas.content import recognize

Format = Literal["auto", "hl7v2", "fhir", "ccda", "text", "binary"]


def sniff(body: bytes) -> str:
    """The format of `body`: HL7 v2 by its header, FHIR when it is a resource in JSON, C-CDA by its root element, text
    when it is UTF-8 without control characters, else binary."""
    return recognize(body).message_format
