"""A stand-in for the engine behind an inbound end: keeps what it is handed and answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from channels.ends import EndContext, Inbound, Receipt, ReceiptCode
from channels.store import Kept, MemoryStore
from schemas.finding import Finding
from schemas.message import Message

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
ACCEPTED = Receipt(ReceiptCode.ACCEPTED)

ADT = (
    b"MSH|^~\\&|ADT1|STANNE|HIE|HUB|20250301120000||ADT^A01^ADT_A01|MSG%05d|P|2.5.1\r"
    b"EVN|A01|20250301120000\r"
    b"PID|1||4711^^^STANNE^MR||Testperson^Tilda||19700101|F\r"
    b"PV1|1|I|W1^101^1\r"
)


def adt(number: int = 1) -> bytes:
    """A synthetic ADT^A01 whose MSH-10 is `MSG00001` for number 1."""
    return ADT % number


class Desk:
    """Keeps messages and findings; `answer` decides each receipt."""

    def __init__(self, answer: Callable[[Message], Receipt] = lambda _: ACCEPTED) -> None:
        self.messages: list[Message] = []
        self.findings: list[Finding] = []
        self.answer = answer
        self._changed = asyncio.Event()

    async def accept(self, message: Message, keep: Sequence[Kept] = ()) -> Receipt:
        receipt = self.answer(message)
        self.messages.append(message)
        self._changed.set()
        return receipt

    def report(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._changed.set()

    def context(self, site: Path, new_id: Callable[[], str] | None = None) -> EndContext:
        numbers = count(1)
        ids = new_id or (lambda: f"{next(numbers):032x}")
        return EndContext(
            "adt-feed", site, lambda: NOW, ids, self.report, store=MemoryStore(lambda: NOW), accept=self.accept
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`, looked at whenever something was handed over; at most 10 s."""
        async with asyncio.timeout(10):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def received(self, number: int) -> None:
        """Wait until `number` messages were handed over."""
        await self.until(lambda: len(self.messages) >= number)

    @asynccontextmanager
    async def serving(self, end: Inbound) -> AsyncIterator[None]:
        """`end` listening; stopped in order when the block ends."""
        listening = asyncio.Event()
        task = asyncio.create_task(end.serve(self.accept, listening.set))
        waiting = asyncio.create_task(listening.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait_for(asyncio.wait({task}), 10)
            if not task.cancelled():
                task.result()
