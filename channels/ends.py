"""What an end is: an inbound hands messages to `accept`, an outbound delivers one and says what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from channels.store import Kept, MemoryStore, Store
from channels.subscriptions import Book
from schemas.finding import Finding
from schemas.ids import Clock
from schemas.message import Message


class ReceiptCode(StrEnum):
    """What the engine did with what an inbound end handed it."""

    ACCEPTED = "accepted"  # durable; AA, 200
    REJECTED = "rejected"  # sending the same again is useless; AR, 4xx
    FAILED = "failed"  # not durable; the sender should try again; AE, 503


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told, and why; `reason` never quotes patient data.

    `where` addresses the damage for an ERR segment (`MSH-9`); `error` is a code of HL7 table 0357; `first` is the id of
    the message that this one only repeats, "" otherwise.
    """

    code: ReceiptCode
    reason: str = ""
    where: str = ""
    error: str = ""
    first: str = ""


class OutcomeCode(StrEnum):
    """What became of one delivery."""

    DELIVERED = "delivered"
    PENDING = "pending"  # the partner will tell later (MDN)
    DEFERRED = "deferred"  # try again
    REFUSED = "refused"  # trying again is useless


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one delivery: `detail` for the operator, `reply` the partner's own answer.

    `unreachable` says that the partner and not the message is the reason of a deferral: the whole route waits.
    `retry_after` is the partner's own wish, when it gave one. What is pending `until` a time is left alone before it,
    unless `EndContext.settle` is told; at that time the end is asked again.
    """

    code: OutcomeCode
    detail: str = ""
    reply: bytes = b""
    unreachable: bool = False
    retry_after: timedelta | None = None
    until: datetime | None = None


class Accept(Protocol):
    """Journals a message; the receipt says what to tell the sender. Calls take effect in the order they are made in."""

    def __call__(self, message: Message, /, keep: Sequence[Kept] = ()) -> Awaitable[Receipt]:
        """Journal `message`, and in the same commit what the end must `keep` about it."""
        ...


@dataclass(frozen=True, slots=True)
class RouteFate:
    """What became of the child that a route made of a message: `status` is the journal's word (`delivered`), `settled`
    whether it is the last, `reply` what the partner answered."""

    route: str
    status: str
    settled: bool
    reply: bytes = b""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message that was accepted, so far: `status` is the journal's word (`received`, `routed`)."""

    status: str
    attributes: Mapping[str, str]
    routes: tuple[RouteFate, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen to it, unless an operator has it delivered again."""
        return self.status != "received" and all(route.settled for route in self.routes)


async def unknown_fate(_id: str) -> Fate | None:
    """The fate of every message where there is no journal to ask."""
    return None


async def settle_nothing(_id: str, _outcome: Outcome) -> bool:
    """Where there is no journal, no delivery is pending."""
    return False


async def accept_nothing(_message: Message, keep: Sequence[Kept] = ()) -> Receipt:
    """Where there is no journal, nothing is accepted."""
    return Receipt(ReceiptCode.FAILED, "there is no journal")


@dataclass(frozen=True, slots=True)
class EndContext:
    """What an end is handed besides its options: who it works for, the clock, ids, where to report what it noticed.

    `fate` says what became of a message of this channel by its id: None when there is none. `settle` tells what became
    of a delivery that was pending, of whichever channel: by its message's id, at most once; whether it was open still
    (an outcome that is PENDING again has it wait on). `store` is what the ends of the site remember. All three raise
    `OSError` when the journal cannot be asked. `subscriptions` are those of the site's FHIR clients, None without a
    journal. `accept` takes a message into the channel as its inbound end does, for an outbound end whose partner has
    answered with more than a receipt.
    """

    channel: str
    site: Path
    now: Clock
    new_id: Callable[[], str]
    report: Callable[[Finding], None]
    fate: Callable[[str], Awaitable[Fate | None]] = unknown_fate
    settle: Callable[[str, Outcome], Awaitable[bool]] = settle_nothing
    store: Store = field(default_factory=MemoryStore)
    subscriptions: Book | None = None
    accept: Accept = accept_nothing


class Inbound(Protocol):
    """An inbound end."""

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        """Take messages until cancelled; call `ready` once listening.

        When cancelled, stop taking input and answer what is in flight. Raises `OSError` when it cannot listen.
        """
        ...


class Outbound(Protocol):
    """An outbound end."""

    async def deliver(self, message: Message) -> Outcome:
        """Deliver `message` once and say what became of it. Never raises for what a partner did. Safe to call at once
        for several messages; the engine keeps the order where order is asked for."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Together:
    """How deliveries are gathered: up to `most` at once, or when the first was received `wait` ago."""

    most: int
    wait: timedelta


@runtime_checkable
class Gathering(Protocol):
    """What an outbound end also is that may take several messages at once: where `together` says so, and not None, the
    engine hands them over in the order of the route, and only so."""

    together: Together | None

    async def deliver_together(self, messages: Sequence[Message]) -> list[Outcome]:
        """Deliver `messages` in their order and say what became of each, as `deliver` does."""
        ...


@runtime_checkable
class Busy(Protocol):
    """What an outbound end also is that has something to do when there is nothing to deliver."""

    async def work(self) -> None:
        """Do it until cancelled; begun by the one process that delivers on the route."""
        ...


@dataclass(frozen=True, slots=True)
class End:
    """One name in YAML, both directions: classes called as `(context, **options)`, whose keyword-only parameters are
    the YAML options and whose docstrings are the manual."""

    name: str
    inbound: Callable[..., Inbound] | None = None
    outbound: Callable[..., Outbound] | None = None
