"""Message disposition notifications (RFC 8098, RFC 3798) as Direct uses them: read tolerantly, written strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from channels.direct.notices.error import NoticeError
from channels.direct.notices.fields import Fields, address, is_address, is_id, merged, plain_id, read_groups
from channels.direct.notices.notice import Notice, NoticeKind
from channels.direct.notices.options import FINAL_DELIVERY

LONGEST_REASON = 1_000

_FAILURES = frozenset(("failed", "failure", "denied", "error"))
_KINDS = {
    kind.value: kind for kind in (NoticeKind.PROCESSED, NoticeKind.DISPATCHED, NoticeKind.DISPLAYED, NoticeKind.DELETED)
}
_STATUS = re.compile(r"(?<![0-9.])[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_WORDS = {
    NoticeKind.PROCESSED: "The message was received and processed.",
    NoticeKind.DISPATCHED: "The message was delivered to its final destination.",
    NoticeKind.FAILED: "The message could not be delivered.",
}


@dataclass(frozen=True, slots=True)
class Mdn:
    """An MDN to be written. Addresses and ids are plain, without angle brackets.

    `sender` is the recipient that it speaks for, `to` who gets it, `about` the Message-ID of the message it is about,
    `reporter` the name of the system that says so (a domain). `failure` says why a failed one failed, in printable
    ASCII; it must not say more than the partner may know.
    """

    kind: NoticeKind
    sender: str
    to: str
    about: str
    reporter: str
    failure: str = ""


def read_mdn(report: bytes) -> Notice:
    """The notice in a part of type message/disposition-notification; raises `NoticeError` where it says none."""
    fields = merged(read_groups(report))
    return Notice(
        kind=_kind(fields.get("disposition")),
        message_id=plain_id(fields.get("original-message-id")),
        recipient=address(fields.get("final-recipient")),
        original_recipient=address(fields.get("original-recipient")),
        final=FINAL_DELIVERY.lower() in fields,
        status=_status(fields),
        reason=fields.first("failure", "error", "warning")[:LONGEST_REASON],
        reporter=fields.get("reporting-ua")[:LONGEST_REASON],
    )


def write_mdn(mdn: Mdn, now: datetime, message_id: str) -> bytes:
    """The whole mail that `mdn` is, to be signed and encrypted: 7-bit, lines of CRLF. `message_id` is its own, and new.

    It asks for no notice itself, and says that it was sent automatically, so that nothing answers it (RFC 8098, 2.1).
    Raises `NoticeError` where a value cannot stand in it.
    """
    _check(mdn, message_id)
    boundary = f"=_{re.sub(r'[^A-Za-z0-9]', '', message_id.partition('@')[0])[:40]}_mdn"
    words = _WORDS[mdn.kind]
    lines = [
        f"From: {mdn.sender}",
        f"To: {mdn.to}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{message_id}>",
        f"In-Reply-To: <{mdn.about}>",
        f"References: <{mdn.about}>",
        f"Subject: {mdn.kind.capitalize()}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=disposition-notification;\r\n boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        "",
        words if not mdn.failure else f"{words}\r\n{mdn.failure}",
        "",
        f"--{boundary}",
        "Content-Type: message/disposition-notification",
        "Content-Transfer-Encoding: 7bit",
        "",
        f"Reporting-UA: {mdn.reporter}; hie",
        f"Final-Recipient: rfc822; {mdn.sender}",
        f"Original-Message-ID: <{mdn.about}>",
        f"Disposition: automatic-action/MDN-sent-automatically; {mdn.kind}",
    ]
    if mdn.kind is NoticeKind.DISPATCHED:
        lines.append(f"{FINAL_DELIVERY}: ")
    if mdn.failure:
        lines.append(f"Failure: {mdn.failure}")
    return "\r\n".join((*lines, "", f"--{boundary}--", "")).encode("ascii")


def _check(mdn: Mdn, message_id: str) -> None:
    if mdn.kind not in _WORDS:
        raise NoticeError("notice-not-written", f"no {mdn.kind} notice is sent by Direct")
    if not is_address(mdn.sender) or not is_address(mdn.to):
        raise NoticeError("notice-address", "a notice goes from one plain address to another")
    if not is_id(mdn.about) or not is_id(message_id):
        raise NoticeError("notice-message-id", "a notice has a Message-ID and says that of the message it is about")
    for text, most in ((mdn.reporter, 255), (mdn.failure, 900)):
        if len(text) > most or not text.isascii() or (text and not text.isprintable()):
            raise NoticeError("notice-text", f"the texts of a notice are up to {most} characters of printable ASCII")
    if not mdn.reporter or (mdn.failure and mdn.kind is not NoticeKind.FAILED):
        raise NoticeError("notice-text", "a notice says who reports, and only a failed one why")


def _kind(disposition: str) -> NoticeKind:
    """What `mode; type/modifier, modifier` says; the mode may be missing."""
    text = "".join(disposition.lower().split()).rpartition(";")[2]
    word, _, modifiers = text.partition("/")
    if word in _FAILURES or not _FAILURES.isdisjoint(modifiers.split(",")):
        return NoticeKind.FAILED
    if word not in _KINDS:
        raise NoticeError(
            "notice-disposition", "the notice has no disposition that is known", hint="its sender has to correct it"
        )
    return _KINDS[word]


def _status(fields: Fields) -> str:
    found = _STATUS.search(fields.first("failure", "error"))
    return found.group(0) if found else ""
