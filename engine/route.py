"""Route: each journaled message becomes the children that its channel's routes make of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from engine.channel import Channel, Route
from engine.feed import Feed
from engine.journal import NO_KEYS, Entry, Journal, JournalError, State, Status, Waiting
from engine.keys import made_keys
from engine.plan import Plan, Planned, plan
from schemas.ids import Clock, derived_id

log = logging.getLogger(__name__)

_BATCH = 200
_SLICE = 0.005  # seconds of planning after which others get their turn
_JOURNAL_PAUSE = 0.5  # seconds
_GRACE = 20.0  # seconds that a write under way is given when the stage stops

Routed = Callable[[Route, list[Waiting]], None]
"""Told what children of a route were journaled, in the order of places."""


@dataclass(slots=True)
class _Batch:
    entries: list[Entry] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    children: list[tuple[Route, Waiting]] = field(default_factory=list)


class Router:
    """The route stage of one channel, for the one process that owns the channel's queue."""

    def __init__(self, channel: Channel, journal: Journal, feed: Feed, clock: Clock, routed: Routed) -> None:
        self.channel = channel
        self._journal = journal
        self.feed = feed
        self._clock = clock
        self._routed = routed
        self._loop = asyncio.get_running_loop()
        self._in_hand: set[int] = set()
        self._stopping = False
        self._rested = asyncio.Event()
        self.filtered = 0
        self.failed = 0
        self.routed = 0

    async def run(self) -> None:
        """Route what waits until cancelled. Derived ids see to it that nothing is routed twice if that cuts a write."""
        while not self._stopping:
            try:
                await self._route(await self.feed.take(_BATCH))
            except JournalError as error:
                log.warning("routing of %s waits: %s", self.channel.name, error)
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
        batch = _Batch()
        since = self._loop.time()
        for waiting in taken:
            whole = waiting if waiting.loaded else await self._journal.load(waiting)
            self._plan(whole, batch)
            if self._loop.time() - since > _SLICE:
                await asyncio.sleep(0)
                since = self._loop.time()
        while True:
            try:
                numbers = await self._journal.append(batch.entries, batch.states, patient=True)
                break
            except JournalError as error:
                if self._stopping:
                    return
                log.warning("routing of %s waits: %s", self.channel.name, error)
                await asyncio.sleep(_JOURNAL_PAUSE)
        by_route: dict[str, tuple[Route, list[Waiting]]] = {}
        for route, child in batch.children:
            place = numbers.get(child.message.id)
            if place is not None:
                by_route.setdefault(route.name, (route, []))[1].append(child._replace(seq=place))
        for route, children in by_route.values():
            self._routed(route, children)

    def _plan(self, waiting: Waiting, batch: _Batch) -> None:
        message = waiting.message
        made = plan(message, self.channel)
        now = self._clock()
        if made.failed is not None:
            self.failed += 1
            state = State(message.id, Status.FAILED, False, now, attempts=waiting.attempts, detail=str(made.failed))
        elif made.filtered:
            self.filtered += 1
            state = State(message.id, Status.FILTERED, False, now, attempts=waiting.attempts, detail=_why(made))
        else:
            self.routed += 1
            state = State(message.id, Status.ROUTED, False, now, attempts=waiting.attempts, detail=_why(made))
        batch.states.append(state)
        for child in made.children:
            self._add(waiting, child, batch)

    def _add(self, root: Waiting, child: Planned, batch: _Batch) -> None:
        message = child.message
        if root.attempts:
            # An operator had the message routed again: what comes of it now is new, and delivered again.
            message = replace(message, id=derived_id(message.id, f"replay {root.attempts}"))
        body_of = root.message.id if message.body is root.message.body else None
        keys = NO_KEYS if body_of is not None else made_keys(message, root.message)
        queue = self.channel.queue(child.route)
        batch.entries.append(Entry(message, queue, Status.QUEUED, True, keys, child.order_keys, body_of))
        batch.children.append((child.route, Waiting(0, message, child.order_keys, body_of=body_of)))


def _why(made: Plan) -> str:
    """The decisions on one line, for `hie show`: only what was not simply taken needs words."""
    refused = [f"{decision.route}: {decision.why}" for decision in made.routes if not decision.taken]
    return "; ".join([made.filtered, *refused] if made.filtered else refused)
