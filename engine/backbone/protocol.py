"""What a backbone promises: tickets put in a queue are soon handed to a consumer of it; the journal holds the truth."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

Handle = Callable[[list[str]], Awaitable[None]]
"""Takes a batch of tickets; they are settled for the backbone when it returns, and when it raises."""

MAX_TICKET_CHARACTERS = 200
MAX_BODY_BYTES = 1024 * 1024


@dataclass(slots=True)
class Counts:
    """Tickets since the start, for metrics.

    `put` were taken by the backbone (RabbitMQ: confirmed), `dropped` were not and come again from the journal, `handed`
    were given to a handle, and of these `failed` to one that raised.
    """

    put: int = 0
    dropped: int = 0
    handed: int = 0
    failed: int = 0


class Subscription(Protocol):
    """One consumer of one queue."""

    async def cancel(self) -> None:
        """Hand over no further batch; return when the running handle has ended. What it has not seen goes to others."""
        ...


class Backbone(Protocol):
    """Queues of tickets, each ticket handed to one consumer of its queue.

    Tickets are short ASCII texts without a line break and without patient data. They may be lost, and handed over more
    than once or out of order: the journal makes up for all three. Every method belongs to the event loop's thread.
    """

    counts: Counts

    @property
    def up(self) -> bool:
        """Whether tickets that are put now have a way to their consumers."""
        ...

    async def open(self) -> None:
        """Begin. Does not raise when a broker is down: the backbone is then not `up` and keeps trying."""
        ...

    async def close(self) -> None:
        """Cancel every subscription, give what was put a moment to be confirmed, and let go."""
        ...

    def put(self, queue: str, tickets: Sequence[str]) -> None:
        """Send `tickets` to `queue` in this order, at once and without waiting.

        Never raises for a broker that is down: what cannot be sent is dropped, counted, and told to `on_missed` or
        `on_up` callbacks when there is a way again. Raises `ValueError` for what is no ticket.
        """
        ...

    def consume(self, queue: str, handle: Handle, *, prefetch: int) -> Subscription:
        """Hand each batch of waiting tickets of `queue`, 1 to `prefetch` of them, to `handle`, one batch at a time.

        A handle that raises is logged and its tickets are not handed over again: the journal puts what is due.
        """
        ...

    def on_up(self, callback: Callable[[], None]) -> None:
        """Have `callback` called each time the backbone has come up, the first time included: any queue may have lost
        tickets."""
        ...

    def on_missed(self, callback: Callable[[str], None]) -> None:
        """Have `callback` called with a queue that had to drop tickets, because it was full or lost, and takes them
        again: the journal knows which."""
        ...


def encode(tickets: Sequence[str]) -> bytes:
    """The body of a broker message that carries `tickets`; raises `ValueError` when one of them is no ticket."""
    check(tickets)
    return "\n".join(tickets).encode("ascii")


def check(tickets: Sequence[str]) -> None:
    """Raise `ValueError` unless each ticket is 1 to 200 printable ASCII characters."""
    for ticket in tickets:
        if not (0 < len(ticket) <= MAX_TICKET_CHARACTERS and ticket.isascii() and ticket.isprintable()):
            raise ValueError(f"a ticket is 1 to {MAX_TICKET_CHARACTERS} printable ASCII characters")


def decode(body: bytes) -> list[str]:
    """The tickets of a broker message; raises `ValueError` when `encode` did not make it."""
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"a body of {len(body)} bytes is longer than {MAX_BODY_BYTES}")
    try:
        tickets = body.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise ValueError("a body that is not ASCII") from None
    check(tickets)
    return tickets
