"""A notice: what somebody says became of a message for one recipient, in an MDN or a DSN."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice says."""

    PROCESSED = "processed"  # the recipient's HISP has it and trusts the sender: custody is taken
    DISPATCHED = "dispatched"  # it was handed to its final destination
    DISPLAYED = "displayed"
    DELETED = "deleted"
    FAILED = "failed"  # it did not and will not arrive
    DELIVERED = "delivered"  # these four are a mail server's words (RFC 3464, 2.3.3)
    DELAYED = "delayed"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice, as it was read: whether it may be believed is for its reader to find out, by who signed it.

    `message_id` is that of the message it is about, without angle brackets, "" where none is said; `recipient` and
    `original_recipient` are addresses in lower case, "" likewise. `final` says that a dispatched notice vouches for the
    delivery at the final destination. `status` is an enhanced status code (`5.1.1`). `reason` is the partner's own
    text: it may quote anything, so it is no text for a log.
    """

    kind: NoticeKind
    message_id: str
    recipient: str
    original_recipient: str = ""
    final: bool = False
    status: str = ""
    reason: str = ""
    reporter: str = ""
