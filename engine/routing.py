"""Routing: what a channel's routes make of one message, as the rows that the journal is given."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from engine.channel import Channel
from engine.journal import NO_KEYS, Entry, Status
from engine.keys import made_keys
from engine.plan import Plan, Planned, plan
from engine.registry.site import SiteRegistry
from schemas.ids import Clock, derived_id
from schemas.message import Message

_QUICK = 0.001  # seconds that a message may take to be routed while its sender waits
_WEIGHT = 0.05  # of the latest message among all before it


class Routed(NamedTuple):
    """What became of a message at `at`: its state, and the children that are to be delivered."""

    status: Status
    at: datetime
    detail: str
    children: list[Entry]


class Routing:
    """Routes the messages of one channel; used where they arrive and where they wait. Counts what came of them."""

    def __init__(self, channel: Channel, clock: Clock, registry: SiteRegistry) -> None:
        self.channel = channel
        self._registry = registry
        self._clock = clock
        self._queues = {route.name: channel.queue(route) for route in channel.routes}
        self._slow = 0.0  # the share of messages that took longer
        self.counts: dict[Status, int] = dict.fromkeys((Status.ROUTED, Status.FILTERED, Status.FAILED), 0)

    @property
    def is_quick(self) -> bool:
        """Whether most messages are routed in so short a time that their senders may wait for it."""
        return self._slow < 0.5

    def of(self, message: Message, replays: int = 0) -> Routed:
        """What becomes of `message`, which an operator had routed again `replays` times.

        Tell `committed` when that is in the journal, or will never be. Raises `RegistryError` where a step asks the
        registry in vain.
        """
        since = time.perf_counter()
        made = plan(message, self.channel)
        children = [self._entry(message, child, replays) for child in made.children]
        self._registry.take(message, [entry.message for entry in children])
        if made.failed is not None:
            routed = Routed(Status.FAILED, self._clock(), str(made.failed), children)
        else:
            routed = Routed(Status.FILTERED if made.filtered else Status.ROUTED, self._clock(), _why(made), children)
        self._slow += _WEIGHT * ((time.perf_counter() - since > _QUICK) - self._slow)
        return routed

    def committed(self, message_id: str) -> None:
        """What `of` gave for that message is in the journal, or never will be."""
        self._registry.let_go(message_id)

    def _entry(self, root: Message, child: Planned, replays: int) -> Entry:
        message = child.waits or child.message
        if replays:
            # An operator had the message routed again: what comes of it now is new, and delivered again.
            message = replace(message, id=derived_id(message.id, f"replay {replays}"))
        body_of = root.id if message.body is root.body else None
        keys = NO_KEYS if body_of is not None else made_keys(message, root)
        queue, end = self._queues[child.route.name], child.route.outbound.end.name
        withheld = message.attributes.get("deliver.withheld")
        if withheld is not None:
            return Entry(message, queue, Status.FILTERED, False, keys, (), body_of, withheld, self._clock(), end=end)
        due = _after(message)
        return Entry(message, queue, Status.QUEUED, True, keys, child.order_keys, body_of, due=due, end=end)


def _why(made: Plan) -> str:
    """The decisions on one line, for `hie show`: only what was not simply taken needs words."""
    refused = [f"{decision.route}: {decision.why}" for decision in made.routes if not decision.children]
    return "; ".join([made.filtered, *refused] if made.filtered else refused)


def _after(message: Message) -> datetime | None:
    """The time before which a step wants `message` not delivered; None for at once."""
    written = message.attributes.get("deliver.after")
    return None if written is None else datetime.fromisoformat(written)
