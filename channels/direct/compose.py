"""A message as the mail that carries it: headers, a text to read, and its body as an attachment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from pydantic import BaseModel, ConfigDict, Field

from channels.direct.mime import Attachment, write_mail
from channels.direct.notices import ASKS_FINAL_DELIVERY
from channels.direct.options import Oid
from channels.direct.xdm import SUBJECT, Sending, submit, write_xdm
from schemas.content import Kind, recognize
from schemas.message import TEXT, Message

LARGE = 256 << 10
"""Bodies above this size, in bytes, are composed beside the event loop."""

_EXTENSIONS = {
    Kind.CCDA: "xml",
    Kind.HL7V2: "hl7",
    Kind.FHIR: "json",
    Kind.PDF: "pdf",
    Kind.XDM: "zip",
    Kind.TEXT: "txt",
    Kind.OTHER: "bin",
}


class Package(BaseModel):
    """Messages go out in XDM packages, with what each document says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source_id: Oid = Field(description="The OID of the sending system.")
    organization: str = Field("", description="The sending organization, as an XON: St. Anne's^^^^^^^^^1.2.3.")


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says besides what it carries. Addresses and the Message-ID are plain, without angle brackets.

    `final_delivery` asks for word of the delivery at the final destination. `file` is a name for what is attached.
    """

    sender: str
    recipients: tuple[str, ...]
    message_id: str
    date: datetime
    subject: str
    text: str
    file: str = ""
    final_delivery: bool = False
    package: Package | None = None


def compose(message: Message, letter: Letter, random: Callable[[int], bytes]) -> bytes:
    """The mail that carries the body of `message`, in an XDM package where `letter` asks for one. A text is what stands
    in the mail to be read, unless it is to be a file or in a package.

    Raises `MimeError` where something cannot stand in its headers.
    """
    body, subject = message.body, letter.subject
    if letter.package is not None:
        sending = Sending(letter.sender, letter.recipients, letter.package.source_id, letter.package.organization)
        submission = submit([body], sending, letter.date, lambda: random(16).hex())
        body = write_xdm(submission, letter.date)
        subject = subject if SUBJECT in subject else f"{SUBJECT} {subject}".strip()
    read = _text_of(body) if message.format == TEXT and letter.package is None and not letter.file else None
    kind = recognize(body)
    name = letter.file or f"{message.id[:8]}.{_EXTENSIONS[kind]}"
    attachment = Attachment(name, kind.media_type, body)
    headers = [
        ("From", letter.sender),
        ("To", ", ".join(letter.recipients)),
        ("Date", format_datetime(letter.date)),
        ("Message-ID", f"<{letter.message_id}>"),
        ("Subject", subject),
        ("Disposition-Notification-To", letter.sender),
    ]
    if letter.final_delivery:
        headers.append(("Disposition-Notification-Options", ASKS_FINAL_DELIVERY))
    if read is not None:
        return write_mail(headers, read, [], random)
    return write_mail(headers, letter.text, [attachment], random)


def _text_of(body: bytes) -> str | None:
    """What a mail can say of `body`: in another encoding than UTF-8 it goes as the file that it is, none of it lost."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
