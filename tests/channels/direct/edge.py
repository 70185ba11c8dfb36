"""Both ends at an edge: what the engine is told, a relay that a test plays, and mails as partners write them."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import IO

from channels.direct.envelope import Envelope
from channels.direct.inbound import DirectInbound
from channels.direct.options import SmtpIn
from channels.direct.outbound import DirectOutbound
from channels.direct.smtp.relay import RelayOptions
from channels.direct.smtp.server import SmtpServer, SmtpSettings
from channels.ends import EndContext, Outcome, Receipt, ReceiptCode
from channels.store import Kept, MemoryStore
from schemas.finding import Finding
from schemas.ids import new_id
from schemas.message import Message
from schemas.values import Address

OURS, THEIRS = "direct.stanne.example", "direct.practice.example"
DOCUMENT = b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>'


class Engine:
    """Stands for the engine behind the ends: what was accepted and settled, and a clock that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 25, 12, tzinfo=UTC)
        self.store = MemoryStore(lambda: self.time)
        self.accepted: list[Message] = []
        self.settled: list[tuple[str, Outcome]] = []
        self.findings: list[Finding] = []
        self.receipt = Receipt(ReceiptCode.ACCEPTED)
        self.context = EndContext(
            "direct-in", Path(), lambda: self.time, lambda: new_id(self.time), self.findings.append,
            settle=self._settle, store=self.store,
        )  # fmt: skip

    async def accept(self, message: Message, keep: Sequence[Kept] = ()) -> Receipt:
        await asyncio.sleep(0)
        if self.receipt.code is ReceiptCode.ACCEPTED:
            self.accepted.append(message)
            await self.store.put(*keep)
        return self.receipt

    async def _settle(self, id: str, outcome: Outcome) -> bool:
        self.settled.append((id, outcome))
        return True

    @property
    def owes(self) -> bool:
        """Whether a notice is owed still, or a delivery watched for one."""
        kept = self.store._kept.values()
        return any(each.kind.startswith("direct.owed") and each.expires > self.time for each in kept)

    def after(self, time: timedelta) -> None:
        self.time += time

    def message(self, body: bytes = DOCUMENT, **attributes: str) -> Message:
        named = {key.replace("__", "."): value for key, value in attributes.items()}
        return Message(new_id(self.time), "out", "ccda", body, self.time, attributes=named)

    @asynccontextmanager
    async def listening(self, **options: object) -> AsyncIterator[DirectInbound]:
        """An inbound end at work."""
        through = options.pop("through", None) or SmtpIn(listen=Address("127.0.0.1", 0))
        end = DirectInbound(self.context, recipients=[OURS], through=through, **options)  # type: ignore[arg-type]
        ready = asyncio.Event()
        task = asyncio.create_task(end.serve(self.accept, ready.set))
        await asyncio.wait_for(ready.wait(), 10)
        try:
            yield end
        finally:
            task.cancel()
            await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)


class Hub:
    """A HISP's server that takes our mails; `refuses` maps addresses to replies, `reply` answers the text."""

    def __init__(self) -> None:
        self.taken: list[tuple[Envelope, bytes]] = []
        self.reply = "250 2.0.0 OK"
        self.refused: set[str] = set()
        settings = SmtpSettings(Address("127.0.0.1", 0), "hub.example", None, False, {}, 1 << 26, 20, 30.0)
        self._server = SmtpServer(settings, lambda address: address not in self.refused, self._take, lambda _: None)

    async def _take(self, envelope: Envelope, text: IO[bytes]) -> str:
        if self.reply.startswith("250"):
            self.taken.append((envelope, text.read()))
        return self.reply

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Hub]:
        ready = asyncio.Event()
        task = asyncio.create_task(self._server.serve(ready.set))
        await asyncio.wait_for(ready.wait(), 10)
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)

    @property
    def options(self) -> RelayOptions:
        return RelayOptions(connect=Address("127.0.0.1", self._server.port), security="none")

    def outbound(self, engine: Engine, **options: object) -> DirectOutbound:
        given = {"from_": f"notify@{OURS}", "to": f"dr.may@{THEIRS}", "relay": self.options, **options}
        context = replace(engine.context, channel="direct-out")
        return DirectOutbound(context, **given)  # type: ignore[arg-type]


def letter(to: str = f"inbox@{OURS}", message_id: str = "<1@practice.example>", **headers: str) -> EmailMessage:
    """A mail with a document, as a mail program writes it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = f"Dr. May <dr.may@{THEIRS}>", to, message_id
    mail["Date"], mail["Subject"] = "Wed, 25 Nov 2026 12:00:00 +0000", "Consultation note"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("See the note.\n")
    mail.add_attachment(DOCUMENT, "text", "xml", filename="note.xml")
    return mail


def mdn(about: str, disposition: str = "processed", recipient: str = f"dr.may@{THEIRS}", more: str = "") -> bytes:
    """A notice as a partner's HISP writes it."""
    return (
        f"From: {recipient}\r\nTo: notify@{OURS}\r\nDate: Wed, 25 Nov 2026 12:00:01 +0000\r\n"
        f"Message-ID: <n{hash((about, disposition, recipient))}@practice.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt was processed.\r\n"
        "--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
        f"Reporting-UA: practice.example; x\r\nFinal-Recipient: rfc822;{recipient}\r\n"
        f"Original-Message-ID: <{about}>\r\n{more}"
        f"Disposition: automatic-action/MDN-sent-automatically; {disposition}\r\n--b--\r\n"
    ).encode()


async def send(port: int, mail: bytes, sender: str = f"dr.may@{THEIRS}", to: Sequence[str] = (f"inbox@{OURS}",)) -> str:
    """Hand a mail over with Python's own client; "" or the reply that refused it."""

    def work() -> str:
        with smtplib.SMTP("127.0.0.1", port, "c.example", timeout=10) as client:
            try:
                client.sendmail(sender, list(to), mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            except smtplib.SMTPResponseException as error:
                return f"{error.smtp_code} {error.smtp_error.decode()}"
            except smtplib.SMTPRecipientsRefused as error:
                return f"{next(iter(error.recipients.values()))[0]}"
        return ""

    return await asyncio.to_thread(work)
