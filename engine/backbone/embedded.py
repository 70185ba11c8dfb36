"""The backbone inside one process: queues in memory, for an engine that needs nothing beside itself."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from engine.backbone.protocol import Counts, Handle, check

_log = logging.getLogger(__name__)


class EmbeddedBackbone:
    """Queues in memory, each of at most `limit` tickets: what more is put is dropped, and `on_missed` callbacks are
    called when the queue's consumers have worked it down to half."""

    def __init__(self, *, limit: int = 10_000) -> None:
        self.counts = Counts()
        self._limit = limit
        self._queues: dict[str, _Queue] = {}
        self._subscriptions: set[_Subscription] = set()
        self._on_up: list[Callable[[], None]] = []
        self._on_missed: list[Callable[[str], None]] = []
        self._open = False

    @property
    def up(self) -> bool:
        """True between `open` and `close`."""
        return self._open

    async def open(self) -> None:
        """Begin; calls `on_up` callbacks."""
        self._open = True
        for callback in self._on_up:
            callback()

    async def close(self) -> None:
        """Cancel every subscription; what waits is forgotten, the journal has it."""
        self._open = False
        await asyncio.gather(*[subscription.cancel() for subscription in self._subscriptions])
        self._queues.clear()

    def put(self, queue: str, tickets: Sequence[str]) -> None:
        """Queue `tickets` and wake a consumer that waits."""
        check(tickets)
        if not self._open:
            self.counts.dropped += len(tickets)
            return
        target = self._queue(queue)
        room = self._limit - len(target.waiting)
        if len(tickets) > room:
            target.missed = True
            self.counts.dropped += len(tickets) - room
            tickets = tickets[:room]
        self.counts.put += len(tickets)
        target.waiting.extend(tickets)
        target.wake()

    def consume(self, queue: str, handle: Handle, *, prefetch: int) -> _Subscription:
        """Hand the tickets of `queue` to `handle` in batches of up to `prefetch`."""
        subscription = _Subscription(self, self._queue(queue), handle, prefetch)
        self._subscriptions.add(subscription)
        return subscription

    def on_up(self, callback: Callable[[], None]) -> None:
        """Have `callback` called by `open`."""
        self._on_up.append(callback)

    def on_missed(self, callback: Callable[[str], None]) -> None:
        """Have `callback` called with a queue that was full and has room again."""
        self._on_missed.append(callback)

    def _queue(self, name: str) -> _Queue:
        if name not in self._queues:
            self._queues[name] = _Queue(name)
        return self._queues[name]

    def _taken(self, queue: _Queue) -> None:
        """Called after a batch was handled: tells of what was missed once there is room to put it."""
        if queue.missed and len(queue.waiting) <= self._limit // 2:
            queue.missed = False
            for callback in self._on_missed:
                callback(queue.name)

    def _forget(self, subscription: _Subscription) -> None:
        self._subscriptions.discard(subscription)


class _Queue:
    """Waiting tickets, and the consumers that wait for some."""

    __slots__ = ("idle", "missed", "name", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: deque[str] = deque()
        self.idle: deque[asyncio.Future[None]] = deque()
        self.missed = False

    def wake(self) -> None:
        """Wake one consumer, if tickets and a consumer wait."""
        while self.waiting and self.idle:
            waiter = self.idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def take(self, most: int) -> list[str]:
        """Up to `most` tickets, the oldest first."""
        waiting = self.waiting
        return [waiting.popleft() for _ in range(min(most, len(waiting)))]


class _Subscription:
    """A task that takes batches until it is cancelled."""

    def __init__(self, backbone: EmbeddedBackbone, queue: _Queue, handle: Handle, prefetch: int) -> None:
        if prefetch < 1:
            raise ValueError("prefetch is at least 1")
        self._backbone, self._queue, self._handle, self._prefetch = backbone, queue, handle, prefetch
        self._stopping = False
        self._waiter: asyncio.Future[None] | None = None
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"backbone {queue.name}")

    async def cancel(self) -> None:
        """Stop after the running handle."""
        self._stopping = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        await asyncio.wait([self._task])
        self._backbone._forget(self)

    async def _run(self) -> None:
        queue, counts = self._queue, self._backbone.counts
        loop = asyncio.get_running_loop()
        while not self._stopping:
            if not queue.waiting:
                self._waiter = loop.create_future()
                queue.idle.append(self._waiter)
                await self._waiter
                continue
            batch = queue.take(self._prefetch)
            queue.wake()  # another consumer may take what is left
            counts.handed += len(batch)
            try:
                await self._handle(batch)
            except Exception:
                counts.failed += len(batch)
                _log.exception(
                    "queue %s: a batch of %d tickets failed; the journal puts again what is due", queue.name, len(batch)
                )
            self._backbone._taken(queue)
            if queue.waiting:
                await asyncio.sleep(0)  # a handle that never waits must not keep the loop
        queue.wake()
