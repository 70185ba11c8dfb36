"""What the headers of a mail say, by the rules of Direct for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from channels.direct.mime.address import Address, parse_list
from channels.direct.mime.error import MimeError
from channels.direct.mime.headers import Headers
from channels.direct.mime.words import decode_words

_MESSAGE_ID = re.compile(r"<[^<>@\s\x00-\x1f]+@[^<>@\s\x00-\x1f]+>\Z")
_ONCE = ("sender", "to", "cc", "subject", "reply-to", "in-reply-to", "references")
_MOST_RECEIVED = 25


@dataclass(frozen=True, slots=True)
class MailFacts:
    """Who wrote to whom, when, and which message it is.

    `message_id` keeps its angle brackets. A notice of another's software may have neither it nor a date: "" and None.
    """

    sender: Address
    """The mailbox in From."""
    agent: Address | None
    """The mailbox in Sender, where somebody else sent it off."""
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    date: datetime | None
    message_id: str
    subject: str

    @classmethod
    def of(cls, headers: Headers, *, is_notice: bool = False) -> MailFacts:
        """The facts in `headers`; raises `MimeError` where Direct's rules for them are broken.

        Those are: one From, Date and Message-ID, a To, no Bcc, ASCII only, none of them twice, 25 Received at most. A
        notice is not refused for want of a Date or Message-ID, for then a sender would not learn what became of a mail.
        """
        if not headers.is_ascii:
            raise MimeError("mime-header", "the headers are not ASCII", "the sender must encode them (RFC 2047)")
        if "bcc" in headers:
            raise MimeError("mime-bcc", "the message has a Bcc, which Direct does not allow")
        for name in _ONCE:
            if len(headers.all(name)) > 1:
                raise MimeError("mime-header-twice", f"{name} is there twice", "software may take either of them")
        if len(headers.all("received")) > _MOST_RECEIVED:
            raise MimeError("mime-loop", "the message went through more than 25 servers", "look for a mail loop")
        dated, named = ("date" in headers, "message-id" in headers) if is_notice else (True, True)
        agent = headers.get("sender")
        return cls(
            sender=Address.parse(headers.one("from")),
            agent=Address.parse(agent) if agent else None,
            to=parse_list(headers.one("to")),
            cc=parse_list(headers.get("cc")) if headers.get("cc") else (),
            date=_date(headers.one("date")) if dated else None,
            message_id=_message_id(headers.one("message-id")) if named else "",
            subject=decode_words(headers.get("subject")),
        )

    @property
    def recipients(self) -> tuple[Address, ...]:
        """The mailboxes in To and Cc."""
        return (*self.to, *self.cc)


def _message_id(text: str) -> str:
    if not _MESSAGE_ID.match(text) or len(text) > 998:
        raise MimeError("mime-message-id", "the Message-ID is not of the form <left@right>")
    return text


def _date(text: str) -> datetime:
    try:
        parsed = parsedate_to_datetime(text)
        return parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise MimeError("mime-date", "the Date is no date") from None
