"""Gather: the deliver stage of a route whose end takes several messages at once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from channels.ends import Gathering, Outcome, OutcomeCode, Together
from engine.channel import Channel, Route
from engine.digests import Digester, waits_for_digest
from engine.feed import Feed
from engine.journal import Event, Journal, JournalError, State, Status, Waiting
from engine.retry import backoff, next_state
from schemas.ids import Clock
from schemas.message import Message

log = logging.getLogger(__name__)

_BATCH = 200
_MOST_BYTES = 32 * 1024 * 1024  # of bodies in hand and in one batch
_LEAST = 0.2  # seconds in which a backlog gathers, whose messages have waited for long
_JOURNAL_PAUSE = 0.5  # seconds
_FENCED_PAUSE = 0.5  # seconds
_GRACE = 20.0  # seconds that a delivery under way is given when the engine stops


class Gatherer:
    """The deliver stage of one route, for the one process that owns its queue: whole batches go out one after another,
    in the order of the route, and none before the outcome of the last is journaled."""

    def __init__(
        self,
        channel: Channel,
        route: Route,
        outbound: Gathering,
        together: Together,
        journal: Journal,
        feed: Feed,
        clock: Clock,
        holds: Callable[[], bool],
        digester: Digester,
    ) -> None:
        self.queue = channel.queue(route)
        self.route = route
        self._digester = digester
        self.feed = feed
        self._outbound = outbound
        self._together = together
        self._journal = journal
        self._clock = clock
        self._holds = holds
        self._chance = random.Random().random  # noqa: S311 - spreads retries, guards nothing
        self._loop = asyncio.get_running_loop()
        self._line: dict[int, Waiting] = {}
        self._bytes = 0
        self._since: datetime | None = None
        self._not_before: datetime | None = None
        self._down = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.counts: dict[Status, int] = dict.fromkeys(Status, 0)

    def start(self, ended: Callable[[asyncio.Task[None]], None]) -> None:
        """Begin to deliver; `ended` is told of each task that is done."""
        self._tasks = [
            asyncio.create_task(self._take_in(), name=f"{self.queue} intake"),
            asyncio.create_task(self._run(), name=f"{self.queue} delivery"),
        ]
        for task in self._tasks:
            task.add_done_callback(ended)

    async def stop(self) -> None:
        """Start no further delivery; let one under way end and its outcomes be journaled. What is gathered stays in the
        journal."""
        self._stopping = True
        self._changed.set()
        intake, runner = self._tasks
        intake.cancel()
        await asyncio.wait((runner,), timeout=_GRACE)
        runner.cancel()
        await asyncio.gather(intake, runner, return_exceptions=True)

    @property
    def in_hand(self) -> int:
        """How many messages this stage holds."""
        return len(self._line)

    @property
    def paused_until(self) -> datetime | None:
        """Until when the route waits for a partner that cannot be reached, None when it does not."""
        return self._not_before

    async def due(self, waiting: list[Waiting]) -> None:
        """Take in messages whose time has come: replays, and what is told together."""
        for one in await self._digester.gather(waiting):
            self._take(one._replace(due=None))
        self._changed.set()

    async def _take_in(self) -> None:
        while True:
            while len(self._line) >= 2 * self._together.most or self._bytes >= _MOST_BYTES:
                self._room.clear()
                await self._room.wait()
            try:
                for waiting in await self.feed.take(_BATCH):
                    self._take(waiting)
            except JournalError as error:
                log.warning("delivery of %s waits: %s", self.queue, error)
                await asyncio.sleep(_JOURNAL_PAUSE)
            self._changed.set()

    def _take(self, waiting: Waiting) -> None:
        if waiting.seq in self._line or waits_for_digest(waiting.message):
            return
        if waiting.due is not None and waiting.due > self._clock():
            # It failed before the engine was started anew, and nothing may overtake it.
            self._not_before = max(self._not_before or waiting.due, waiting.due)
        if self._since is None:
            self._since = self._clock()
        self._line[waiting.seq] = waiting
        self._bytes += len(waiting.message.body)

    async def _run(self) -> None:
        while not self._stopping:
            self._changed.clear()
            wait = self._wait()
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), None if wait == math.inf else wait)
                continue
            try:
                await self._deliver()
            except JournalError as error:
                log.warning("delivery of %s waits: %s", self.queue, error)
                await asyncio.sleep(_JOURNAL_PAUSE)

    def _wait(self) -> float:
        """For how many seconds the next batch gathers or waits, unless something changes; 0 when it may go."""
        if not self._holds():
            return _FENCED_PAUSE
        now = self._clock()
        if self._not_before is not None:
            if now < self._not_before:
                return (self._not_before - now).total_seconds()
            self._not_before = None
        if not self._line or self._since is None:
            return math.inf
        is_tried = next(iter(self._line.values())).attempts > 0
        if is_tried or len(self._line) >= self._together.most or self._bytes >= _MOST_BYTES:
            return 0.0
        oldest = min(waiting.message.received for waiting in self._line.values())
        complete = max(oldest + self._together.wait, self._since + timedelta(seconds=_LEAST))
        return max(0.0, (complete - now).total_seconds())

    async def _deliver(self) -> None:
        batch, messages = await self._next_batch()
        try:
            outcomes = await self._outbound.deliver_together(messages)
        except Exception as error:  # an end never raises for what a partner did: this is a defect, shown loudly
            log.exception("the end of %s raised on a batch from message %s", self.queue, messages[0].id)
            outcome = Outcome(OutcomeCode.DEFERRED, f"the end raised {type(error).__name__}; see the log")
            outcomes = [outcome] * len(batch)
        await self._settle(batch, outcomes)

    async def _next_batch(self) -> tuple[list[Waiting], list[Message]]:
        """The first messages in line, whole, as many as may go together."""
        batch: list[Waiting] = []
        messages: list[Message] = []
        size = 0
        for waiting in itertools.islice(self._line.values(), self._together.most):
            message = waiting.message if waiting.loaded else (await self._journal.load(waiting)).message
            size += len(message.body)
            if batch and size > _MOST_BYTES:
                break
            batch.append(waiting)
            messages.append(message)
        return batch, messages

    async def _settle(self, batch: list[Waiting], outcomes: list[Outcome]) -> None:
        now = self._clock()
        away = any(outcome.unreachable for outcome in outcomes)
        self._down = self._down + 1 if away else 0
        attempts = self._down or max(waiting.attempts for waiting in batch) + 1
        wait = backoff(self.route.retry, attempts, self._chance())
        states: list[State] = []
        events: list[Event] = []
        for waiting, outcome in zip(batch, outcomes, strict=True):
            first = waiting.first_attempt or now
            state = next_state(waiting.message.id, outcome, self.route.retry, waiting.attempts + 1, first, now, wait)
            states.append(state)
            self.counts[state.status] += 1
            if state.status is Status.DEFERRED:
                events.append(Event(waiting.message.id, now, "deferred", outcome.detail, outcome.reply))
        await self._record(states, events)
        self._move_on(batch, states)
        if away and self._not_before is not None:
            until = self._not_before.isoformat(timespec="seconds")
            log.warning("%s cannot reach its partner; next attempt at %s", self.queue, until)

    async def _record(self, states: list[State], events: list[Event]) -> None:
        """Journal the outcomes, however long that takes: nothing new goes out before."""
        told = False
        while True:
            try:
                await self._journal.record(states, events)
            except JournalError as error:
                if not told:
                    log.warning("delivery of %s waits: %s", self.queue, error)
                told = True
                await asyncio.sleep(_JOURNAL_PAUSE)
            else:
                return

    def _move_on(self, batch: list[Waiting], states: list[State]) -> None:
        """What is settled leaves the line; what is deferred keeps its place, and all behind it wait with it."""
        for waiting, state in zip(batch, states, strict=True):
            if not state.open:
                del self._line[waiting.seq]
                self._bytes -= len(waiting.message.body)
                continue
            self._line[waiting.seq] = waiting._replace(
                status=state.status, due=state.due, attempts=state.attempts, first_attempt=state.first_attempt
            )
            if state.due is not None:
                self._not_before = max(self._not_before or state.due, state.due)
        self._since = self._clock() if self._line else None
        self._room.set()
