"""The exchange's HISP in the demo: it takes the exchange's mail, has it in the recipients' mailboxes, and says so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import IO

from channels.direct.envelope import Envelope
from channels.direct.mime import Attachment, Entity, attachments
from channels.direct.notices import Mdn, NoticeKind, write_mdn
from channels.direct.smtp.relay import Relay, RelayOptions
from channels.direct.smtp.server import SmtpServer, SmtpSettings
from schemas.finding import Finding
from schemas.ids import utc_now
from schemas.values import Address

HISP = "hisp.example"
NOTICES, RESULTS = "notices@direct.exchange.example", "results@direct.exchange.example"
"""Whom the exchange's mails are from, besides those about referrals."""
_LIMIT = 50 << 20
_TRIES, _AGAIN = 100, 0.2  # seconds until what was not taken is handed over once more


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
        self.findings: list[Finding] = []
        self._relays = {address: self._relay(port) for address, port in exchange.items()}
        settings = SmtpSettings(
            Address("127.0.0.1", port), HISP, tls=None, is_tls_required=False, users={}, limit=_LIMIT,
            connections=10, timeout=60,
        )  # fmt: skip
        self._server = SmtpServer(settings, lambda _: True, self._receive, self.findings.append)
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; raises `OSError`."""
        ready = asyncio.Event()
        serving = asyncio.create_task(self._server.serve(ready.set))
        self._tasks.add(serving)
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((waiting, serving), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()

    async def close(self) -> None:
        """Go away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for relay in self._relays.values():
            await relay.close()

    def of(self, recipient: str) -> list[Letter]:
        """The mailbox of one recipient."""
        return [each for each in self.letters if each.recipient == recipient]

    async def send(self, sender: str, recipient: str, mail: bytes) -> str:
        """Hand a mail of one of its people over to the exchange; why it was not taken."""
        relayed = await self._relays[recipient].send(sender, [recipient], mail)
        return relayed.error or ", ".join(str(code) for code, _ in relayed.refused.values())

    def _relay(self, port: int) -> Relay:
        return Relay(RelayOptions(connect=Address("127.0.0.1", port), security="none"), self.findings.append)

    async def _receive(self, envelope: Envelope, text: IO[bytes]) -> str:
        mail = Entity.parse(text.read())
        attached = tuple(each for each in attachments(mail) if not each.is_text)
        subject = mail.headers.get("subject")
        sender = parseaddr(mail.headers.get("from"))[1]
        about = mail.headers.get("message-id").strip("<> ")
        for recipient in envelope.recipients:
            self.letters.append(Letter(sender, recipient, subject, attached))
            answering = asyncio.create_task(self._answer(recipient, sender, about))
            self._tasks.add(answering)
            answering.add_done_callback(self._tasks.discard)
        return "250 2.0.0 OK"

    async def _answer(self, recipient: str, to: str, about: str) -> None:
        for kind in (NoticeKind.PROCESSED, NoticeKind.DISPATCHED):
            mdn = Mdn(kind, recipient, to, about, HISP)
            mail = write_mdn(mdn, utc_now(), f"{os.urandom(16).hex()}@{HISP}")
            for _ in range(_TRIES):
                if not await self.send(recipient, to, mail):
                    break
                await asyncio.sleep(_AGAIN)
