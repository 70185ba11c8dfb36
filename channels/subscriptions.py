"""The book of FHIR subscriptions that the ends of a site share: who subscribed to what, and the events of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

Status = Literal["requested", "active", "error", "off"]
"""Where a subscription stands (R4, subscription-status)."""


class Practice(NamedTuple):
    """The subscriber that a FHIR client subscribes for: `address` is what its endpoints begin with, "" for any public
    one."""

    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription: `resource` is its JSON as the client sent it, `base` that of the server that it was sent to.

    It is told of events from `started` on, when its first handshake succeeded, until it is off or `ends`. `verified`
    says that its endpoint answered the handshake: nothing else is sent there before. `failures` in a row began
    `failing`; `error` is the code of what failed last, and `detail` says it to the operator. At `due` it needs
    attention: a handshake, a heartbeat, its end.
    """

    id: str
    subscriber: str
    base: str
    resource: str
    filters: tuple[str, ...]
    updated: datetime
    status: Status = "requested"
    version: int = 1
    verified: bool = False
    started: datetime | None = None
    ends: datetime | None = None
    due: datetime | None = None
    failures: int = 0
    failing: datetime | None = None
    error: str = ""
    detail: str = ""


class Happened(NamedTuple):
    """One event of a subscription: its number, when it reached the exchange, and the message that tells of it.

    `kind` and `event` are those of the notice (`new`, `admit`), `body` the resources as a collection, the first of them
    the focus; empty where retention has removed it, or where its subscriber may not hear of it any more.
    """

    number: int
    at: datetime
    message: str
    kind: str = ""
    event: str = ""
    body: bytes = b""


class Told(NamedTuple):
    """A subscription, who it is for, and how many events it has had."""

    subscription: Subscribed
    practice: Practice
    events: int


class Sending(NamedTuple):
    """What is to be sent with a message: the subscription, and the event's number. `refused` says why its subscriber
    may not hear of it any more, "" where it may."""

    told: Told
    event: Happened
    refused: str = ""


Change = Callable[[Told], Subscribed | None]
"""What becomes of a subscription: None takes it away, with its events. May raise: then nothing is changed."""


class Book(Protocol):
    """Keeps subscriptions, durable on return. Every call may raise `OSError`: it cannot be asked now."""

    async def practice(self, client: str) -> Practice | None:
        """The subscriber that the FHIR client of that name subscribes for."""
        ...

    async def add(self, subscribed: Subscribed, most: int) -> bool:
        """Keep a new one, unless its subscriber has `most` already."""
        ...

    async def of(self, subscriber: str) -> list[Told]:
        """All of a subscriber, the oldest first."""
        ...

    async def change(self, id: str, change: Change) -> Subscribed | None:
        """Replace the subscription `id`, if it is there, by what `change` makes of it, and give that; nobody else
        changes it meanwhile."""
        ...

    async def due(self, until: datetime, most: int) -> list[Told]:
        """Up to `most` that are due. They are due again at `until`, so that whoever asks next does not get them too."""
        ...

    async def sending(self, message: str) -> Sending | None:
        """What is to be sent with that message; None where its subscription is no more."""
        ...

    async def latest(self, subscriber: str, focus: str) -> tuple[Told, Happened] | None:
        """The last event of all subscriptions of a subscriber that is about `focus` (`Encounter/ID`), as far as it may
        hear of that."""
        ...

    async def events(self, id: str, numbers: range, most: int) -> list[Happened]:
        """Up to `most` events of subscription `id` with these numbers, the first ones, with their bodies, as far as its
        subscriber may hear of them."""
        ...
