"""What is said about a document that is to be sent, by its kind: as much as it says itself."""

from __future__ import annotations

import re
from dataclasses import replace

from channels.direct.xdm.clinical import FORMAT_CODES, describe_clinical
from channels.direct.xdm.package import Code, Entry
from schemas.ccda.error import CcdaError
from schemas.content import Kind, recognize
from schemas.hl7v2 import Er7, Hl7Error
from schemas.hl7v2.escape import escape

LOINC = "2.16.840.1.113883.6.1"
_MESSAGE_TYPES = "2.16.840.1.113883.12.76"
_MIME_TYPE_SUFFICIENT = Code("urn:ihe:iti:xds:2017:mimeTypeSufficient", FORMAT_CODES, "mimeType sufficient")
_MIME_TYPES = {Kind.HL7V2: "x-application/hl7-v2+er7"}
"""Where a package names a kind otherwise than mail does."""

_CLINICAL_NOTE = Code("34109-9", LOINC, "Note")
_NORMAL = Code("N", "2.16.840.1.113883.5.25", "Normal")
_PATIENT_FIELDS = (("PID-5", 5), ("PID-7", 1), ("PID-8", 1), ("PID-11", 6))
"""With how many components are told."""

_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+\Z")


def describe(data: bytes) -> Entry:
    """The entry for `data`: of a clinical document what its header says, of an HL7 v2 message its type and patient."""
    kind = recognize(data)
    if kind is Kind.CCDA:
        return _clinical(data)
    return _message(data) if kind is Kind.HL7V2 else _plain(kind)


def _clinical(data: bytes) -> Entry:
    """What the document says, and where it is silent what is said of any."""
    plain = _plain(Kind.CCDA)
    try:
        said = describe_clinical(data)
    except CcdaError:
        return plain
    return replace(
        said,
        class_code=said.class_code or plain.class_code,
        type_code=said.type_code or plain.type_code,
        format_code=said.format_code or plain.format_code,
        confidentiality=said.confidentiality or plain.confidentiality,
    )


def _plain(kind: Kind) -> Entry:
    return Entry(
        mime_type=_MIME_TYPES.get(kind, kind.media_type),
        class_code=_CLINICAL_NOTE,
        type_code=_CLINICAL_NOTE,
        format_code=_MIME_TYPE_SUFFICIENT,
        confidentiality=(_NORMAL,),
    )


def _message(data: bytes) -> Entry:
    try:
        message = Er7.parse(data)
        type = message.get("MSH-9.1")
        patient_id = _cx(message)
        fields = [(path, _components(message, path, count)) for path, count in _PATIENT_FIELDS]
    except Hl7Error:
        return _plain(Kind.HL7V2)
    known = (("PID-3", patient_id), *fields)
    code = Code(type, _MESSAGE_TYPES, type) if type else _CLINICAL_NOTE
    return Entry(
        mime_type=_MIME_TYPES[Kind.HL7V2],
        patient_id=patient_id,
        source_patient_id=patient_id,
        patient_info=tuple(f"{path}|{value}" for path, value in known if value),
        class_code=code,
        type_code=code,
        format_code=_MIME_TYPE_SUFFICIENT,
        confidentiality=(_NORMAL,),
    )


def _cx(message: Er7) -> str:
    """The first identifier of PID-3 whose authority is an OID."""
    for number in range(1, 10):
        id, authority = message.get(f"PID-3[{number}].1"), message.get(f"PID-3[{number}].4.2")
        if id and _OID.match(authority):
            return f"{escape(id)}^^^&{authority}&ISO"
    return ""


def _components(message: Er7, path: str, count: int) -> str:
    return "^".join(escape(message.get(f"{path}.{number}")) for number in range(1, count + 1)).rstrip("^")
