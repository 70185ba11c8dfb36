"""Hands tickets from a RabbitMQ queue to a handle, through reconnects and the queue's own deaths."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import Any

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import ConnectionClosedByBroker
from pika.spec import Basic

from engine.backbone.protocol import Counts, Handle, decode
from engine.backbone.rabbitmq_link import FAILURES, Link, backoff, call, close_channel, open_channel
from engine.backbone.rabbitmq_queue import Queues

_log = logging.getLogger(__name__)
MOST_UNACKNOWLEDGED = 64  # broker messages, of one ticket at rest and 100 under load: more would starve other engines


class Consumer:
    """A subscription: `serve` keeps a consumer alive on the link, `work` hands over what it is given."""

    def __init__(self, link: Link, queues: Queues, queue: str, handle: Handle, prefetch: int, counts: Counts) -> None:
        if prefetch < 1:
            raise ValueError("prefetch is at least 1")
        self._link, self._queues, self._queue = link, queues, queue
        self._handle, self._prefetch, self._counts = handle, prefetch, counts
        self._channel: Channel | None = None
        self._tag = ""
        self._given: deque[tuple[int, list[str]]] = deque()  # delivery tags of the channel, and their tickets
        self._broken = False  # the queue has not answered, twice
        self._wake = asyncio.Event()  # something was given, or it is time to stop
        self._again = asyncio.Event()  # the link has opened, or the channel is gone
        self._stopping = False
        loop = asyncio.get_running_loop()
        self._server = loop.create_task(self._serve(), name=f"backbone {queue}: subscribe")
        self.worker = loop.create_task(self._work(), name=f"backbone {queue}: hand over")

    async def cancel(self) -> None:
        """Stop after the running handle; give back what it has not seen."""
        if not self._stopping:
            self._stopping = True
            self._wake.set()
            self._server.cancel()
            if self._channel is not None and self._channel.is_open and self._tag:
                self._channel.basic_cancel(self._tag)
        await asyncio.wait([self.worker, self._server])
        if self._channel is not None:
            close_channel(self._channel)
            self._channel = None

    def link_opened(self) -> None:
        """There is a connection to subscribe on."""
        self._again.set()

    async def _serve(self) -> None:
        failures = 0
        while True:
            self._again.clear()
            connection = self._link.connection
            if connection is not None:
                try:
                    if self._channel is None or not self._channel.is_open:
                        await self._subscribe(connection)
                    else:
                        await self._look_after(self._channel)
                    failures = 0
                except FAILURES as error:
                    self._failed(connection, error)
                    await asyncio.sleep(backoff(failures))
                    failures += 1
                    continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._queues.patience):
                    await self._again.wait()

    async def _subscribe(self, connection: AsyncioConnection) -> None:
        name, patience = self._queues.name(self._queue), self._queues.patience
        async with self._link.subscribing:
            if self._broken:
                await self._queues.mend(connection, self._queue)
                self._broken = False
            else:
                await self._queues.declare(connection, self._queue)
            channel = await open_channel(connection, patience)
            try:
                most = min(2 * self._prefetch, MOST_UNACKNOWLEDGED)
                await call(channel, patience, channel.basic_qos, prefetch_count=most)
                channel.add_on_close_callback(self._ended)
                channel.add_on_cancel_callback(lambda _: close_channel(channel))  # the queue was deleted
                self._given.clear()
                self._channel = channel
                tag = f"{self._queue}-{id(self):x}"[-200:]
                await call(channel, patience, channel.basic_consume, name, self._delivered, consumer_tag=tag)
            except BaseException as error:
                if isinstance(error, TimeoutError | ConnectionClosedByBroker):
                    self._broken = self._queues.broken(self._queue)
                close_channel(channel)
                raise
            self._tag = tag
            self._queues.answered(self._queue)

    def _failed(self, connection: AsyncioConnection, error: Exception) -> None:
        if self._link.connection is not connection and not self._broken:
            return  # the link says why
        name = self._queues.name(self._queue)
        _log.warning("RabbitMQ: no subscription to %s (%s); trying again", name, type(error).__name__)
        if isinstance(error, TimeoutError) and self._link.connection is connection:
            self._link.abandon("the broker does not answer")  # its channel is stuck with the queue for a minute

    async def _look_after(self, channel: Channel) -> None:
        """See that the broker still knows of a consumer: it may forget one when a queue was deleted and made anew."""
        frame = await call(
            channel, self._queues.patience, channel.queue_declare, self._queues.name(self._queue), passive=True
        )
        if frame.method.consumer_count == 0:
            close_channel(channel)

    def _ended(self, channel: Channel, _reason: Exception) -> None:
        if channel is self._channel:
            self._channel, self._tag = None, ""
            self._given.clear()  # the broker gives them again
            self._again.set()

    def _delivered(self, channel: Channel, method: Basic.Deliver, _properties: Any, body: bytes) -> None:
        if channel is not self._channel:
            return
        try:
            tickets = decode(body)
        except ValueError as error:
            _log.warning("RabbitMQ: a message in %s is not ours (%s); dropped", self._queues.name(self._queue), error)
            tickets = []
        self._given.append((int(method.delivery_tag or 0), tickets))
        self._wake.set()

    async def _work(self) -> None:
        while not self._stopping:
            if not self._given:
                self._wake.clear()
                await self._wake.wait()
                continue
            channel, done = self._channel, 0
            batch: list[str] = []
            while self._given and len(batch) < self._prefetch:
                tag, tickets = self._given[0]
                room = self._prefetch - len(batch)
                batch += tickets[:room]
                if len(tickets) > room:
                    self._given[0] = (tag, tickets[room:])
                else:
                    self._given.popleft()
                    done = tag
            if batch:
                await self._hand_over(batch)
            if done and channel is not None and channel is self._channel and channel.is_open:
                channel.basic_ack(done, multiple=True)

    async def _hand_over(self, batch: list[str]) -> None:
        self._counts.handed += len(batch)
        try:
            await self._handle(batch)
        except Exception:
            self._counts.failed += len(batch)
            _log.exception(
                "queue %s: a batch of %d tickets failed; the journal puts again what is due", self._queue, len(batch)
            )
