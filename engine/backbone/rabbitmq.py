"""The backbone on RabbitMQ: quorum queues that the engine processes of one site share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from engine.backbone.protocol import Counts, Handle, check
from engine.backbone.rabbitmq_consumer import Consumer
from engine.backbone.rabbitmq_link import Link
from engine.backbone.rabbitmq_publisher import Publisher
from engine.backbone.rabbitmq_queue import Queues

HEARTBEAT = 20  # seconds; a peer that vanished is noticed after two of them


class RabbitMqBackbone:
    """Queues named `hie.SITE.QUEUE` at an `amqp://` or `amqps://` `url`.

    Publishing and consuming have a connection each: a broker short of memory stops reading from those who publish, and
    acknowledgements must still get through. `limit` is how many tickets may be unconfirmed, `queue_limit` how many
    broker messages (of 1 to 100 tickets) a queue holds, `expire_after` the seconds after which the broker removes a
    queue that nobody uses, `patience` the seconds in which a working broker has answered. Raises `ValueError` for a URL
    that cannot be understood, without quoting it.
    """

    def __init__(
        self,
        url: str,
        *,
        site: str,
        limit: int = 50_000,
        queue_limit: int = 10_000,
        expire_after: float = 24 * 3600.0,
        patience: float = 20.0,
    ) -> None:
        self.counts = Counts()
        self._queues = Queues(site, queue_limit, expire_after, patience)
        self._publisher = Publisher(
            _parameters(url, f"hie {site}: publishing"), self._queues, self.counts, limit, self._changed, self._missed
        )
        self._link = Link(_parameters(url, f"hie {site}: consuming"), "consuming", self._link_opened, self._link_lost)
        self._consumers: set[Consumer] = set()
        self._on_up: list[Callable[[], None]] = []
        self._on_missed: list[Callable[[str], None]] = []
        self._up = asyncio.Event()

    @property
    def up(self) -> bool:
        """Whether the broker takes tickets and gives them."""
        return self._publisher.ready and self._link.connection is not None

    async def open(self) -> None:
        """Begin to connect; returns when connected or when the first attempt has failed."""
        self._publisher.start()
        self._link.start()
        await self._publisher.link.tried.wait()
        await self._link.tried.wait()
        if self._publisher.link.connection is not None and self._link.connection is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._queues.patience):
                    await self._up.wait()

    async def close(self) -> None:
        """Cancel every subscription, give what was put up to 2 s to be confirmed, and disconnect."""
        await asyncio.gather(*[consumer.cancel() for consumer in self._consumers])
        await asyncio.gather(self._publisher.close(2.0), self._link.close())

    def put(self, queue: str, tickets: Sequence[str]) -> None:
        """Send `tickets` with whatever else is put in this turn of the event loop."""
        check(tickets)
        if tickets:
            self._publisher.put(queue, tickets)

    def consume(self, queue: str, handle: Handle, *, prefetch: int) -> Consumer:
        """Hand the tickets of `queue` to `handle`, as soon and as long as there is a broker."""
        consumer = Consumer(self._link, self._queues, queue, handle, prefetch, self.counts)
        self._consumers.add(consumer)
        consumer.worker.add_done_callback(lambda _: self._consumers.discard(consumer))
        return consumer

    def on_up(self, callback: Callable[[], None]) -> None:
        """Have `callback` called after each connect."""
        self._on_up.append(callback)

    def on_missed(self, callback: Callable[[str], None]) -> None:
        """Have `callback` called with a queue that dropped tickets and takes them again."""
        self._on_missed.append(callback)

    def _link_opened(self, _connection: AsyncioConnection) -> None:
        for consumer in self._consumers:
            consumer.link_opened()
        self._changed()

    def _link_lost(self) -> None:
        self._changed()

    def _changed(self) -> None:
        """Something about a connection has changed; tell when both have come up."""
        if not self.up:
            self._up.clear()
        elif not self._up.is_set():
            self._up.set()
            for callback in self._on_up:
                callback()

    def _missed(self, queue: str) -> None:
        for callback in self._on_missed:
            callback(queue)


def _parameters(url: str, connection_name: str) -> pika.URLParameters:
    try:
        parameters = pika.URLParameters(url)
    except Exception:  # pika raises many kinds, and their texts may quote the password
        raise ValueError("the URL of RabbitMQ cannot be understood: amqp(s)://USER:PASSWORD@HOST:PORT/VHOST") from None
    if parameters.heartbeat is None:
        parameters.heartbeat = HEARTBEAT
    parameters.socket_timeout = 5.0
    parameters.stack_timeout = 10.0
    parameters.client_properties = {"connection_name": connection_name}
    return parameters
