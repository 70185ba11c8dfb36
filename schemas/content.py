"""What bytes from outside hold: told by the bytes alone, never by what a sender calls them."""

from __future__ import annotations

import codecs
import re
from enum import StrEnum

from schemas.fhir.error import FhirError
from schemas.fhir.read import read
from schemas.message import BINARY, CCDA, FHIR, HL7V2, TEXT
from schemas.prolog import prolog_end


class Kind(StrEnum):
    """What a body holds; each says the format of a message that holds it and the media type that it is sent under."""

    CCDA = "ccda"
    HL7V2 = "hl7v2"
    FHIR = "fhir"
    PDF = "pdf"
    XDM = "xdm"
    TEXT = "text"
    OTHER = "other"

    @property
    def message_format(self) -> str:
        """The format of a message with such a body."""
        return _FORMATS.get(self, BINARY)

    @property
    def media_type(self) -> str:
        """The media type of such a body."""
        return _MEDIA_TYPES[self]


_FORMATS = {Kind.CCDA: CCDA, Kind.HL7V2: HL7V2, Kind.FHIR: FHIR, Kind.TEXT: TEXT}
_MEDIA_TYPES = {
    Kind.CCDA: "text/xml",
    Kind.HL7V2: "application/hl7-v2",
    Kind.FHIR: "application/fhir+json",
    Kind.PDF: "application/pdf",
    Kind.XDM: "application/zip",
    Kind.TEXT: "text/plain",
    Kind.OTHER: "application/octet-stream",
}

_HEADERS = (b"MSH", b"FHS", b"BHS")
_TYPE_FIRST = re.compile(rb'\{[ \t\r\n]*"resourceType"[ \t\r\n]*:')
_TYPE = b'"resourceType"'
_PDF = b"%PDF-"
_PDF_BEGINS_WITHIN = 1024
"""Readers of PDF accept as much before its header (ISO 32000-1, annex H.3.4.1)."""
_ZIP = b"PK\x03\x04"
_XDM = re.compile(rb"(?:^|[/\\]|[\x00-\x1f]|SUBSET\d\d)METADATA\.XML", re.IGNORECASE)
_DIRECTORY_WITHIN = 1 << 20
_CLINICAL_DOCUMENT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s/>]")
_MARK = codecs.BOM_UTF8
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TEXT_CONTROLS = b"\t\n\f\r\x1b"
_OTHER_CONTROLS = bytes(byte for byte in range(0x20) if byte not in _TEXT_CONTROLS)


def recognize(body: bytes) -> Kind:
    """What `body` holds. HL7 v2 is known by its header, FHIR as a resource in JSON, a clinical document by its root
    element, XDM as a ZIP with its metadata; text is UTF-8 without control characters."""
    start = body[:64].removeprefix(_MARK).lstrip(b"\x0b \t\r\n")
    if start.startswith(_HEADERS):
        return Kind.HL7V2
    if start.startswith(b"{") and (_TYPE_FIRST.match(start) or (_TYPE in body and _is_resource(body))):
        return Kind.FHIR
    if body.startswith(_ZIP):
        return Kind.XDM if _XDM.search(body, max(0, len(body) - _DIRECTORY_WITHIN)) else Kind.OTHER
    if _is_clinical_document(body):
        return Kind.CCDA
    if _PDF in body[:_PDF_BEGINS_WITHIN]:
        return Kind.PDF
    return Kind.TEXT if _is_text(body) else Kind.OTHER


def _is_resource(body: bytes) -> bool:
    try:
        read(body)
    except FhirError:
        return False
    return True


def _is_clinical_document(body: bytes) -> bool:
    head = body.removeprefix(_MARK)
    if body.startswith(_WIDE):
        head = body[:65_536].decode("utf-16", "replace").encode(errors="replace")
    if not head[:64].lstrip().startswith(b"<"):
        return False
    return _CLINICAL_DOCUMENT.match(head, prolog_end(head)) is not None


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(body.translate(None, _OTHER_CONTROLS)) == len(body)
