"""What a mail carries: its text and its attachments, as somebody who opens it would list them."""

from __future__ import annotations

from dataclasses import dataclass, field

from channels.direct.mime.entity import MOST_PARTS, Entity
from channels.direct.mime.error import MimeError
from channels.direct.mime.headers import Octets
from channels.direct.mime.words import decode_words


@dataclass(frozen=True, slots=True)
class Attachment:
    """A leaf of a mail, or one to be written: `name` without folders, `type` a media type, `data` not encoded.

    `disposition` is `attachment`, `inline` or, where a mail does not say, `""`.
    """

    name: str
    type: str
    data: bytes = field(repr=False)
    disposition: str = "attachment"
    description: str = ""
    charset: str = ""

    @property
    def is_text(self) -> bool:
        """Whether this is what the sender wrote to be read, and not a file that comes along."""
        return self.type in ("text/plain", "text/html") and not self.name and self.disposition != "attachment"


def attachments(mail: Octets | Entity) -> list[Attachment]:
    """Every leaf of `mail` in its order, the text among them; raises `MimeError`.

    A mail that was forwarded whole (`message/rfc822`) is one leaf. What is empty is left out.
    """
    found: list[Attachment] = []
    waiting = [mail if isinstance(mail, Entity) else Entity.parse(mail)]
    seen = 0
    while waiting:
        entity = waiting.pop()
        waiting += reversed(entity.parts)
        seen += 1 + len(entity.parts)
        if seen > 2 * MOST_PARTS:
            raise MimeError("mime-multipart", "more than 1000 parts")
        if not entity.type.startswith("multipart/"):
            found += _leaf(entity)
    return found


def _leaf(entity: Entity) -> list[Attachment]:
    data = entity.decoded()
    if not entity.filename and (not data or data.isspace()):
        return []
    return [
        Attachment(
            entity.filename,
            entity.type,
            data,
            entity.disposition.value,
            decode_words(entity.headers.get("content-description")),
            entity.parameters.get("charset", ""),
        )
    ]
