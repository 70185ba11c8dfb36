"""What MSH says, read without looking at the rest of the message."""

from __future__ import annotations

from typing import NamedTuple

from schemas.hl7v2.delimiters import Delimiters
from schemas.hl7v2.er7 import Er7

_LONGEST_USUAL = 2048


class Header(NamedTuple):
    """The fields of MSH by which a message is accepted and answered, as plain text; "" where the sender gives none.

    Applications and facilities are their first component (the namespace id). `accept_ack` and `application_ack` are
    MSH-15 and MSH-16, `charset` MSH-18 as declared.
    """

    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str
    message_type: str
    trigger_event: str
    structure: str
    control_id: str
    processing_id: str
    version: str
    accept_ack: str
    application_ack: str
    charset: str
    delimiters: Delimiters


def header(body: bytes, charset: str | None = None) -> Header:
    """The header of the message in `body`; raises `Hl7Error` when there is none.

    `charset` is what a message without MSH-18 is read in, as for `Er7.parse`.
    """
    line = first_line(body)
    if line is None:
        return _by_model(Er7.parse(body, charset))
    text = line.decode("ascii")
    separator = text[3]
    fields = text.split(separator, 19)
    delimiters = Delimiters.declared(separator, fields[1])
    if delimiters.escape in text[4 + len(fields[1]) :]:
        return _by_model(Er7.parse(line, charset))
    fields += [""] * (20 - len(fields))
    component, repetition = delimiters.component, delimiters.repetition
    first = [fields[n].split(repetition, 1)[0].split(component, 1)[0] for n in (2, 3, 4, 5, 10, 11)]
    kind, event, structure = _message_type(fields[8].split(repetition, 1)[0].split(component))
    return Header(
        first[0],
        first[1],
        first[2],
        first[3],
        kind,
        event,
        structure,
        fields[9],
        first[4],
        first[5],
        fields[14],
        fields[15],
        fields[17],
        delimiters,
    )


def first_line(body: bytes) -> bytes | None:
    """The bytes of MSH where the message starts with it and it is ASCII, else None."""
    if body[:3] != b"MSH" or len(body) < 4:
        return None
    window = body[:_LONGEST_USUAL]
    end = window.find(b"\r")
    if end < 0 and len(body) > len(window):
        window = body
        end = body.find(b"\r")
    line = window if end < 0 else window[:end]
    feed = line.find(b"\n")
    if feed >= 0:
        line = line[:feed]
    return line if line.isascii() and not line[3:4].isalnum() and b" " < line[3:4] < b"\x7f" else None


def _message_type(components: list[str]) -> tuple[str, str, str]:
    """Message type, trigger event and structure of an MSH-9, the odd `ADT_A01` alone included."""
    first, second, third, *_ = (*components, "", "", "")
    kind, _, event = first.partition("_")
    return kind, second or event, third or (first if event else "")


def _by_model(message: Er7) -> Header:
    return Header(
        message.get("MSH-3[1].1"),
        message.get("MSH-4[1].1"),
        message.get("MSH-5[1].1"),
        message.get("MSH-6[1].1"),
        message.message_type,
        message.trigger_event,
        message.structure,
        message.control_id,
        message.get("MSH-11.1"),
        message.version,
        message.get("MSH-15"),
        message.get("MSH-16"),
        message.get("MSH-18"),
        message.delimiters,
    )
