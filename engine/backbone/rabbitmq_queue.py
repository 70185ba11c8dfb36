"""How queues look in RabbitMQ: their names, their arguments, declaring them and mending a broken one."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker

from engine.backbone.rabbitmq_link import call, close_channel, open_channel

_log = logging.getLogger(__name__)
_MAX_NAME_BYTES = 255  # AMQP 0-9-1, short string
_PRECONDITION_FAILED = 406

REST = 0.5
"""Seconds between the end of a queue and its next declaration. The broker tells consumers of a quorum queue that it has
gone by looking whether it is still listed, some 40 ms later: a queue made anew by then has deaf consumers."""

DELETE_SECONDS = 10.0
"""How much longer than `patience` deleting may take: the broker waits 5 s for a process that is not there."""


@dataclass(slots=True)
class Queues:
    """The queues of one site. `limit` is how many broker messages a queue holds, `expire_after` the seconds after which
    the broker removes one that nobody uses, `patience` the seconds in which a working broker has answered anything."""

    site: str
    limit: int
    expire_after: float
    patience: float
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _mended: dict[str, float] = field(default_factory=dict)  # loop time
    _suspects: set[str] = field(default_factory=set)

    def name(self, queue: str) -> str:
        """The broker's name for `queue`: `hie.SITE.QUEUE`, its end replaced by a digest where that is too long."""
        name = f"hie.{self.site}.{queue}"
        if len(name.encode()) <= _MAX_NAME_BYTES:
            return name
        return f"{name.encode()[:200].decode(errors='ignore')}.{hashlib.sha256(name.encode()).hexdigest()[:32]}"

    async def declare(self, connection: AsyncioConnection, queue: str) -> int:
        """Make sure that `queue` exists; returns how many broker messages wait in it.

        A queue that exists with other arguments is used as it is. Raises `TimeoutError` or pika's exceptions.
        """
        async with self._lock(queue):
            return await self._declare(connection, queue)

    def _lock(self, queue: str) -> asyncio.Lock:
        """RabbitMQ lists a new quorum queue before it runs: who declares it again meanwhile is told that it exists, yet
        it refuses what is published, and consuming closes the connection. Between processes that is rare, and the
        retries repair it; within one it is spared."""
        return self._locks.setdefault(queue, asyncio.Lock())

    async def _declare(self, connection: AsyncioConnection, queue: str) -> int:
        channel = await open_channel(connection, self.patience)
        try:
            return await self._declared(channel, queue)
        except ChannelClosedByBroker as refused:
            if refused.reply_code != _PRECONDITION_FAILED:
                raise
            _log.warning(
                "RabbitMQ: queue %s exists with other arguments; delete it to have it made anew", self.name(queue)
            )
        finally:
            close_channel(channel)
        channel = await open_channel(connection, self.patience)
        try:
            frame = await call(channel, self.patience, channel.queue_declare, self.name(queue), passive=True)
            return int(frame.method.message_count)
        finally:
            close_channel(channel)

    def broken(self, queue: str) -> bool:
        """Called when `queue` has not answered in time: whether it had not on the last connection either. Once may be a
        pause of the broker's or our own, and a new connection is the cure; twice is the queue."""
        again = queue in self._suspects
        self._suspects.add(queue)
        return again

    def answered(self, queue: str) -> None:
        """Called when `queue` has done what it was asked."""
        if self._suspects:
            self._suspects.discard(queue)

    async def mend(self, connection: AsyncioConnection, queue: str) -> None:
        """Delete `queue` and make it anew: for one that a crash left listed in the broker without a process behind it,
        so that it takes and gives nothing. Its tickets come again from the journal. Raises as `declare`."""
        now = asyncio.get_running_loop().time
        async with self._lock(queue):
            if queue not in self._mended or now() - self._mended[queue] > self.patience:
                _log.warning("RabbitMQ: queue %s does not answer; making it anew", self.name(queue))
                await self._delete(connection, queue)
                await asyncio.sleep(REST)
                self._mended[queue] = now()
            await self._declare(connection, queue)

    async def _delete(self, connection: AsyncioConnection, queue: str) -> None:
        channel = await open_channel(connection, self.patience)
        try:
            with suppress(ChannelClosedByBroker):
                seconds = self.patience + DELETE_SECONDS
                await call(channel, seconds, channel.queue_delete, self.name(queue))
        finally:
            close_channel(channel)

    async def _declared(self, channel: Channel, queue: str) -> int:
        arguments = {
            "x-queue-type": "quorum",
            "x-max-length": self.limit,
            "x-overflow": "reject-publish",  # the oldest stay, in order; the journal has the others
            "x-expires": int(self.expire_after * 1000),
        }
        name = self.name(queue)
        frame = await call(channel, self.patience, channel.queue_declare, name, durable=True, arguments=arguments)
        return int(frame.method.message_count)
