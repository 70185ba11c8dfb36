"""The site's files into the registry, beside senders who hardly notice."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from engine.journal import Journal
from engine.registry.files import Work, ending, folder_of, loading
from engine.registry.listing import sources
from engine.registry.load import GONE, RefusedError, Step, Steps, is_confirmed
from engine.registry.reads import OPT_OUT
from engine.registry.rows import RosterError
from schemas.ids import Clock

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 0.02  # seconds
_PROGRESS_EVERY = 50_000  # entries of a file
_SURE_AFTER = timedelta(minutes=1)
"""For how long a file must be gone: one that is replaced is gone for a moment."""


class Loading(Protocol):
    """What is to be loaded, step by step."""

    def steps(self) -> Steps:
        """The work of one transaction after another."""
        ...


async def load(journal: Journal, work: Loading, told: Callable[[float], bool] = lambda _seconds: True) -> None:
    """Do `work`, one transaction after another; `told` hears after each for how many seconds others could not write,
    and says whether to go on.

    Files are read in a thread, and a part of the time is left to those who wait. Raises what reading raises, and
    `JournalError`.
    """
    steps = work.steps()
    seconds: float | None = None
    while (step := await asyncio.to_thread(_next, steps, seconds)) is not None:
        seconds = await journal.hold(step)
        if not told(seconds):
            return
        await asyncio.sleep(min(seconds / 2, _LONGEST_PAUSE))


def _next(steps: Steps, seconds: float | None) -> Step | None:
    try:
        return steps.send(seconds)
    except StopIteration:
        return None


class Loader:
    """Brings the registry to what a site's files say, as often as they change."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._missed: dict[str, datetime] = {}
        self._unconfirmed: dict[str, str] = {}
        """The digest of each file that waits for somebody to confirm it."""
        self._looked = clock()
        self.faulty_opt_outs = ""
        """What keeps a list of who opted out from being known as it is; "" where all are."""
        self.is_stopping = False
        """Whether to leave the rest for the next start."""

    async def is_due(self) -> bool:
        """Whether it is time to look again: a file has been gone for long, who opted out cannot be read, or somebody
        confirmed what waited for it."""
        since = [*self._missed.values(), *([self._looked] if self.faulty_opt_outs else [])]
        if any(self._clock() - each >= _SURE_AFTER for each in since):
            return True
        waiting = self._unconfirmed
        if not waiting:
            return False
        return await self._journal.read(
            lambda connection: any(is_confirmed(*each, connection) for each in waiting.items())
        )

    async def take_up(self, site: Path, may_vanish: int) -> None:
        """Load what has changed. A file that cannot be read, or by which too many would leave, stays as it was loaded,
        and is logged. Raises `JournalError`."""
        self._unconfirmed, self._looked = {}, self._clock()
        faulty = ""
        works = await asyncio.to_thread(lambda: list(loading(site, self._clock(), may_vanish=may_vanish)))
        for work in works:
            problem = await self._load(work)
            faulty = faulty or (problem if work.source.startswith(OPT_OUT) else "")
        self.faulty_opt_outs = faulty
        there = {work.source for work in works}
        held = await self._journal.read(sources)
        self._missed = {source: self._missed.get(source, self._clock()) for source in held if source not in there}
        for source, since in list(self._missed.items()):
            is_sure = await self._journal.read(partial(is_confirmed, source, GONE))
            why_not = "" if is_sure else await self._why_not(site, source)
            if why_not:
                log.error("%s: its file is gone, and %s; nobody leaves: put it back, or: hie registry remove",
                          source, why_not)  # fmt: skip
                self._unconfirmed[source] = GONE
                del self._missed[source]
            elif is_sure or self._clock() - since >= _SURE_AFTER:
                await self._load(ending(source, self._clock()))
                del self._missed[source]

    async def _why_not(self, site: Path, source: str) -> str:
        """Why the file of `source` was not taken away on purpose; "" where it alone is gone, and others are where it
        was. Of who opted out nobody is told for want of a file."""
        if source.startswith(OPT_OUT):
            return "who opted out stays so"
        folder = folder_of(source)
        try:
            names = await asyncio.to_thread(os.listdir, site / folder)
        except OSError:
            names = []
        return "" if any(not name.startswith(".") for name in names) else f"nothing else is in {folder}/"

    async def _load(self, work: Work) -> str:
        """Load a file, and say why what is new in it is not known then; "" where it is."""
        told = 0

        def tell(_seconds: float) -> bool:
            nonlocal told
            if work.read - told >= _PROGRESS_EVERY:
                told = work.read
                log.info("%s: %d entries read", work.source, told)
            return not self.is_stopping

        if self.is_stopping:
            return ""
        try:
            await load(self._journal, work, tell)
        except (RosterError, OSError) as error:
            log.error("%s stays as it was: %s", work.source, error)  # noqa: TRY400
            if not isinstance(error, RefusedError):
                return str(error) if isinstance(error, RosterError) else f"{work.source}: {error.strerror}"
            self._unconfirmed[work.source] = error.digest
        else:
            if work.loaded is not None and not self.is_stopping:
                log.info("%s: %d added, %d changed, %d ended, %d entries", work.source, *work.loaded)
        return ""
