"""A receiver over MLLP that acknowledges everything and counts what arrives, repeats apart."""

from __future__ import annotations

import asyncio
import time

_END = b"\x1c\r"
_ACK = b"\x0bMSH|^~\\&|SINK|BENCH|HIE|REGION|20261122143000||ACK^A01^ACK|%s|P|2.5.1\rMSA|AA|%s\r\x1c\r"


class Receiver:
    """Counts the messages that arrive; `expected` different ones end it."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._seen = bytearray(expected + 1)
        self.unique = 0
        self.repeats = 0
        self.ended = 0.0
        self.done = asyncio.Event()

    async def listen(self) -> int:
        """Listen on loopback; the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    def take(self, body: bytes) -> bytes:
        """Count one message; its control id."""
        control_id = body.split(b"|", 10)[9]
        number = int(control_id)
        if self._seen[number]:
            self.repeats += 1
            return control_id
        self._seen[number] = 1
        self.unique += 1
        if self.unique == self._expected:
            self.ended = time.perf_counter()
            self.done.set()
        return control_id


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if _END not in buffer:
            self._buffer = buffer
            return
        *bodies, self._buffer = buffer.split(_END)
        for body in bodies:
            control_id = self._receiver.take(body[1:])
            self._transport.write(_ACK % (control_id, control_id))
