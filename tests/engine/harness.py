"""A channel at work on a real journal, with ends that a test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from channels.ends import Accept, End, EndContext, Outcome, OutcomeCode, Receipt
from engine.backbone import backbone_at
from engine.channel import BoundEnd, Channel, Retry, Route
from engine.due import watch_due
from engine.flow import Flow, Services
from engine.journal import Journal
from engine.registry.files import registry_of
from engine.registry.site import SiteRegistry
from schemas.ids import new_id, utc_now
from schemas.message import HL7V2, Message

SOON = Retry(timedelta(milliseconds=20), timedelta(milliseconds=40), timedelta(seconds=60))
DELIVERED = Outcome(OutcomeCode.DELIVERED, "AA")
DEFERRED = Outcome(OutcomeCode.DEFERRED, "AE")
REFUSED = Outcome(OutcomeCode.REFUSED, "AR")
UNREACHABLE = Outcome(OutcomeCode.DEFERRED, "connection refused", unreachable=True)


def adt(control_id: str, patient: str, event: str = "A01", *, merged: str = "") -> bytes:
    """A short ADT message."""
    segments = [
        f"MSH|^~\\&|ADT|STANNE|HIE|HIE|20261122120000||ADT^{event}|{control_id}|P|2.5",
        f"EVN|{event}|20261122120000",
        f"PID|1||{patient}^^^STANNE^MR||DOE^JANE",
    ]
    if merged:
        segments.append(f"MRG|{merged}^^^STANNE^MR")
    return "\r".join([*segments, ""]).encode()


class Hand:
    """An inbound end: the test hands messages to `accept` itself."""

    def __init__(self) -> None:
        self.accept: Accept | None = None

    def __call__(self, context: EndContext) -> Hand:
        self.context = context
        return self

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        self.accept = accept
        ready()
        await asyncio.Event().wait()

    async def send(self, body: bytes, format: str = HL7V2) -> Receipt:
        """Hand over one message."""
        assert self.accept is not None
        now = utc_now()
        return await self.accept(Message(new_id(now), self.context.channel, format, body, now))


class Script:
    """An outbound end: `answer` says what becomes of each attempt; what was delivered is kept in order."""

    def __init__(self, answer: Callable[[Message, int], Outcome] = lambda _message, _attempt: DELIVERED) -> None:
        self.answer = answer
        self.attempts: dict[str, int] = {}
        self.tried: list[str] = []
        self.delivered: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0
        self.most_under_way = 0
        self._moved = asyncio.Condition()

    def __call__(self, _context: EndContext) -> Script:
        return self

    async def deliver(self, message: Message) -> Outcome:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.gate.wait()
        await asyncio.sleep(0)
        control_id = message.get("MSH-10")
        self.attempts[control_id] = self.attempts.get(control_id, 0) + 1
        self.tried.append(control_id)
        outcome = self.answer(message, self.attempts[control_id])
        self.under_way -= 1
        async with self._moved:
            if outcome.code is OutcomeCode.DELIVERED:
                self.delivered.append(control_id)
            self._moved.notify_all()
        return outcome

    async def close(self) -> None:
        """Nothing to let go of."""

    async def until(self, happened: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until `happened` after an attempt."""
        async with asyncio.timeout(seconds):
            async with self._moved:
                await self._moved.wait_for(happened)


class Stand:
    """One channel at work."""

    def __init__(self, flow: Flow, journal: Journal, hand: Hand) -> None:
        self.flow = flow
        self.journal = journal
        self.hand = hand


def route(script: Script, name: str = "out", **options: object) -> Route:
    """A route that ends in `script`."""
    return Route(name, BoundEnd(End("script", outbound=script)), retry=options.pop("retry", SOON), **options)  # type: ignore[arg-type]


def no_registry() -> SiteRegistry:
    """The registry of a site whose steps ask for none."""
    return SiteRegistry(lambda: registry_of(Path()))


def channel(hand: Hand, *routes: Route, **options: object) -> Channel:
    """A channel fed by `hand`."""
    return Channel("adt", BoundEnd(End("hand", inbound=hand)), routes=routes, **options)  # type: ignore[arg-type]


@asynccontextmanager
async def at_work(
    url: str, flow_of: Channel, hand: Hand, journal: Journal | None = None, registry: SiteRegistry | None = None
) -> AsyncIterator[Stand]:
    """`flow_of` at work on the journal at `url`."""
    own = journal is None
    if journal is None:
        journal = Journal(url)
        await journal.open()
    backbone = backbone_at("embedded", site="test")
    await backbone.open()
    flow = Flow(flow_of, Services(journal, backbone, utc_now, Path(), {}, lambda: True, registry or no_registry()))
    for queue in sorted(flow.queues):
        await flow.work(queue)
    await flow.listen()
    due = asyncio.create_task(watch_due(journal, lambda: flow.workers, utc_now))
    try:
        yield Stand(flow, journal, hand)
    finally:
        await flow.stop_listening()
        due.cancel()
        await asyncio.gather(due, return_exceptions=True)
        for queue in sorted(flow.queues):
            await flow.leave(queue)
        await backbone.close()
        if own:
            await journal.close()
