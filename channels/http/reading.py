"""Reading the bodies of requests, in bounded time and size; what both HTTP ends do before they look into one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from channels.http.body import ENCODINGS, Body
from channels.http.server import LINGER

_DISCARD_FOR = 2.0  # seconds in which the rest of a refused request is read, so that its sender sees the answer


class Reading:
    """Reads bodies of at most `limit` bytes, compressed or not, each within `patience` seconds."""

    def __init__(self, limit: int, patience: float) -> None:
        self._limit = limit
        self._patience = patience
        self._under_way: set[asyncio.Timeout] = set()

    async def body(self, request: Request) -> bytes:
        """The body, decompressed; raises `TooLargeError`, `DamagedError`, `TimeoutError` and `ClientDisconnect`."""
        coding = content_coding(request)
        body = Body(self._limit, coding if coding in ENCODINGS else "")
        async with self._within(self._patience):
            async for chunk in request.stream():
                body.add(chunk)
        return body.whole()

    async def discard(self, request: Request) -> None:
        """Read what its sender is still writing, within bounds: closing at once could take the answer away from it."""
        left = self._limit
        with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
            async with self._within(_DISCARD_FOR):
                async for chunk in request.stream():
                    left -= len(chunk)
                    if left < 0:
                        return

    def hurry(self) -> None:
        """The end stops: give those who are still sending little time more."""
        soonest = asyncio.get_running_loop().time() + LINGER
        for limit in self._under_way:
            limit.reschedule(min(limit.when() or soonest, soonest))

    @contextlib.asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        """Give the block so many seconds, and fewer when the end is stopped meanwhile."""
        async with asyncio.timeout(seconds) as limit:
            self._under_way.add(limit)
            try:
                yield
            finally:
                self._under_way.discard(limit)


def content_coding(request: Request) -> str:
    """What Content-Encoding names, in lower case; "" where there is none."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding


def declared_length(request: Request) -> int:
    """What Content-Length says, 0 where it says nothing."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdecimal() and len(declared) < 19 else 0
