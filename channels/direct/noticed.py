"""A mail that is a notice: an MDN or a DSN, which says what became of another mail and is never answered."""

from __future__ import annotations

from channels.direct.mime import Entity
from channels.direct.notices import Notice, read_dsn, read_mdn

_MDN = "message/disposition-notification"
_DSN = ("message/delivery-status", "message/global-delivery-status")
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
_MOST_RETURNED = 65_536


def is_notice(mail: Entity) -> bool:
    """Whether `mail` is a report (RFC 6522) of what became of another."""
    return mail.type == "multipart/report" and any(part.type == _MDN or part.type in _DSN for part in mail.parts)


def is_answered(mail: Entity) -> bool:
    """Whether `mail` may be answered by a machine: it is no report, and no machine wrote it in answer (RFC 3834)."""
    written = mail.headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    return mail.type != "multipart/report" and written != "auto-replied"


def notices_of(mail: Entity) -> tuple[Notice, ...]:
    """What the notice `mail` says, recipient by recipient; raises `NoticeError` and `MimeError`."""
    found: list[Notice] = []
    returned = next((bytes(part.body[:_MOST_RETURNED]) for part in mail.parts if part.type in _RETURNED), b"")
    for part in mail.parts:
        if part.type == _MDN:
            found.append(read_mdn(part.decoded()))
        elif part.type in _DSN:
            found += read_dsn(part.decoded(), returned)
    return tuple(found)
