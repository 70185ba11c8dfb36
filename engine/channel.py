"""A channel and its routes, bound: what the configuration comes to and the stages work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from channels.ends import End
from schemas.condition import ALWAYS, Condition
from transforms.step import Step


@dataclass(frozen=True, slots=True)
class Retry:
    """When a deferred delivery is tried again: after `first`, then twice as long each time up to `most`, with jitter;
    after `give_up_after` from its first attempt it is failed and in the operator's list."""

    first: timedelta = timedelta(seconds=10)
    most: timedelta = timedelta(minutes=10)
    give_up_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class BoundEnd:
    """An end with the options of one place in YAML, ready to be made: `end.inbound(context, **options)`."""

    end: End
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One way out of a channel; has its own queue `channel/route`.

    `in_order` is None (any order), `"true"` (the whole route in order) or a path whose text is the key of an order.
    `parallel` is how many deliveries may be under way at once.
    """

    name: str
    outbound: BoundEnd
    when: Condition = ALWAYS
    steps: tuple[Step, ...] = ()
    retry: Retry = Retry()
    in_order: str | None = None
    parallel: int = 1


@dataclass(frozen=True, slots=True)
class Channel:
    """One flow. `repeats` is the window within which an identical repeat is acknowledged again and not routed twice.

    `digest` identifies the configuration it was bound from: two channels of one digest behave alike.
    """

    name: str
    inbound: BoundEnd
    steps: tuple[Step, ...] = ()
    routes: tuple[Route, ...] = ()
    description: str = ""
    repeats: timedelta | None = None
    digest: str = ""

    @property
    def queues(self) -> set[str]:
        """The names of all its queues."""
        return {self.queue(), *map(self.queue, self.routes)}

    def queue(self, route: Route | None = None) -> str:
        """The name of the channel's own queue, or of one of its routes'."""
        return self.name if route is None else f"{self.name}/{route.name}"
