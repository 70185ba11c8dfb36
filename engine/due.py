"""Due: what has its time again. Retries, an operator's replays and what a lost ticket left behind are one loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from engine.feed import Feed
from engine.journal import Journal, JournalError, Waiting
from schemas.ids import Clock

log = logging.getLogger(__name__)

_EVERY = 1.0  # seconds
_SWEEP_EVERY = 10  # rounds
_BATCH = 500


class Worker(Protocol):
    """A stage that works a queue."""

    feed: Feed

    async def due(self, waiting: list[Waiting]) -> None:
        """Take in messages whose time has come; those in hand are passed over."""
        ...

    def holds(self, place: int) -> bool:
        """Whether the message at `place` is in hand."""
        ...


async def watch_due(journal: Journal, workers: Callable[[], Mapping[str, Worker]], clock: Clock) -> None:
    """Bring each of this process's `workers` (by queue) what is due, until cancelled."""
    rounds = 0
    while True:
        await asyncio.sleep(_EVERY)
        rounds += 1
        current = dict(workers())
        try:
            found = await journal.due(list(current), clock(), _BATCH)
            for queue, waiting in found.items():
                await current[queue].due(waiting)
            if journal.shared and rounds % _SWEEP_EVERY == 0:
                await _sweep(journal, current)
        except JournalError as error:
            log.warning("what is due waits: %s", error)


async def _sweep(journal: Journal, workers: Mapping[str, Worker]) -> None:
    """Find what was journaled behind a feed's back: committed late by another process, its ticket lost."""
    for queue, worker in workers.items():
        places = await journal.open_places(queue, worker.feed.cursor, _BATCH)
        left = [place for place in places if not worker.holds(place)]
        if left:
            worker.feed.found(left)
