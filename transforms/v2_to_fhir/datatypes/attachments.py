"""ED and RP, and lines of text, to Attachment and the parts of a DocumentReference."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from schemas.fhir import Element
from transforms.elements import ALTERNATE_CODES, OWN, add_extension, extension
from transforms.v2_to_fhir.datatypes.authorities import universal_uri
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import Value

NOT_ENCODED = "FHIR-114"
DATA_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0191"
PLAIN_TEXT = "text/plain"
_POINTER = f"{OWN}pointer-application"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\Z", re.ASCII)
_SUBTYPES = {
    "PDF": "application/pdf",
    "RTF": "application/rtf",
    "HTML": "text/html",
    "XML": "application/xml",
    "JPEG": "image/jpeg",
    "JPG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "TIF": "image/tiff",
    "BMP": "image/bmp",
    "DICOM": "application/dicom",
    "BASIC": "audio/basic",
    "TXT": PLAIN_TEXT,
    "PLAIN": PLAIN_TEXT,
    "TEXT": PLAIN_TEXT,
    "X-HL7-CDA-LEVEL-ONE": "application/hl7-cda-level-one+xml",
    "CDA": "application/cda+xml",
    "MSWORD": "application/msword",
    "DOC": "application/msword",
    "DOCX": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "JSON": "application/json",
    "ZIP": "application/zip",
}
"""Media types of table 0291's subtypes, and of the file extensions that feeds send in their place."""
_TYPES = {
    "APPLICATION": "application",
    "AP": "application",
    "AUDIO": "audio",
    "AU": "audio",
    "IMAGE": "image",
    "IM": "image",
    "MODEL": "model",
    "MULTIPART": "multipart",
    "TEXT": "text",
    "TX": "text",
    "FT": "text",
    "VIDEO": "video",
}
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
)
_SPACE = re.compile(r"\s+|\\\.br\\", re.ASCII)


def ed_attachment(ed: Value | None, run: Run, where: str) -> Element | None:
    """ED[Attachment]: the data in base64, whatever it was sent in, and its media type.

    The first bytes say what it is where they are of a known kind: senders' type and subtype are not always right. None,
    with a finding, where the data is not in the encoding that ED.4 names; it stays unread and so is kept.
    """
    if ed is None or not ed.has(5):
        return None
    data = _data(ed)
    if data is None:
        run.tell(NOT_ENCODED, where, "the data is not in the encoding that ED.4 names; its text is kept")
        return None
    content, encoded = data
    element: Element = {}
    kind = _media_type(ed.peek(2), ed.peek(3), content)
    if ed.has(2):
        _put_data_type(element, ed[2], kind)
    if ed.has(3):
        subtype = ed[3]
        if subtype.upper() not in kind.upper():
            add_extension(element, extension(f"{OWN}data-subtype", "valueString", subtype))
    element["contentType"] = kind
    element["data"] = encoded
    return element


def rp_attachment(rp: Value | None, run: Run, where: str) -> Element | None:
    """RP[Attachment]: where the data lies, and its media type."""
    if rp is None or not rp.has(1):
        return None
    element: Element = {}
    kind = _media_type(rp.peek(3), rp.peek(4), b"")
    if rp.has(3):
        _put_data_type(element, rp[3], kind)
    rp.mark(4)  # the media type says it
    if rp.has(2):
        application = rp.part(2)
        base = universal_uri(application[2], application[3])
        text = base or application[1] or application[2]
        add_extension(element, extension(_POINTER, "valueString", text))
    if kind != "application/octet-stream":
        element["contentType"] = kind
    element["url"] = rp[1]
    return element


def ed_document_reference(ed: Value | None, run: Run, where: str) -> Element | None:
    """ED[DocumentReference]: the content that it is."""
    attachment = ed_attachment(ed, run, where)
    return None if attachment is None else {"attachment": attachment}


def rp_document_reference(rp: Value | None, run: Run, where: str) -> Element | None:
    """RP[DocumentReference]: the content that it points to."""
    attachment = rp_attachment(rp, run, where)
    return None if attachment is None else {"attachment": attachment}


def text_attachment(text: str, title: str = "") -> Element:
    """Plain text as an Attachment."""
    data = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    element: Element = {"contentType": f"{PLAIN_TEXT}; charset=utf-8", "data": data}
    if title:
        element["title"] = title
    return element


def without_data(attachment: Element) -> Element:
    """The Attachment without its data, which stands elsewhere: known again by its SHA-1 (R4, Attachment.hash)."""
    if "data" not in attachment:
        return attachment
    content = base64.b64decode(attachment["data"])
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    rest = {name: value for name, value in attachment.items() if name != "data"}
    return {**rest, "size": len(content), "hash": base64.b64encode(digest).decode("ascii")}


def is_image(attachment: Element) -> bool:
    """Whether it is a picture rather than a document."""
    kind: str = attachment.get("contentType", "")
    return kind.startswith("image/") or kind == "application/dicom"


def from_base64(text: str) -> bytes:
    """The bytes of base64 without white space, whose padding some senders leave out; raises `ValueError`."""
    return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)


def _data(ed: Value) -> tuple[bytes, str] | None:
    """The bytes of an ED and their base64, by the encoding that ED.4 names (table 0299); marks what it reads."""
    encoding = ed.peek(4).strip().upper()
    if encoding == "BASE64":
        wire = _SPACE.sub("", ed.peek(5))
        try:
            content = from_base64(wire)
        except ValueError:
            return None
        ed.mark(4, 5)
        return content, wire if len(wire) % 4 == 0 else base64.b64encode(content).decode("ascii")
    if encoding == "HEX":
        try:
            content = bytes.fromhex(ed.peek(5))
        except ValueError:
            return None
        ed.mark(4, 5)
    elif encoding in ("A", ""):
        # What follows is text: a separator in it is no separator.
        content = ed.rest(5).encode("utf-8", "replace")
        ed.mark(4)
    else:
        return None
    return content, base64.b64encode(content).decode("ascii")


def _media_type(kind: str, subtype: str, content: bytes) -> str:
    for signature, known in _SIGNATURES:
        if content.startswith(signature):
            return known
    if "/" in subtype and _MEDIA_TYPE.match(subtype):
        return subtype.lower()
    if "/" in kind and _MEDIA_TYPE.match(kind):
        return kind.lower()
    named = _SUBTYPES.get(subtype.upper()) or _SUBTYPES.get(kind.upper())
    if named is not None:
        return named
    main = _TYPES.get(kind.upper(), "")
    if main and subtype and subtype.lower() not in ("octet-stream", "") and _MEDIA_TYPE.match(f"{main}/{subtype}"):
        return f"{main}/{subtype.lower()}"
    return PLAIN_TEXT if main == "text" else "application/octet-stream"


def _put_data_type(element: Element, code: str, kind: str) -> None:
    """Keep the type of data (table 0191) beside a media type that does not say it."""
    if code.lower() != kind.partition("/")[0]:
        coded = {"coding": [{"system": DATA_TYPE, "code": code}]}
        add_extension(element, extension(ALTERNATE_CODES, "valueCodeableConcept", coded))
