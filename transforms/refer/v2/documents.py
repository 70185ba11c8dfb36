"""Documents within an HL7 v2 message: OBX with ED or RP, byte for byte."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from schemas.content import Kind, recognize
from transforms.fhir_to_v2.line import Part
from transforms.fhir_to_v2.run import Run
from transforms.refer.error import ReferralError
from transforms.refer.referral import LINKS, Attached, Coded
from transforms.refer.v2.source import Source
from transforms.refer.v2.values import coded, cwe_of
from transforms.refer.v2.written import numbered
from transforms.v2_to_fhir.datatypes.attachments import ed_attachment
from transforms.v2_to_fhir.source import SourceSegment, Value

_TYPES = {"application": "AP", "audio": "AU", "image": "IM", "text": "TEXT", "multipart": "multipart"}
"""Table 0191 by the type of a media type; from 2.8 on the type stands there itself (table 0834)."""
_BY_CODE = {code: kind for kind, code in _TYPES.items()}
_CDA = "x-hl7-cda-level-one"


def documents_of(source: Source, note: Coded) -> Iterator[tuple[SourceSegment, Attached]]:
    """Each OBX that holds a document, and the document; `note` is an OBR-4 that names no title.

    Raises `ReferralError` for a document whose data cannot be read: it must not be missing in silence.
    """
    obr: SourceSegment | None = None
    for segment in source.segments:
        if segment.name == "OBR":
            obr = segment
        elif segment.name == "OBX" and segment.text(2) in ("ED", "RP"):
            for value in segment[5]:
                body, media_type = _content(value, segment, source)
                yield segment, Attached(body, media_type, _title(obr, segment, note), _unique_id(obr))


def put_document(run: Run, document: Attached, note: Coded, status: str) -> None:
    """An OBR and an OBX for a document: its unique id in OBR-3, its title beside the code of `note` in OBR-4."""
    obr = numbered(run, "OBR")
    obr.put(3, {1: document.unique_id})
    obr.put(4, {**cwe_of(note), 5: document.title})
    obr.put(25, status)
    obx = run.line("OBX")
    obx.put(1, "1")
    obx.put(3, cwe_of(note))
    obx.put(11, status if status in ("F", "P") else "F")
    if document.link:
        obx.put(2, "RP")
        obx.put(5, {1: document.link})
    else:
        obx.put(2, "ED")
        data = base64.b64encode(document.body).decode("ascii")
        obx.put(5, {**_media_parts(document.media_type, run), 4: "Base64", 5: data})


def _content(value: Value, segment: SourceSegment, source: Source) -> tuple[bytes, str]:
    where = segment.where(5)
    if segment.text(2) == "RP" and value[1]:
        return value[1].encode() + b"\r\n", LINKS
    made = ed_attachment(value, source.run, where) if segment.text(2) == "ED" else None
    try:
        body = base64.b64decode(made["data"], validate=True) if made is not None else None
    except (binascii.Error, ValueError):
        body = None
    if made is None or body is None:
        hint = "ED.4 names the encoding of the data in ED.5; RP.1 says where the document lies"
        raise ReferralError("the document cannot be read", where=where, hint=hint)
    return body, _media_type(value[2], value[3], body) or made["contentType"]


def _media_type(kind: str, subtype: str, body: bytes) -> str:
    """The media type that the sender names in the words of media types; "" where it uses codes of HL7's."""
    if recognize(body) is Kind.CCDA and (subtype == _CDA or not subtype):
        return Kind.CCDA.media_type
    if "/" in subtype:
        return subtype
    main = _BY_CODE.get(kind, kind)
    is_plain = subtype and subtype == subtype.lower() and subtype != _CDA and main == main.lower()
    return f"{main}/{subtype}" if is_plain else ""


def _media_parts(media_type: str, run: Run) -> dict[int, Part]:
    main, _, subtype = media_type.partition("/")
    code = _TYPES.get(main, "") if run.before(2, 8) else main
    if not code or not subtype or media_type != media_type.lower() or "/" in subtype:
        return {2: "AP" if run.before(2, 8) else "application", 3: media_type}
    return {2: code, 3: subtype}


def _title(obr: SourceSegment | None, obx: SourceSegment, note: Coded) -> str:
    named = obr.first(4) if obr is not None else None
    if named is not None and named[1] == note.code:
        return named[5]
    return (coded(named).text if named is not None else "") or coded(obx.first(3)).text


def _unique_id(obr: SourceSegment | None) -> str:
    """The identifier of what a group reports, as documents are identified (root, or root^extension)."""
    ei = obr.first(3) if obr is not None else None
    if ei is None:
        return ""
    return f"{ei[3]}^{ei[1]}" if ei[3] else ei[1]
