"""Mails that were taken already: a repeat is acknowledged and not taken twice, recipient by recipient."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple

from channels.ends import EndContext
from channels.store import Kept

_KIND = "direct.seen"


class Look(NamedTuple):
    """Which recipients a mail is `new` for; `first` maps the others to the id of the message that was taken."""

    new: tuple[str, ...]
    first: dict[str, str]


class Seen:
    """The mails that one channel took within `window`, told by sender, Message-ID, content and recipient."""

    def __init__(self, context: EndContext, window: timedelta) -> None:
        self._context = context
        self._window = window

    async def look(self, mail: Sequence[str], digest: bytes, recipients: Sequence[str]) -> Look:
        """What was taken already of the mail from sender and Message-ID `mail`, with that `digest` of its content;
        raises `OSError`."""
        store = self._context.store
        kept = await asyncio.gather(*(store.get(_KIND, self._key(mail, digest, each)) for each in recipients))
        first = {address: each.value for address, each in zip(recipients, kept, strict=True) if each is not None}
        return Look(tuple(address for address in recipients if address not in first), first)

    def kept(self, mail: Sequence[str], digest: bytes, recipients: Sequence[str], id: str) -> list[Kept]:
        """What to keep with the message `id`, which is that mail for `recipients`."""
        expires = self._context.now() + self._window
        return [Kept(_KIND, self._key(mail, digest, each), id, expires) for each in recipients]

    def _key(self, mail: Sequence[str], digest: bytes, recipient: str) -> str:
        named = "\0".join((self._context.channel, *mail, recipient.lower()))
        return sha256(named.encode("utf-8", "surrogateescape") + digest).hexdigest()
