"""What came before a message that is tried: known to the registry while that is tried, as its commits would have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from engine.channel import Channel
from engine.plan import plan
from engine.registry.site import SiteRegistry
from schemas.message import Message


@contextmanager
def earlier(registry: SiteRegistry, came: Sequence[tuple[Channel, Message]]) -> Iterator[str]:
    """Let `registry` know, inside of the `with`, what each message that `came`, in this order, told; gives which of
    them was not taken and why, "" where all were."""
    known: list[str] = []
    try:
        problem = ""
        for number, (channel, message) in enumerate(came, start=1):
            made = plan(message, channel)
            if made.failed is not None:
                problem = f"message {number} before is not taken: {made.failed}"
                break
            known.append(message.id)
            registry.take(message, [child.message for child in made.children])
        yield problem
    finally:
        for id in known:
            registry.let_go(id)


def moment(received: datetime, number: int, before: int) -> datetime:
    """When message `number` (from 0) of so many `before` came: one a minute, the last a minute earlier."""
    return received - timedelta(minutes=before - number)
