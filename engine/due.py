"""Due: what has its time again. Retries and an operator's replays are one loop."""

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
_BATCH = 500


class Worker(Protocol):
    """A stage that works a queue."""

    feed: Feed

    async def due(self, waiting: list[Waiting]) -> None:
        """Take in messages whose time has come; those in hand are passed over."""
        ...


async def watch_due(journal: Journal, workers: Callable[[], Mapping[str, Worker]], clock: Clock) -> None:
    """Bring each of this process's `workers` (by queue) what is due, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        current = dict(workers())
        try:
            found = await journal.due(list(current), clock(), _BATCH)
            for queue, waiting in found.items():
                await _take_in(queue, current[queue], waiting)
        except JournalError as error:
            log.warning("what is due waits: %s", error)


async def _take_in(queue: str, worker: Worker, waiting: list[Waiting]) -> None:
    try:
        await worker.due(waiting)
    except JournalError:
        raise
    except Exception:  # other queues go on; what is due here is brought again
        log.exception("what is due in %s could not be taken in", queue)
