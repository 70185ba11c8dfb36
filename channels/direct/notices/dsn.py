"""Delivery status notifications (RFC 3464): what mail servers say became of a message, recipient by recipient."""

from __future__ import annotations

import re

from channels.direct.notices.error import NoticeError
from channels.direct.notices.fields import Fields, address, merged, plain_id, read_groups
from channels.direct.notices.mdn import LONGEST_REASON
from channels.direct.notices.notice import Notice, NoticeKind

_KINDS = {
    kind.value: kind
    for kind in (
        NoticeKind.FAILED,
        NoticeKind.DELAYED,
        NoticeKind.DELIVERED,
        NoticeKind.RELAYED,
        NoticeKind.EXPANDED,
    )
}
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")
_OF_RECIPIENTS = ("final-recipient", "original-recipient", "action")
_IDS = ("original-message-id", "x-original-message-id")


def read_dsn(report: bytes, returned: bytes = b"") -> tuple[Notice, ...]:
    """The notices in a part of type message/delivery-status, one for each recipient that it speaks of.

    A DSN has no field for the Message-ID that it is about: it stands in `returned`, the third part, which holds the
    message or its headers. Raises `NoticeError` where the report speaks of no recipient.
    """
    groups = read_groups(report)
    whole = merged(group for group in groups if not _is_of_recipient(group))
    about = plain_id(whole.first(*_IDS)) or _returned_id(returned)
    reporter = whole.first("reporting-mta")[:LONGEST_REASON]
    notices = tuple(_notice(group, about, reporter) for group in groups if _is_of_recipient(group))
    if not notices:
        raise NoticeError("notice-recipients", "the delivery report speaks of no recipient")
    return notices


def _is_of_recipient(group: Fields) -> bool:
    return any(name in group for name in _OF_RECIPIENTS)


def _notice(group: Fields, about: str, reporter: str) -> Notice:
    status = _STATUS.match(group.get("status"))
    return Notice(
        kind=_kind(group.get("action"), status.group(1) if status else ""),
        message_id=plain_id(group.first(*_IDS)) or about,
        recipient=address(group.get("final-recipient")),
        original_recipient=address(group.get("original-recipient")),
        status=status.group(1) if status else "",
        reason=group.get("diagnostic-code")[:LONGEST_REASON],
        reporter=reporter,
    )


def _kind(action: str, status: str) -> NoticeKind:
    word = action.partition("(")[0].strip().lower()
    if word in _KINDS:
        return _KINDS[word]
    if not word and status.startswith("5"):
        return NoticeKind.FAILED
    raise NoticeError("notice-action", "the delivery report has no action that is known")


def _returned_id(returned: bytes) -> str:
    """The Message-ID among the headers that `returned` begins with."""
    end = re.search(rb"\r?\n\r?\n", returned.lstrip(b"\r\n"))
    headers = returned.lstrip(b"\r\n")[: end.start() if end else None][:65_536]
    return plain_id(merged(read_groups(headers)).get("message-id"))
