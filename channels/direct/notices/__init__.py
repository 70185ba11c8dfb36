"""Notices of delivery: MDNs read and written, DSNs read, and what they say of a message, recipient by recipient."""

from channels.direct.notices.dsn import read_dsn
from channels.direct.notices.error import NoticeError
from channels.direct.notices.mdn import Mdn, read_mdn, write_mdn
from channels.direct.notices.notice import Notice, NoticeKind
from channels.direct.notices.options import ASKS_FINAL_DELIVERY, wants_final_delivery
from channels.direct.notices.tracking import Applied, Closing, Effect, Recipient, Standing, Tracking

__all__ = [
    "ASKS_FINAL_DELIVERY",
    "Applied",
    "Closing",
    "Effect",
    "Mdn",
    "Notice",
    "NoticeError",
    "NoticeKind",
    "Recipient",
    "Standing",
    "Tracking",
    "read_dsn",
    "read_mdn",
    "wants_final_delivery",
    "write_mdn",
]
