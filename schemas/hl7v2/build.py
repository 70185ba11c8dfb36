"""A new message from nothing but its header."""

from __future__ import annotations

from datetime import datetime

from schemas.hl7v2.delimiters import STANDARD, Delimiters
from schemas.hl7v2.er7 import Er7
from schemas.hl7v2.err import release_of
from schemas.hl7v2.times import timestamp


def build(
    message_type: str,
    trigger_event: str,
    version: str,
    control_id: str,
    now: datetime,
    *,
    structure: str = "",
    sending_application: str = "",
    sending_facility: str = "",
    receiving_application: str = "",
    receiving_facility: str = "",
    processing_id: str = "P",
    accept_ack: str = "",
    application_ack: str = "",
    charset: str = "",
    delimiters: Delimiters = STANDARD,
) -> Er7:
    """A message that holds an MSH and nothing else; add segments with `add` and `set`.

    `structure` is written to MSH-9.3 from version 2.3.1 on; `charset` is a name of HL7 table 0211 for MSH-18, in which
    the message is then written (without it: ASCII). Raises `Hl7Error` when a value cannot be written.
    """
    opening = f"MSH{delimiters.field}{delimiters.encoding_characters}"
    message = Er7.parse(
        f"{opening}{delimiters.field * 16}{charset}\r".encode("latin-1")
        if charset
        else f"{opening}\r".encode("latin-1")
    )
    values = {
        "MSH-3": sending_application,
        "MSH-4": sending_facility,
        "MSH-5": receiving_application,
        "MSH-6": receiving_facility,
        "MSH-7": timestamp(now),
        "MSH-9.1": message_type,
        "MSH-9.2": trigger_event,
        "MSH-9.3": structure if release_of(version) >= (2, 3, 1) else "",
        "MSH-10": control_id,
        "MSH-11": processing_id,
        "MSH-12": version,
        "MSH-15": accept_ack,
        "MSH-16": application_ack,
    }
    for path, value in values.items():
        message.set(path, value)
    return message
