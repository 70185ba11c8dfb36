"""Attachment to ED and RP."""

from __future__ import annotations

from transforms.elements import ALTERNATE_CODES, OWN
from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.authorities import system_hd
from transforms.fhir_to_v2.datatypes.codes import codes_of
from transforms.fhir_to_v2.line import Part
from transforms.v2_to_fhir.datatypes.attachments import DATA_TYPE

_SUBTYPES = {
    "application/pdf": "PDF",
    "application/rtf": "RTF",
    "text/html": "HTML",
    "application/xml": "XML",
    "text/xml": "XML",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/tiff": "TIFF",
    "application/dicom": "DICOM",
    "application/hl7-cda-level-one+xml": "x-hl7-cda-level-one",
}
"""Subtypes of data (table 0291) by media type."""


def ed_of(attachment: Node, data: str) -> dict[int, Part]:
    """Attachment[ED], its data in base64."""
    kind, subtype = _types(attachment)
    attachment.text("data")
    return {2: kind, 3: subtype, 4: "Base64", 5: data}


def rp_of(attachment: Node) -> dict[int, Part]:
    """Attachment[RP]: where the data lies."""
    kind, subtype = _types(attachment)
    application = attachment.extension(f"{OWN}pointer-application").text("valueString")
    named = system_hd(application) if application else ("", "", "")
    return {1: attachment.text("url"), 2: [*named], 3: kind, 4: subtype}


def _types(attachment: Node) -> tuple[str, str]:
    """Type of data (table 0191) and subtype (table 0291) of a media type."""
    kind = subtype = ""
    for each in attachment.extensions(ALTERNATE_CODES) if attachment.has("extension") else ():
        kind = next(iter(codes_of(each.one("valueCodeableConcept"), DATA_TYPE)), "")
    if attachment.has("extension"):
        subtype = attachment.extension(f"{OWN}data-subtype").text("valueString")
    media = attachment.text("contentType").partition(";")[0].strip()
    main, _, rest = media.partition("/")
    return kind or main.capitalize() or "Application", subtype or _SUBTYPES.get(media, rest or "Octet-stream")
