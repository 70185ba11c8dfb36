"""Tidy: the engine keeps its journal as small as the site's retention says, by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from engine.journal import Journal, JournalError
from engine.journal.keeping import forget_expired
from engine.journal.retention import Keep, Pruned, prune
from schemas.ids import Clock

log = logging.getLogger(__name__)

_FIRST = 60.0  # seconds after the start, when what had waited is on its way
_EVERY = 3600.0  # seconds


async def watch_age(
    journal: Journal,
    owned: Callable[[], Collection[str]],
    keep: Keep,
    clock: Clock,
    *,
    first: float = _FIRST,
    every: float = _EVERY,
) -> None:
    """Every hour remove what is old enough from the channels whose queues this process has `owned`, and what the ends
    need no longer remember, until cancelled."""
    wait = first
    while True:
        await asyncio.sleep(wait)
        wait = every
        last = Pruned("", 0, 0)
        try:
            async for progress in prune(journal, keep, clock(), frozenset(owned())):
                last = progress
            await forget_expired(journal, clock())
        except JournalError as error:
            log.warning("retention waits: %s", error)
        if last.messages:
            log.info("retention removed %d messages and gave back %d MB", last.messages, last.bytes >> 20)
