"""A receiver over MLLP that remembers what came in which order, and that misbehaves by script."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from tests.e2e.load import END, START

Script = Callable[[str, int], str]
"""What a receiver does with the message of an MSH-10 that comes for the nth time (from 1): answer `AA`, `AE`, `AR`,
`close` the connection without an answer, or `hang` without one."""

_HEAD = b"MSH|^~\\&|PARTNER|WEST|ADT1|STANNE|20261122143000||ACK|A|P|2.5.1\rMSA|"


def faithful(_control_id: str, _times: int) -> str:
    """AA to everything."""
    return "AA"


class Receiver:
    """Listens while started; `taken` are the MSH-10s answered AA, in order, repeats included."""

    def __init__(self, name: str, script: Script = faithful) -> None:
        self.name = name
        self.script = script
        self.says_more: Callable[[bytes], bytes] | None = None
        """What it answers to a message in place of AA, where that is more."""
        self.port = 0
        self.taken: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self.times: dict[str, int] = {}
        self.changed: list[str] = []
        self.last = 0.0
        """When the last message was taken, on the monotonic clock."""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()
        self._moved = asyncio.Event()

    @property
    def repeats(self) -> int:
        """How many deliveries were of a message already taken."""
        return len(self.taken) - len(self.bodies)

    async def start(self) -> None:
        """Listen, on the same port each time."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Visit(self), "127.0.0.1", self.port, backlog=200)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Be gone: close every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self._open):
            transport.abort()
        await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Receiver]:
        """Started during the with block."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until `holds`, looked at when something came (at most every 20 ms)."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._moved.clear()
                await self._moved.wait()
                await asyncio.sleep(0.02)

    async def more(self, count: int, seconds: float = 30) -> None:
        """Wait until `count` more messages that were not here before are taken."""
        target = len(self.bodies) + count
        await self.until(lambda: len(self.bodies) >= target, seconds)

    def answer(self, transport: asyncio.Transport, body: bytes) -> None:
        """Take or leave one message, as the script says."""
        control_id = body.split(b"|", 10)[9].decode()
        times = self.times[control_id] = self.times.get(control_id, 0) + 1
        what = self.script(control_id, times)
        if what == "close":
            transport.abort()
        elif what != "hang":
            if what == "AA":
                if self.bodies.setdefault(control_id, body) != body:
                    self.changed.append(control_id)
                self.taken.append(control_id)
                self.last = time.monotonic()
            answer = _HEAD + what.encode() + b"|" + control_id.encode() + b"\r"
            transport.write(START + (self.says_more(body) if what == "AA" and self.says_more else answer) + END)
        self._moved.set()

    def joined(self, transport: asyncio.Transport) -> None:
        """A connection has opened."""
        self._open.add(transport)

    def left(self, transport: asyncio.Transport) -> None:
        """A connection is gone."""
        self._open.discard(transport)


class _Visit(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._receiver.joined(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver.left(self._transport)

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(END)) >= 0 and not self._transport.is_closing():
            body, self._read = self._read[1:end], self._read[end + 2 :]
            self._receiver.answer(self._transport, body)
