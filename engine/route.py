"""Route: each journaled message becomes the children that its channel's routes make of it.

Most messages are routed as they arrive, and journaled with their children (accept.py); here come those that waited.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from engine.feed import Feed
from engine.journal import Entry, Journal, JournalError, Numbers, State, Waiting, Work, resolve
from engine.routing import Routing
from transforms.registry import RegistryError

log = logging.getLogger(__name__)

_BATCH = 200
_SLICE = 0.005  # seconds of planning after which others get their turn
_JOURNAL_PAUSE = 0.5  # seconds
_GRACE = 20.0  # seconds that a write under way is given when the stage stops

T = TypeVar("T")
Journaled = Callable[[Sequence[Entry], Numbers], None]
"""Told what rows this process journaled, and their places by id, in the order of places."""


class Router:
    """The route stage of one channel, for the one process that owns the channel's queue."""

    def __init__(self, routing: Routing, journal: Journal, feed: Feed, journaled: Journaled) -> None:
        self._name = routing.channel.name
        self._routing = routing
        self._journal = journal
        self.feed = feed
        self._tell = journaled
        self._loop = asyncio.get_running_loop()
        self._in_hand: set[int] = set()
        self._stopping = False
        self._rested = asyncio.Event()

    async def run(self) -> None:
        """Route what waits until cancelled. Derived ids see to it that nothing is routed twice if that cuts a write."""
        while not self._stopping:
            try:
                await self._route(await self.feed.take(_BATCH))
            except JournalError as error:
                log.warning("routing of %s waits: %s", self._name, error)
                await asyncio.sleep(_JOURNAL_PAUSE)

    async def rest(self) -> None:
        """Take nothing further, and return when what is in hand is journaled: who works this queue or a route's next
        shall find it in the journal."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self._in_hand:
                    self._rested.clear()
                    await self._rested.wait()

    async def due(self, waiting: list[Waiting]) -> None:
        """Route messages whose time has come once more: an operator's replay."""
        await self._route(waiting)

    async def _route(self, taken: list[Waiting]) -> None:
        taken = [waiting for waiting in taken if waiting.seq not in self._in_hand]
        places = {waiting.seq for waiting in taken}
        self._in_hand |= places
        try:
            await self._journaled(taken)
        finally:
            self._in_hand -= places
            self._rested.set()

    async def _journaled(self, taken: list[Waiting]) -> None:
        planned = await self._patiently(lambda: self._planned(taken))
        if planned is None:
            return
        entries, states = planned
        if await self._patiently(lambda: self._write(entries, states)) is None:
            return
        for state in states:
            self._routing.counts[state.status] += 1
            self._routing.committed(state.id)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """What `work` gives, however long the database takes to answer; None where the stage stops meanwhile. The feed
        gives no message twice, so that none may be let go of."""
        while True:
            try:
                return await work()
            except (JournalError, RegistryError) as error:
                if self._stopping:
                    return None
                log.warning("routing of %s waits: %s", self._name, error)
                await asyncio.sleep(_JOURNAL_PAUSE)

    async def _planned(self, taken: list[Waiting]) -> tuple[list[Entry], list[State]]:
        """The children of messages, and their own new states."""
        entries: list[Entry] = []
        states: list[State] = []
        since = self._loop.time()
        for waiting in taken:
            whole = waiting if waiting.loaded else await self._journal.load(waiting)
            try:
                routed = self._routing.of(whole.message, waiting.attempts)
            except RegistryError:
                # They are planned again, each as if those behind it had not come.
                for state in states:
                    self._routing.committed(state.id)
                raise
            entries += routed.children
            states.append(
                State(whole.message.id, routed.status, False, routed.at, None, waiting.attempts, detail=routed.detail)
            )
            if self._loop.time() - since > _SLICE:
                await asyncio.sleep(0)
                since = self._loop.time()
        return entries, states

    def _write(self, entries: list[Entry], states: list[State]) -> asyncio.Future[Numbers]:
        future: asyncio.Future[Numbers] = self._loop.create_future()

        def done(work: Work) -> None:
            # Here and not where the future is awaited: what is committed next may be told of before that.
            if not isinstance(work.result, JournalError):
                self._tell(work.entries, work.result)
            resolve(future, work)

        self._journal.submit(Work(done, entries, states), patient=True)
        return future
