"""Deliver: each child goes out through its route's end, in the order the route keeps; the outcome is journaled."""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from channels.ends import Outbound, Outcome, OutcomeCode
from engine.channel import Channel, Route
from engine.digests import Digester, waits_for_digest
from engine.feed import Feed
from engine.journal import Event, Journal, JournalError, State, Status, Waiting, Work
from engine.lines import Lines
from engine.retry import backoff, next_state
from schemas.ids import Clock

log = logging.getLogger(__name__)

_BATCH = 200
_MOST_READY = 500
_MOST_IN_LINE = 50_000  # behind keys that wait for a retry, so that other keys pass
_MOST_IN_ONE_LINE = 2_000  # where the whole route keeps one order, nothing can pass
_MOST_BYTES = 32 * 1024 * 1024  # of bodies in hand; further ones stay in the journal until their turn
_MOST_UNRECORDED = 1_000  # outcomes: what a crash would repeat at most
_JOURNAL_PAUSE = 0.5  # seconds
_FENCED_PAUSE = 0.5  # seconds until a process that may not work looks whether it may again
_GRACE = 20.0  # seconds that a delivery under way is given when the engine stops
_HURRY = 1.5  # seconds that it is given when the queue may already be another process's


class Deliverer:
    """The deliver stage of one route, for the one process that owns the route's queue, as long as it `holds` it."""

    def __init__(
        self,
        channel: Channel,
        route: Route,
        outbound: Outbound,
        journal: Journal,
        feed: Feed,
        clock: Clock,
        holds: Callable[[], bool],
        digester: Digester,
    ) -> None:
        self.queue = channel.queue(route)
        self.route = route
        self._digester = digester
        self._outbound = outbound
        self._journal = journal
        self.feed = feed
        self._clock = clock
        self._holds = holds
        self._chance = random.Random().random  # noqa: S311 - spreads retries, guards nothing
        self._loop = asyncio.get_running_loop()
        self._ordered = route.in_order is not None
        self._most_in_line = _MOST_IN_ONE_LINE if route.in_order in (None, "true") else _MOST_IN_LINE
        self._lines = Lines()
        self._hand: dict[int, Waiting] = {}
        self._bytes = 0
        self._idle: deque[asyncio.Future[None]] = deque()
        self._room = asyncio.Event()
        self._timers: list[tuple[datetime, int]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._down = 0
        self._paused_until: datetime | None = None
        self._unrecorded: list[tuple[int, Work]] = []
        self._is_blocked = False
        self._recording = 0
        self._recorded = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.counts: dict[Status, int] = dict.fromkeys(Status, 0)

    def start(self, ended: Callable[[asyncio.Task[None]], None]) -> None:
        """Begin to deliver; `ended` is told of each task that is done."""
        self._tasks = [asyncio.create_task(self._take_in(), name=f"{self.queue} intake")]
        self._tasks += [
            asyncio.create_task(self._run(), name=f"{self.queue} delivery {n}") for n in range(self.route.parallel)
        ]
        for task in self._tasks:
            task.add_done_callback(ended)

    async def stop(self) -> None:
        """Start no further delivery; let those under way end and their outcomes be journaled."""
        self._stopping = True
        intake, *runners = self._tasks
        intake.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for future in self._idle:
            future.cancel()
        await self._end(runners)
        for task in runners:
            task.cancel()
        await asyncio.gather(intake, *runners, return_exceptions=True)
        while self._recording:
            self._recorded.clear()
            await self._recorded.wait()

    async def _end(self, runners: list[asyncio.Task[None]]) -> None:
        """Wait for the deliveries under way; not for long when others may already take this process for dead."""
        until = self._loop.time() + _GRACE
        under_way = set(runners)
        while under_way and self._loop.time() < until:
            _, under_way = await asyncio.wait(under_way, timeout=0.5)
            if not self._holds():
                until = min(until, self._loop.time() + _HURRY)

    @property
    def in_hand(self) -> int:
        """How many messages this stage holds."""
        return len(self._hand)

    @property
    def paused_until(self) -> datetime | None:
        """Until when the route waits for a partner that cannot be reached, None when it does not."""
        return self._paused_until

    async def due(self, waiting: list[Waiting]) -> None:
        """Take in messages whose time has come: retries, replays, and what is told together."""
        for one in await self._digester.gather(waiting):
            self._take(one._replace(due=None))
        self._signal()

    async def _take_in(self) -> None:
        while True:
            while not self._has_room():
                self._room.clear()
                await self._room.wait()
            try:
                self._take_all(await self.feed.take(_BATCH))
            except JournalError as error:
                log.warning("delivery of %s waits: %s", self.queue, error)
                await asyncio.sleep(_JOURNAL_PAUSE)
            self._signal()

    def _has_room(self) -> bool:
        return (
            self._lines.ready < _MOST_READY
            and len(self._hand) < self._most_in_line
            and (self._paused_until is None or not self._lines.ready)
        )

    def _take_all(self, taken: list[Waiting]) -> None:
        for waiting in taken:  # here, and not where the next ones are waited for: the last would be held meanwhile
            self._take(waiting)

    def _take(self, waiting: Waiting) -> None:
        if waiting.seq in self._hand or waits_for_digest(waiting.message):
            return
        later = waiting.due is not None and waiting.due > self._clock()
        if later and (not self._ordered or waiting.status is Status.PENDING):
            return  # it has its time in the journal, and holds nobody up
        size = len(waiting.message.body)
        if self._bytes + size > _MOST_BYTES and self._hand:
            waiting = waiting._replace(message=replace(waiting.message, body=b""), loaded=False)
        else:
            self._bytes += size
        self._hand[waiting.seq] = waiting
        self._lines.add(waiting.seq, waiting.order_keys)

    def _signal(self) -> None:
        """Let as many idle runners go as messages may start."""
        ready = min(self._lines.ready, len(self._idle))
        for _ in range(ready):
            future = self._idle.popleft()
            if not future.done():
                future.set_result(None)
        if self._has_room():
            self._room.set()

    async def _run(self) -> None:
        while not self._stopping:
            waiting = await self._next()
            if waiting is None:
                return
            message = waiting.message
            try:
                if not waiting.loaded:
                    message = (await self._journal.load(waiting)).message
                outcome = await self._outbound.deliver(message)
            except JournalError as error:
                log.warning("delivery of %s waits: %s", self.queue, error)
                await asyncio.sleep(_JOURNAL_PAUSE)
                self._lines.again(waiting.seq)
                continue
            except Exception as error:  # an end never raises for what a partner did: this is a defect, shown loudly
                log.exception("the end of %s raised on message %s", self.queue, waiting.message.id)
                outcome = Outcome(OutcomeCode.DEFERRED, f"the end raised {type(error).__name__}; see the log")
            self._settle(waiting, outcome)
            del waiting, message  # a large body is not held until the next delivery

    async def _next(self) -> Waiting | None:
        """The next message that may start, once there is one; None when the stage stops."""
        while not self._stopping:
            if not self._holds():
                self._loop.call_later(_FENCED_PAUSE, self._signal)
            elif self._paused_until is None and not self._is_blocked and self._recording < _MOST_UNRECORDED:
                place = self._lines.start()
                while place is not None:
                    waiting = self._hand[place]
                    if waiting.due is None or waiting.due <= self._clock():
                        if not self._room.is_set() and self._has_room():
                            self._room.set()
                        return waiting
                    self._at(waiting.due, place)
                    place = self._lines.start()
            future: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(future)
            try:
                await future
            except asyncio.CancelledError:
                if not self._stopping:
                    raise
        return None

    def _settle(self, waiting: Waiting, outcome: Outcome) -> None:
        now = self._clock()
        place = waiting.seq
        attempts = waiting.attempts + 1
        if outcome.unreachable:
            if self._paused_until is None:
                self._down += 1
            wait = backoff(self.route.retry, self._down, self._chance())
        else:
            self._down = 0
            wait = backoff(self.route.retry, attempts, self._chance()) if outcome.code not in _FINAL else _NO_WAIT
        state = next_state(
            waiting.message.id, outcome, self.route.retry, attempts, waiting.first_attempt or now, now, wait
        )
        self.counts[state.status] += 1
        events: tuple[Event, ...] = ()
        if state.status is Status.DEFERRED:
            events = (Event(waiting.message.id, now, "deferred", outcome.detail, outcome.reply),)
            if outcome.unreachable and self._paused_until is None and state.due is not None:
                self._pause(state.due)
        if state.status is Status.DEFERRED and self._ordered:
            # It keeps its place at the head of its lines: a retry never lets a later message overtake.
            self._hand[place] = waiting._replace(
                status=state.status, due=state.due, attempts=attempts, first_attempt=state.first_attempt
            )
            if state.due is not None:
                self._at(state.due, place)
            self._record(-1, state, events)
            return
        self._lines.finish(place)
        self._record(place, state, events)
        self._signal()

    def _record(self, place: int, state: State, events: Sequence[Event]) -> None:
        """Journal `state`; the message at `place` leaves the hand when that is durable, -1 leaves none."""
        self._recording += 1
        self._journal.submit(Work(partial(self._was_recorded, place), (), (state,), events), patient=True)

    def _was_recorded(self, place: int, work: Work) -> None:
        self._recording -= 1
        if not isinstance(work.result, JournalError):
            if place >= 0:
                waiting = self._hand.pop(place)
                if waiting.loaded:
                    self._bytes -= len(waiting.message.body)
                if not self._room.is_set() and self._has_room():
                    self._room.set()
        else:
            # Nothing new is started before the journal knows what was done: a repeat would be the price.
            if not self._is_blocked:
                self._is_blocked = True
                log.warning("delivery of %s waits: %s", self.queue, work.result)
            if not self._unrecorded:
                self._loop.call_later(_JOURNAL_PAUSE, self._record_again)
            self._unrecorded.append((place, work))
        if self._recording == _MOST_UNRECORDED - 1:
            self._signal()
        if not self._recording:
            self._recorded.set()
            if self._is_blocked and not self._unrecorded:
                self._is_blocked = False
                self._signal()

    def _record_again(self) -> None:
        unrecorded, self._unrecorded = self._unrecorded, []
        for place, work in unrecorded:
            (state,) = work.states
            self._record(place, state, work.events)

    def _pause(self, until: datetime) -> None:
        self._paused_until = until
        log.warning("%s cannot reach its partner; next attempt at %s", self.queue, until.isoformat(timespec="seconds"))
        self._loop.call_later(max(0.0, (until - self._clock()).total_seconds()), self._resume)

    def _resume(self) -> None:
        self._paused_until = None
        self._ring()
        self._signal()

    def _at(self, when: datetime, place: int) -> None:
        """Let the started message at `place` start again at `when`."""
        heapq.heappush(self._timers, (when, place))
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._timers and not self._stopping:
            wait = (self._timers[0][0] - self._clock()).total_seconds()
            self._timer = self._loop.call_later(max(0.0, wait), self._ring)

    def _ring(self) -> None:
        now = self._clock()
        while self._timers and self._timers[0][0] <= now:
            _, place = heapq.heappop(self._timers)
            self._lines.again(place)
        self._set_timer()
        self._signal()


_FINAL = (OutcomeCode.DELIVERED, OutcomeCode.REFUSED)
_NO_WAIT = timedelta(0)
