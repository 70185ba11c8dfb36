"""What a body from outside holds: told by its first bytes, or by the end's `format` option."""

from __future__ import annotations

import re
from typing import Literal

from schemas.fhir.error import FhirError
from schemas.fhir.read import read
from schemas.message import BINARY, FHIR, HL7V2, TEXT

Format = Literal["auto", "hl7v2", "fhir", "text", "binary"]

_HEADERS = (b"MSH", b"FHS", b"BHS")
_TYPE_FIRST = re.compile(rb'\{[ \t\r\n]*"resourceType"[ \t\r\n]*:')
_TYPE = b'"resourceType"'
_MARK = b"\xef\xbb\xbf"
_TEXT_CONTROLS = b"\t\n\f\r\x1b"
_OTHER_CONTROLS = bytes(byte for byte in range(0x20) if byte not in _TEXT_CONTROLS)


def sniff(body: bytes) -> str:
    """The format of `body`: HL7 v2 by its header, FHIR when it is a resource in JSON, text when it is UTF-8 without
    control characters, else binary."""
    start = body[:64].removeprefix(_MARK).lstrip(b"\x0b \t\r\n")
    if start.startswith(_HEADERS):
        return HL7V2
    if start.startswith(b"{") and (_TYPE_FIRST.match(start) or (_TYPE in body and _is_resource(body))):
        return FHIR
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return BINARY
    return TEXT if len(body.translate(None, _OTHER_CONTROLS)) == len(body) else BINARY


def _is_resource(body: bytes) -> bool:
    try:
        read(body)
    except FhirError:
        return False
    return True
