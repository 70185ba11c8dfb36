"""The other side of MLLP in tests, by hand: a sender that says any bytes, a receiver that answers any bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

VT, END = b"\x0b", b"\x1c\r"


def framed(body: bytes) -> bytes:
    return VT + body + END


def field(message: bytes, segment: bytes, number: int) -> str:
    """`SEG-number` of a message with the recommended delimiters, "" when it is absent."""
    for line in message.split(b"\r"):
        fields = line.split(b"|")
        if fields[0] == segment:
            at = number - 1 if segment == b"MSH" else number
            return fields[at].decode() if at < len(fields) else ""
    return ""


class Sender:
    """A connection to an inbound end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        """The next answer, without its frame."""
        async with asyncio.timeout(10):
            frame = await self.reader.readuntil(END)
        assert frame.startswith(VT)
        return frame[1:-2]

    async def ask(self, body: bytes) -> bytes:
        """The answer to `body`."""
        self.write(framed(body))
        return await self.answer()

    async def rest(self) -> bytes:
        """What comes until the end closes the connection."""
        async with asyncio.timeout(10):
            return await self.reader.read()


@asynccontextmanager
async def connected(port: int, context: ssl.SSLContext | None = None) -> AsyncIterator[Sender]:
    """A connection to an inbound end on this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield Sender(reader, writer)
    finally:
        writer.close()


class Transport(asyncio.Transport):
    """One that only takes note of what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.written = b""
        self.closed = asyncio.Event()

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def close(self) -> None:
        self.closed.set()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)


def ack(message: bytes, code: str = "AA", control_id: str | None = None, more: str = "") -> bytes:
    """An acknowledgment of `message` by hand."""
    named = field(message, b"MSH", 10) if control_id is None else control_id
    return f"MSH|^~\\&|HUB|HUB|ADT1|STANNE|20250301||ACK|1|P|2.5.1\rMSA|{code}|{named}\r{more}".encode()


class Visit:
    """One connection that a `Receiver` took; its script reads and writes by it."""

    def __init__(
        self, receiver: Receiver, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer
        self._receiver = receiver

    async def message(self) -> bytes:
        """The next message; raises IncompleteReadError when the sender closed."""
        message = (await self.reader.readuntil(END))[1:-2]
        self._receiver.take(message)
        return message

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(self, body: bytes) -> None:
        self.write(framed(body))


Script = Callable[[Visit], Coroutine[None, None, None]]
"""What a receiver does on one connection."""


class Receiver:
    """A listening receiver: `script` plays each connection; it counts them and keeps the messages."""

    def __init__(self, script: Script) -> None:
        self.messages: list[bytes] = []
        self.visits: list[Visit] = []
        self.port = 0
        self._script = script
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def take(self, message: bytes) -> None:
        self.messages.append(message)
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`, looked at whenever a message came or a connection ended."""
        async with asyncio.timeout(10):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def start(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._visit, "127.0.0.1", port, ssl=context, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for visit in self.visits:
            visit.writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(self, len(self.visits) + 1, reader, writer)
        self.visits.append(visit)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._script(visit)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            self._changed.set()


@asynccontextmanager
async def receiving(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that plays `script` on each connection."""
    receiver = Receiver(script)
    await receiver.start(context)
    try:
        yield receiver
    finally:
        await receiver.stop()


async def polite(visit: Visit) -> None:
    """AA to everything."""
    while True:
        visit.answer(ack(await visit.message()))
