"""The feed of one queue: its open messages, in the order in which they were journaled.

While the engine keeps up, what was just journaled is handed over in memory (`offer`). When it falls behind, has just
started, or shares the journal with other processes, the feed reads the journal, whose order is the truth.
"""

from __future__ import annotations

import asyncio
from collections import deque

from engine.journal import Journal, Waiting

_MOST_OFFERED = 2_000
_MOST_BYTES = 32 * 1024 * 1024


class Feed:
    """The open messages of `queue`, each given once, for the one worker that owns it. What is due again comes by
    another way (due.py)."""

    def __init__(self, journal: Journal, queue: str, *, deferred: bool, poll: float = 1.0) -> None:
        self.queue = queue
        self._journal = journal
        self._deferred = deferred
        self._poll = poll if journal.shared else None
        self._cursor = 0
        self._level = False  # every message up to the newest was given or is in `_offered`
        self._missed = False
        self._offered: deque[Waiting] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def offer(self, waiting: Waiting) -> None:
        """A message of this queue was journaled by this process; call in the order of places."""
        if waiting.seq <= self._cursor:
            return
        if self._level and len(self._offered) < _MOST_OFFERED and self._bytes < _MOST_BYTES:
            self._cursor = waiting.seq
            self._offered.append(waiting)
            self._bytes += len(waiting.message.body)
        else:
            self._level = False
            self._missed = True
        self._wake.set()

    def wake(self) -> None:
        """Messages may have been journaled that were not offered here."""
        self._level = False
        self._missed = True
        self._wake.set()

    async def take(self, limit: int) -> list[Waiting]:
        """The next messages, up to `limit`, at least one; waits until there are some. Raises `JournalError`."""
        while True:
            if self._offered:
                taken = [self._offered.popleft() for _ in range(min(limit, len(self._offered)))]
                self._bytes -= sum(len(waiting.message.body) for waiting in taken)
                return taken
            if not self._level:
                self._missed = False
                found = await self._journal.waiting(self.queue, self._cursor, limit, deferred=self._deferred)
                if found:
                    self._cursor = found[-1].seq
                    return found
                self._level = not self._missed
                continue
            self._wake.clear()
            if self._poll is None:
                await self._wake.wait()
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), self._poll)
            except TimeoutError:
                self._level = False
