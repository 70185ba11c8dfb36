"""A channel at work in this process: its inbound end, its accept function, and the stages of the queues it owns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from channels.ends import Busy, EndContext, Outbound
from engine.accept import Acceptor
from engine.backbone import Backbone
from engine.channel import Channel, Route
from engine.deliver import Deliverer
from engine.digests import Digester
from engine.due import Worker
from engine.fates import fate_of, settle
from engine.feed import Feed
from engine.gather import Gatherer
from engine.journal import Entry, Journal, Numbers, Waiting
from engine.journal.keeping import JournalStore
from engine.late import Asked
from engine.registry.allowed import why_not
from engine.registry.site import SiteRegistry
from engine.registry.subscriptions import JournalBook
from engine.route import Router
from engine.routing import Routing
from engine.stages import Ended, Stages, Stop
from engine.steady import steadily
from schemas.finding import Finding, Severity
from schemas.ids import Clock, new_id

log = logging.getLogger(__name__)

_TICKETS = 500
_LEVELS = {Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING, Severity.INFORMATION: logging.INFO}


@dataclass(frozen=True, slots=True)
class Services:
    """What every channel of the engine works with."""

    journal: Journal
    backbone: Backbone
    clock: Clock
    site: Path
    search: Mapping[str, str]
    holds: Callable[[], bool]
    registry: SiteRegistry


class Flow:
    """One channel at work."""

    def __init__(self, channel: Channel, services: Services) -> None:
        self.channel = channel
        self._services = services
        self._routes = {channel.queue(route): route for route in channel.routes}
        self.stages = Stages(self._start)
        self.workers: dict[str, Worker] = {}
        self._called: dict[str, str] = {}
        self.routing = Routing(channel, services.clock, services.registry)
        self.acceptor = Acceptor(self.routing, services.journal, services.clock, self._journaled, services.search)
        self._inbound: asyncio.Task[None] | None = None

    @property
    def queues(self) -> set[str]:
        """The queues of this channel: its own, and one for each route."""
        return self.channel.queues

    @property
    def listening(self) -> bool:
        """Whether the inbound end is at work."""
        return self._inbound is not None and not self._inbound.done()

    async def listen(self) -> None:
        """Start the inbound end; returns once it takes messages, raises `OSError` when it cannot."""
        bound = self.channel.inbound
        assert bound.end.inbound is not None
        inbound = bound.end.inbound(self._context(self.channel.name), **bound.options)
        ready = asyncio.Event()
        self._inbound = asyncio.create_task(
            inbound.serve(self.acceptor.accept, ready.set), name=f"{self.channel.name} inbound"
        )
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((waiting, self._inbound), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._inbound.done():
            self._inbound.result()
        else:
            self._inbound.add_done_callback(self._ended)

    async def stop_listening(self) -> None:
        """Take no new input; what is in flight is answered."""
        if self._inbound is not None:
            self._inbound.cancel()
            await asyncio.gather(self._inbound, return_exceptions=True)
            self._inbound = None

    async def work(self, queue: str) -> None:
        """Start the stage of `queue`, which this process owns from now on; does nothing when it is at work."""
        await self.stages.work(queue)

    async def leave(self, queue: str) -> None:
        """End the stage of `queue`: what is under way ends, nothing new is begun."""
        await self.stages.leave(queue)

    async def _start(self, queue: str, ended: Ended) -> Stop:
        route = self._routes.get(queue)
        stop = self._route_stage(queue, ended) if route is None else self._deliver_stage(route, queue, ended)
        subscription = None
        if self._services.journal.shared:
            subscription = self._services.backbone.consume(queue, _waker(self.workers[queue].feed), prefetch=_TICKETS)

        async def leave() -> None:
            if subscription is not None:
                await subscription.cancel()
            await stop()
            self.workers.pop(queue, None)

        return leave

    def _route_stage(self, queue: str, ended: Ended) -> Stop:
        feed = Feed(self._services.journal, queue, deferred=False)
        router = Router(self.routing, self._services.journal, feed, self._journaled)
        self.workers[queue] = router
        task = asyncio.create_task(router.run(), name=f"{queue} router")
        task.add_done_callback(ended)

        async def stop() -> None:
            await router.rest()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        return stop

    def _deliver_stage(self, route: Route, queue: str, ended: Ended) -> Stop:
        bound = route.outbound
        assert bound.end.outbound is not None
        outbound = bound.end.outbound(self._context(queue), **bound.options)
        deliverer = self._deliverer(route, outbound)
        self.workers[queue] = deliverer
        deliverer.start(ended)
        busy = None
        if isinstance(outbound, Busy):
            busy = asyncio.create_task(steadily(f"{queue} work", outbound.work), name=f"{queue} work")

        async def stop() -> None:
            if busy is not None:
                busy.cancel()
                await asyncio.gather(busy, return_exceptions=True)
            await deliverer.stop()
            await outbound.close()

        return stop

    def _deliverer(self, route: Route, end: Outbound) -> Deliverer | Gatherer:
        journal, clock, holds = self._services.journal, self._services.clock, self._services.holds
        still = partial(why_not, self._services.registry, clock)
        outbound = Asked(end, journal, clock, still)
        queue = self.channel.queue(route)
        digester = Digester(self.channel, route, journal, clock, self._journaled, still)
        if outbound.together is not None:
            feed = Feed(journal, queue, deferred=True)
            return Gatherer(self.channel, route, outbound, outbound.together, journal, feed, clock, holds, digester)
        feed = Feed(journal, queue, deferred=route.in_order is not None)
        return Deliverer(self.channel, route, outbound, journal, feed, clock, holds, digester)

    def _journaled(self, entries: Sequence[Entry], numbers: Numbers) -> None:
        """What was journaled goes to the stage of its queue: in memory when it can only be here, else by tickets."""
        workers = self.workers
        for entry in entries:
            place = numbers.get(entry.message.id) if entry.open else None
            if place is None:
                continue
            if self._services.journal.shared:
                self._call(entry.queue, entry.message.id)
            elif (worker := workers.get(entry.queue)) is not None:
                waiting = Waiting(place, entry.message, entry.order_keys, entry.status, body_of=entry.body_of)
                worker.feed.offer(waiting._replace(due=entry.due) if entry.due is not None else waiting)

    def _call(self, queue: str, ticket: str) -> None:
        """Wake the owner of `queue`, which reads the journal in its own order: one call for all of this turn."""
        if not self._called:
            asyncio.get_running_loop().call_soon(self._send_calls)
        self._called[queue] = ticket

    def _send_calls(self) -> None:
        called, self._called = self._called, {}
        for queue, ticket in called.items():
            worker = self.workers.get(queue)
            if worker is not None:
                worker.feed.wake()
            else:
                self._services.backbone.put(queue, [ticket])

    def _context(self, place: str) -> EndContext:
        clock = self._services.clock
        return EndContext(
            channel=self.channel.name,
            site=self._services.site,
            now=clock,
            new_id=lambda: new_id(clock()),
            report=lambda finding: _report(place, finding),
            fate=partial(fate_of, self._services.journal, self.channel.name),
            settle=partial(settle, self._services.journal, clock),
            store=JournalStore(self._services.journal, clock),
            subscriptions=JournalBook(self._services.journal, clock, partial(why_not, self._services.registry, clock)),
            accept=self.acceptor.accept,
        )

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("%s stopped", task.get_name(), exc_info=task.exception())


def _waker(feed: Feed) -> Callable[[list[str]], Awaitable[None]]:
    async def wake(_tickets: list[str]) -> None:
        feed.wake()

    return wake


def _report(place: str, finding: Finding) -> None:
    log.log(_LEVELS[finding.severity], "%s: %s", place, finding)
