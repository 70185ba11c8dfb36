"""The exchange's HISP in the demo: it takes the exchange's mail, has it in the recipients' mailboxes, and says so."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from functools import partial
from typing import IO

from channels.direct.envelope import Envelope
from channels.direct.mime import Attachment, Entity, attachments
from channels.direct.notices import Mdn, NoticeKind, write_mdn
from engine.demo.mail_server import MailServer, insist
from schemas.ids import utc_now

HISP = "hisp.example"
NOTICES, RESULTS = "notices@direct.exchange.example", "results@direct.exchange.example"
"""Whom the exchange's mails are from, besides those about referrals."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in a mailbox: who it is from and for, its subject, and what is attached."""

    sender: str
    recipient: str
    subject: str
    attached: tuple[Attachment, ...]


class Mailroom:
    """A HISP for everybody whom the exchange writes to by Direct; it signs and encrypts nothing.

    `letters` is what has come, in order. Each is answered by a notice that it lies where it is read.
    """

    def __init__(self, exchange: Mapping[str, int], port: int) -> None:
        """`exchange` names the ports by the addresses of the exchange that mail is taken for there."""
        self.letters: list[Letter] = []
        self._exchange = exchange
        self._server = MailServer(HISP, port, lambda _: True, self._receive)

    async def open(self) -> None:
        """Listen; raises `OSError`."""
        await self._server.open()

    async def close(self) -> None:
        """Go away."""
        await self._server.close()

    def of(self, recipient: str) -> list[Letter]:
        """The mailbox of one recipient."""
        return [each for each in self.letters if each.recipient == recipient]

    async def send(self, sender: str, recipient: str, mail: bytes) -> str:
        """Hand a mail of one of its people over to the exchange; why it was not taken."""
        return await self._server.hand_over(self._exchange[recipient], sender, [recipient], mail)

    async def _receive(self, envelope: Envelope, text: IO[bytes]) -> str:
        mail = Entity.parse(text.read())
        attached = tuple(each for each in attachments(mail) if not each.is_text)
        subject = mail.headers.get("subject")
        sender = parseaddr(mail.headers.get("from"))[1]
        about = mail.headers.get("message-id").strip("<> ")
        for recipient in envelope.recipients:
            self.letters.append(Letter(sender, recipient, subject, attached))
            self._server.soon(self._answer(recipient, sender, about))
        return "250 2.0.0 OK"

    async def _answer(self, recipient: str, to: str, about: str) -> None:
        for kind in (NoticeKind.PROCESSED, NoticeKind.DISPATCHED):
            mdn = Mdn(kind, recipient, to, about, HISP)
            mail = write_mdn(mdn, utc_now(), f"{os.urandom(16).hex()}@{HISP}")
            await insist(partial(self.send, recipient, to, mail))
