"""Partners over HTTP that cost little: a client that posts from many connections, a server that answers and counts."""

from __future__ import annotations

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Messages(asyncio.Protocol, ABC):
    """HTTP messages with a Content-Length, one after another."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = self._buffer.find(_END)
            if end < 0:
                return
            length = _LENGTH.search(self._buffer, 0, end)
            stop = end + len(_END) + (int(length[1]) if length else 0)
            if len(self._buffer) < stop:
                return
            message, self._buffer = self._buffer[:stop], self._buffer[stop:]
            self.received(message)

    @abstractmethod
    def received(self, message: bytes) -> None:
        """A whole message has come."""


class Sink:
    """Answers 200 to everything; `wait_for` a number of requests."""

    def __init__(self) -> None:
        self.count = 0
        self.ended = 0.0
        self._expected = 0
        self._done = asyncio.Event()

    async def listen(self) -> int:
        """Listen on loopback; the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Sinking(self), "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def take(self) -> None:
        """Count one request."""
        self.count += 1
        if self.count >= self._expected:
            self.ended = time.perf_counter()
            self._done.set()

    async def wait_for(self, count: int) -> None:
        """Return when `count` requests have come, since the beginning."""
        self._expected = count
        if self.count < count:
            self._done.clear()
            await self._done.wait()


class _Sinking(Messages):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def received(self, message: bytes) -> None:
        self._sink.take()
        self.transport.write(_ANSWER)


class Client:
    """Posts `count` bodies over `connections` connections, each the next after its answer; `latencies` in seconds."""

    def __init__(self, port: int, path: str, body: Callable[[int], bytes], count: int, connections: int) -> None:
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/fhir+json\r\n"
        self._head = head.encode()
        self._port = port
        self._body = body
        self._connections = connections
        self._numbers = iter(range(1, count + 1))
        self.latencies: list[float] = []
        self.refused = 0
        self.started = 0.0
        self.ended = 0.0
        self._open = 0
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Send everything; returns when everything is answered, or every connection closed."""
        loop = asyncio.get_running_loop()
        self.started = time.perf_counter()
        for _ in range(self._connections):
            self._open += 1
            await loop.create_connection(lambda: _Posting(self), "127.0.0.1", self._port)
        await self._done.wait()
        self.ended = time.perf_counter()

    def next(self) -> bytes:
        """The next request, b"" when there is none."""
        number = next(self._numbers, 0)
        if not number:
            return b""
        body = self._body(number)
        return b"%scontent-length: %d\r\n\r\n%s" % (self._head, len(body), body)

    def closed(self) -> None:
        """A connection has ended."""
        self._open -= 1
        if not self._open:
            self._done.set()


class _Posting(Messages):
    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._next()

    def received(self, message: bytes) -> None:
        self._client.latencies.append(time.perf_counter() - self._sent)
        if message[9:10] != b"2":
            self._client.refused += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.closed()

    def _next(self) -> None:
        request = self._client.next()
        if not request:
            self.transport.close()
            return
        self._sent = time.perf_counter()
        self.transport.write(request)
