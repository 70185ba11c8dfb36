"""Digests: what waits in a route's queue to be told together becomes one message of that queue at its time.

The messages wait as they were before the route's own steps. When their time has come, what they come to goes through
these steps and is journaled in the commit that settles them, so that a crash repeats or loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from engine.channel import Channel, Route
from engine.journal import (
    NO_KEYS,
    Entry,
    Journal,
    JournalError,
    Numbers,
    State,
    Status,
    Waiting,
    Work,
    resolve,
)
from engine.journal.gathered import Gathered, Held, load, note_told_in, waiting_until
from engine.late import WhyNot, is_notice, why_unsent
from engine.plan import PlanError, run_steps
from engine.route import Journaled
from schemas.ids import Clock, derived_id
from schemas.message import Message
from transforms.notify.digest import DIGEST, Item, fold, together
from transforms.registry import RegistryError

log = logging.getLogger(__name__)

MOST = 1_000
"""Notices in one digest; more of one subscriber go out in the next, a second later."""
MOST_BYTES = 32 << 20
"""Bytes of the notices in one digest, which are in memory together; one notice goes out whatever its size."""
ONE_BY_ONE = ("mllp",)
"""Ends whose protocol carries one message at a time, each with its own answer."""
_SLICE = 0.005  # seconds of rendering after which others get their turn
_UNTOLD = "taken back before it was told"


def waits_for_digest(message: Message) -> bool:
    """Whether `message` is not delivered, but told in a digest."""
    return DIGEST in message.attributes


class Digester:
    """Makes the digests of one route, for the process that owns the route's queue."""

    def __init__(
        self,
        channel: Channel,
        route: Route,
        journal: Journal,
        clock: Clock,
        journaled: Journaled,
        why_not: WhyNot,
    ) -> None:
        self._queue = channel.queue(route)
        self._route = route
        self._end = route.outbound.end.name
        self._journal = journal
        self._clock = clock
        self._tell_feed = journaled
        self._why_not = why_not

    async def gather(self, due: Sequence[Waiting]) -> list[Waiting]:
        """Those of `due` that are delivered as they are. Of the others digests are made, which come by the feed."""
        times = {each.due for each in due if each.due is not None and waits_for_digest(each.message)}
        for when in sorted(times):
            found = await self._journal.read(partial(waiting_until, queue=self._queue, due=when, attribute=DIGEST))
            for name, held in found.items():
                await self._tell(name, when, _first(held))
        return [each for each in due if not waits_for_digest(each.message)]

    async def _tell(self, name: str, due: datetime, ids: Sequence[str]) -> None:
        waiting = await self._journal.read(partial(load, ids=ids))
        if not waiting:
            return
        try:
            gathered = await self._gathered(
                waiting, derived_id(waiting[0].message.id, f"digest {name} {due.isoformat()}")
            )
        except RegistryError as error:
            log.warning("a digest of %s waits: %s", self._queue, error)
            return
        await self._journal.change(partial(note_told_in, told_in=gathered.told_in))
        await self._commit(gathered)

    def _commit(self, gathered: Gathered) -> asyncio.Future[Numbers]:
        """Put the digest in the place of what waited for it. Its id is made of theirs: made twice, it is there once."""
        future: asyncio.Future[Numbers] = asyncio.get_running_loop().create_future()

        def done(work: Work) -> None:
            if not isinstance(work.result, JournalError):
                self._tell_feed(work.entries, work.result)
            resolve(future, work)

        self._journal.submit(Work(done, gathered.entries, gathered.states), patient=True)
        return future

    async def _gathered(self, waiting: Sequence[Waiting], id: str) -> Gathered:
        now = self._clock()
        unsent = await self._unsent(waiting)
        states = [State(each, Status.REFUSED, False, now, None, 0, detail=why) for each, why in unsent.items()]
        items, gone = fold([each.message for each in waiting if each.message.id not in unsent])
        states += [State(each, Status.FILTERED, False, now, None, 0, detail=_UNTOLD) for each in gone]
        told: list[tuple[Message, Item]] = []
        since = time.monotonic()
        for item in items:
            if time.monotonic() - since > _SLICE:
                await asyncio.sleep(0)
                since = time.monotonic()
            try:
                made, why = run_steps(self._route.steps, item.notice, self._route.name)
            except PlanError as stopped:
                why = str(stopped.failure)
                states += [State(each, Status.FAILED, False, now, None, 0, detail=why) for each in item.of]
                continue
            if not made:
                states += [State(each, Status.FILTERED, False, now, None, 0, detail=why) for each in item.of]
            told += [(each, item) for each in made]
        entries, told_in = self._entries(waiting, told, id, now)
        for each, message in told_in.items():
            states.append(State(each, Status.ROUTED, False, now, None, 0, detail=f"told in the digest {message}"))
        return Gathered(entries, states, told_in)

    async def _unsent(self, waiting: Sequence[Waiting]) -> dict[str, str]:
        """Which of `waiting` are not told any more, since their subscriber may not hear of the patient now, and why."""
        found = {
            each.message.id: await why_unsent(each.message, self._journal, self._why_not)
            for each in waiting
            if is_notice(each.message)
        }
        return {id: why for id, why in found.items() if why}

    def _entries(
        self, waiting: Sequence[Waiting], told: Sequence[tuple[Message, Item]], id: str, now: datetime
    ) -> tuple[list[Entry], dict[str, str]]:
        """The rows of the digest, and in which of them each notice is told."""
        if not told:
            return [], {}
        by_id = {each.message.id: each for each in waiting}
        sent = together([message for message, _ in told], id, now, one_by_one=self._end in ONE_BY_ONE)
        parts = [[item] for _, item in told] if len(sent) == len(told) else [[item for _, item in told]]
        entries: list[Entry] = []
        told_in: dict[str, str] = {}
        for message, items in zip(sent, parts, strict=True):
            of = [by_id[each] for item in items for each in item.of]
            keys = tuple(dict.fromkeys(key for each in of for key in each.order_keys))
            whole = replace(message, channel=of[0].message.channel, parent=of[0].message.parent)
            entries.append(Entry(whole, self._queue, Status.QUEUED, True, NO_KEYS, keys, end=self._end))
            told_in |= {each.message.id: whole.id for each in of}
        return entries, told_in


def _first(held: Sequence[Held]) -> list[str]:
    """The ids of the first of `held`, as many as one digest has."""
    ids: list[str] = []
    size = 0
    for each in held[:MOST]:
        size += each.size
        if ids and size > MOST_BYTES:
            break
        ids.append(each.id)
    return ids
