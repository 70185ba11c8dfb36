"""What a mail carries: its text and its attachments, as somebody who opens it would list them."""

from __future__ import annotations

from dataclasses import dataclass, field

from channels.direct.mime.entity import Entity
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
    _gather(mail if isinstance(mail, Entity) else Entity.parse(mail), found)
    return found


def _gather(entity: Entity, found: list[Attachment]) -> None:
    if entity.type.startswith("multipart/"):
        for part in entity.parts:
            _gather(part, found)
        return
    data = entity.decoded()
    if data.strip() or entity.filename:
        found.append(
            Attachment(
                entity.filename,
                entity.type,
                data,
                entity.disposition.value,
                decode_words(entity.headers.get("content-description")),
                entity.parameters.get("charset", ""),
            )
        )
