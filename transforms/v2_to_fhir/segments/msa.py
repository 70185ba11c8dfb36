"""MSA: which message this one answers, and how it was taken."""

from __future__ import annotations

import re

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, OWN, absent, add_extension, extension
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

ACKNOWLEDGMENT = "http://terminology.hl7.org/CodeSystem/v2-0008"
_CODES = {
    "AA": "ok",
    "CA": "ok",
    "AE": "fatal-error",
    "CE": "fatal-error",
    "AR": "transient-error",
    "CR": "transient-error",
}
"""Table 0008. An error lies in the message; a reject does not, and it may be sent again (HL7 v2.9, 2.9.2.2)."""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z", re.ASCII)


def msa_message_header(msa: SourceSegment, run: Run, header: Resource) -> None:
    """MSA[MessageHeader]."""
    response: Element = {}
    number = msa.text(2)
    if _ID.match(number):
        response["identifier"] = number
    else:
        response["_identifier"] = absent("unsupported" if number else "unknown")
        if number:
            add_extension(response["_identifier"], extension(f"{OWN}message-control-id", "valueString", number))
    code = msa.text(1)
    if code in _CODES:
        response["code"] = _CODES[code]
    else:
        response["_code"] = absent("unknown")
    if code:
        original = {"coding": [{"system": ACKNOWLEDGMENT, "code": code}]}
        add_extension(response.setdefault("_code", {}), extension(ALTERNATE_CODES, "valueCodeableConcept", original))
    header["response"] = response


def is_positive(code: str) -> bool:
    """Whether an acknowledgment code (MSA-1) says that the message was taken."""
    return _CODES.get(code) == "ok"
