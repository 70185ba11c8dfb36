"""Sends tickets to RabbitMQ in pipelined, confirmed batches."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.frame import Method
from pika.spec import Basic

from engine.backbone.protocol import Counts, decode, encode
from engine.backbone.rabbitmq_link import FAILURES, Link, call, open_channel
from engine.backbone.rabbitmq_queue import REST, Queues

_log = logging.getLogger(__name__)

TICKETS_A_MESSAGE = 100  # more would keep a second consumer idle while the first has them all
MESSAGES_UNCONFIRMED = 8  # a queue's; what is put meanwhile goes together in the next, so batches grow with the load
CHECK_EVERY = 1.0  # seconds

_PERSISTENT = pika.BasicProperties(delivery_mode=2, content_type="text/plain")


class _Outgoing:
    """What is on its way to one queue."""

    __slots__ = ("busy", "missed", "name", "queue", "ready", "unconfirmed", "waiting")

    def __init__(self, queue: str, name: str) -> None:
        self.queue, self.name = queue, name
        self.waiting: deque[str] = deque()
        self.unconfirmed = 0  # broker messages
        self.ready = False  # declared on this connection
        self.busy = False  # being declared or mended
        self.missed = False  # tickets were dropped since the queue was last known to take some


class Publisher:
    """Takes tickets for any queue while there is a connection; holds at most `limit` unconfirmed, drops the others."""

    def __init__(
        self,
        parameters: pika.connection.Parameters,
        queues: Queues,
        counts: Counts,
        limit: int,
        on_change: Callable[[], None],
        on_missed: Callable[[str], None],
    ) -> None:
        self._queues, self._counts, self._limit = queues, counts, limit
        self._on_change, self._on_missed = on_change, on_missed
        self.link = Link(parameters, "publishing", self._opened, self._lost)
        self._channel: Channel | None = None
        self._blocked = False
        self._outgoing: dict[str, _Outgoing] = {}
        self._held = 0  # tickets that wait or are unconfirmed
        self._idle = asyncio.Event()  # set while none is held
        self._idle.set()
        self._sent: dict[int, tuple[_Outgoing, int, float]] = {}  # by delivery tag: to, tickets, loop time
        self._tag = 0
        self._dirty: list[_Outgoing] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> bool:
        """Whether the broker takes tickets."""
        return self._channel is not None and not self._blocked

    def start(self) -> None:
        """Begin to connect."""
        self.link.start()
        self._timer = asyncio.get_running_loop().call_later(CHECK_EVERY, self._check)

    async def close(self, seconds: float) -> None:
        """Give what was put up to `seconds` to be confirmed, then close the connection."""
        if self.ready:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._idle.wait()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await self.link.close()

    def put(self, queue: str, tickets: Sequence[str]) -> None:
        """Send `tickets` with whatever else is put in this turn of the event loop."""
        outgoing = self._to(queue)
        room = self._limit - self._held if self.ready else 0
        if len(tickets) > room:
            self._counts.dropped += len(tickets) - room
            outgoing.missed = True
            tickets = tickets[:room]
            if not room:
                return
        outgoing.waiting.extend(tickets)
        self._held += len(tickets)
        self._idle.clear()
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._flush)
        self._dirty.append(outgoing)

    def _to(self, queue: str) -> _Outgoing:
        if queue not in self._outgoing:
            self._outgoing[queue] = _Outgoing(queue, self._queues.name(queue))
        return self._outgoing[queue]

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for outgoing in dict.fromkeys(dirty):
            self._send(outgoing)

    def _send(self, outgoing: _Outgoing) -> None:
        if self._channel is None or not self._channel.is_open or not outgoing.waiting:
            return
        if not outgoing.ready:
            if not outgoing.busy:
                self._start(outgoing, self._declare(outgoing))
            return
        waiting, now = outgoing.waiting, asyncio.get_running_loop().time()
        while waiting and outgoing.unconfirmed < MESSAGES_UNCONFIRMED:
            batch = [waiting.popleft() for _ in range(min(TICKETS_A_MESSAGE, len(waiting)))]
            self._tag += 1
            self._sent[self._tag] = (outgoing, len(batch), now)
            outgoing.unconfirmed += 1
            self._channel.basic_publish("", outgoing.name, encode(batch), _PERSISTENT, mandatory=True)

    # The connection's life

    def _opened(self, connection: AsyncioConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._block(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._block(False))
        self._run(self._prepare(connection))

    async def _prepare(self, connection: AsyncioConnection) -> None:
        try:
            channel = await open_channel(connection, self._queues.patience)
            channel.add_on_close_callback(self._channel_closed)
            channel.add_on_return_callback(self._returned)
            await call(channel, self._queues.patience, channel.confirm_delivery, partial(self._confirmed, channel))
        except FAILURES as error:
            if connection is self.link.connection:
                self.link.abandon(f"no channel for publishing ({type(error).__name__})")
            return
        self._channel, self._tag = channel, 0
        self._ready_again()

    def _channel_closed(self, channel: Channel, reason: Exception) -> None:
        if channel is self._channel and self.link.connection is not None:
            self.link.abandon(f"the broker closed the channel for publishing ({type(reason).__name__})")

    def _lost(self) -> None:
        self._channel = None
        self._blocked = False
        for outgoing, tickets, _ in self._sent.values():
            self._drop(outgoing, tickets)
        self._sent.clear()
        for outgoing in self._outgoing.values():
            self._drop(outgoing, len(outgoing.waiting))
            outgoing.waiting.clear()
            outgoing.unconfirmed = 0
            outgoing.ready = False
        self._on_change()

    def _block(self, blocked: bool) -> None:
        _log.warning("RabbitMQ %s publishing (memory or disk alarm)", "blocks" if blocked else "no longer blocks")
        self._blocked = blocked
        if blocked:
            self._on_change()
        else:
            self._ready_again()

    def _ready_again(self) -> None:
        for outgoing in self._outgoing.values():
            outgoing.missed = False  # whoever is told that the backbone is up puts for every queue
        self._on_change()

    def _drop(self, outgoing: _Outgoing, tickets: int) -> None:
        if tickets:
            self._release(tickets)
            self._counts.dropped += tickets
            outgoing.missed = True

    def _release(self, tickets: int) -> None:
        self._held -= tickets
        if not self._held:
            self._idle.set()

    # Confirms

    def _confirmed(self, channel: Channel, frame: Method[Any]) -> None:
        if channel is not self._channel:
            return  # of an abandoned connection
        answer, sent = frame.method, self._sent
        tag = answer.delivery_tag
        tags = [tag]
        if answer.multiple:
            tags = []
            for each in sent:  # in the order of their tags
                if each > tag:
                    break
                tags.append(each)
        touched: dict[_Outgoing, None] = {}
        for each in tags:
            if (entry := sent.pop(each, None)) is None:
                continue  # given up already
            outgoing, tickets, _ = entry
            outgoing.unconfirmed -= 1
            touched[outgoing] = None
            if isinstance(answer, Basic.Nack):
                self._drop(outgoing, tickets)
            else:
                self._release(tickets)
                self._counts.put += tickets
                self._queues.answered(outgoing.queue)
        for outgoing in touched:
            self._send(outgoing)

    def _returned(self, channel: Channel, method: Basic.Return, _properties: object, body: bytes) -> None:
        """The queue does not exist: it expired or was deleted. A confirm for the same message follows."""
        if channel is not self._channel:
            return
        tickets = len(decode(body))
        self._counts.put -= tickets
        self._counts.dropped += tickets
        for outgoing in self._outgoing.values():
            if outgoing.name == method.routing_key:
                outgoing.ready = False
                outgoing.missed = True
                if not outgoing.busy:
                    self._start(outgoing, self._declare(outgoing, after=REST))

    # Declaring, mending, and telling that a queue takes tickets again

    def _check(self) -> None:
        """Look after queues that have stopped to confirm, and those that were full."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(CHECK_EVERY, self._check)
        if not self.ready:
            return
        overdue = loop.time() - self._queues.patience
        silent = {outgoing for outgoing, _, sent_at in self._sent.values() if sent_at < overdue and not outgoing.busy}
        broken = [outgoing for outgoing in silent if self._queues.broken(outgoing.queue)]
        if silent and not broken:
            self.link.abandon("no confirm in time")
            return
        for outgoing in broken:
            self._start(outgoing, self._mend(outgoing))
        for outgoing in self._outgoing.values():
            if outgoing.missed and not outgoing.busy and not outgoing.waiting:
                self._start(outgoing, self._declare(outgoing))

    async def _declare(self, outgoing: _Outgoing, *, after: float = 0) -> None:
        await asyncio.sleep(after)
        connection = self.link.connection
        if connection is None:
            return
        waiting = await self._queues.declare(connection, outgoing.queue)
        outgoing.ready = True
        if outgoing.missed and waiting <= self._queues.limit // 2 and self._held <= self._limit // 2:
            outgoing.missed = False
            self._on_missed(outgoing.queue)

    async def _mend(self, outgoing: _Outgoing) -> None:
        connection = self.link.connection
        if connection is None:
            return
        outgoing.ready = False
        for tag in [tag for tag, entry in self._sent.items() if entry[0] is outgoing]:
            self._drop(outgoing, self._sent.pop(tag)[1])
        outgoing.unconfirmed = 0
        outgoing.missed = True
        await self._queues.mend(connection, outgoing.queue)
        await self._declare(outgoing)

    def _start(self, outgoing: _Outgoing, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            try:
                await work
            except FAILURES as error:
                _log.warning("RabbitMQ: queue %s could not be declared (%s)", outgoing.name, type(error).__name__)
                self._drop(outgoing, len(outgoing.waiting))
                outgoing.waiting.clear()
                if isinstance(error, TimeoutError):
                    self.link.abandon("the broker does not answer")
            finally:
                outgoing.busy = False
            self._send(outgoing)

        outgoing.busy = True
        self._run(run())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
