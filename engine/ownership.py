"""Who works which queue: among the processes that share a journal, each queue belongs to one at a time.

Every process counts up a beat in the journal. A process whose beat stands still for `_DEAD` seconds of the watcher's
own clock is dead, and its queues are taken over; no two machines' clocks are ever compared. One that has ended on the
watcher's own machine is dead at once. A process that could not beat for `_FENCE` seconds stops its own work before
others may take it for dead. Which of the living works a queue follows from the names alone (rendezvous hashing), so
that queues spread, and move least when a process comes or goes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql

from engine.host import Place, here, is_gone
from engine.journal import Journal, JournalError
from engine.journal.tables import owners, processes

log = logging.getLogger(__name__)

_BEAT = 1.0
_FENCE = 3.0
_DEAD = 6.0


@dataclass(frozen=True, slots=True)
class View:
    """What the journal says: each process's beat and place, and the owner of each queue."""

    beats: dict[str, int]
    places: dict[str, Place]
    owner: dict[str, str | None]


class Living:
    """Which processes are alive, judged by their beats as this process sees them. Pure; time is passed in (seconds)."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def update(self, beats: dict[str, int], now: float) -> set[str]:
        """The living among the processes that have `beats`, seen at `now`."""
        for name in self._seen.keys() - beats.keys():
            del self._seen[name]
        for name, beat in beats.items():
            if name not in self._seen or self._seen[name][0] != beat:
                self._seen[name] = (beat, now)
        return {name for name, (_, since) in self._seen.items() if now - since < _DEAD}


def preferred(queue: str, names: Iterable[str]) -> str:
    """Which of the processes `names` is to work `queue`: the same answer in every process."""
    return max(names, key=lambda name: hashlib.blake2b(f"{queue}\0{name}".encode(), digest_size=8).digest())


class Ownership:
    """This process's queues: `gained` and `lost` are called as they come and go; `lost` ends when work has stopped."""

    def __init__(
        self,
        journal: Journal,
        name: str,
        queues: Callable[[], set[str]],
        gained: Callable[[str], Awaitable[None]],
        lost: Callable[[str], Coroutine[None, None, None]],
    ) -> None:
        self.name = name
        self._journal = journal
        self._queues = queues
        self._gained = gained
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._living = Living()
        self._place = here()
        self._beaten = self._loop.time()
        self._owned: set[str] = set()
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    @property
    def owned(self) -> frozenset[str]:
        """The queues that this process works."""
        return frozenset(self._owned)

    @property
    def working(self) -> frozenset[str]:
        """The queues that this process works and is not about to give up."""
        return frozenset(self._owned - self._leaving.keys())

    def holds(self) -> bool:
        """Whether this process may still work what it owns: asked before each delivery."""
        return not self._journal.shared or self._loop.time() - self._beaten < _FENCE

    def changed(self) -> None:
        """The set of queues has changed: look at once."""
        self._changed.set()

    async def run(self) -> None:
        """Beat, claim and release until cancelled."""
        while True:
            self._changed.clear()
            await (self._share() if self._journal.shared else self._own_all())
            try:
                await asyncio.wait_for(self._changed.wait(), _BEAT if self._journal.shared else None)
            except TimeoutError:
                continue

    async def release(self) -> None:
        """Give up every queue and leave, so that others take over at once."""
        await asyncio.gather(*(self._lose(queue) for queue in self._owned))
        self._owned.clear()
        if self._journal.shared:
            try:
                await self._journal.change(self._leave)
            except JournalError as error:
                log.warning("the queues of this process are taken over in %d s: %s", _DEAD, error)

    async def _own_all(self) -> None:
        queues = self._queues()
        for queue in self._owned - queues:
            await self._lose(queue)
            self._owned.discard(queue)
            self._leaving.pop(queue, None)
        for queue in queues - self._owned:
            await self._gain(queue)

    async def _share(self) -> None:
        try:
            view = await self._journal.change(self._beat)
        except JournalError as error:
            if not self.holds() and self._owned:
                log.error("the journal was out of reach for %d s; work stops: %s", _FENCE, error)  # noqa: TRY400
                for queue in self._owned:
                    self._lose(queue)
            return
        self._beaten = self._loop.time()
        gone = {name for name, place in view.places.items() if name != self.name and is_gone(place)}
        if gone:
            log.warning("%s of this machine has ended; its queues are taken over", ", ".join(sorted(gone)))
        alive = self._living.update(view.beats, self._beaten) - gone | {self.name}
        wanted = {queue for queue in self._queues() if preferred(queue, alive) == self.name}
        for queue in self._owned:
            if queue not in wanted or view.owner.get(queue) != self.name:
                self._lose(queue)
        leaving = {queue for queue, task in self._leaving.items() if task.done()}
        free = {queue for queue in wanted - self._owned if view.owner.get(queue) not in alive - {self.name}}
        dead = view.beats.keys() - alive
        if not (leaving or free or dead):
            return
        try:
            claimed = await self._journal.change(lambda connection: self._claim(connection, view, leaving, free, dead))
        except JournalError as error:
            log.warning("queues could not be claimed: %s", error)
            return
        for queue in leaving:
            del self._leaving[queue]
            self._owned.discard(queue)
        for queue in claimed:
            await self._gain(queue)

    async def _gain(self, queue: str) -> None:
        self._owned.add(queue)
        await self._gained(queue)

    def _lose(self, queue: str) -> asyncio.Task[None]:
        """Let the work on `queue` end, while beats go on; it is given up when that is done."""
        if queue not in self._leaving:
            self._leaving[queue] = asyncio.create_task(self._lost(queue), name=f"{queue} leaving")
        return self._leaving[queue]

    def _beat(self, connection: Connection) -> View:
        mine = processes.c.name == self.name
        if not connection.execute(update(processes).where(mine).values(beat=processes.c.beat + 1)).rowcount:
            connection.execute(insert(processes).values(name=self.name, beat=1, **self._place._asdict()))
        # The owners first: each had its beat before it owned, and is in what is read after. The other way round,
        # one that comes in between would look dead.
        owner = {row.queue: row.process for row in connection.execute(select(owners.c.queue, owners.c.process))}
        rows = connection.execute(select(processes)).all()
        beats = {row.name: row.beat for row in rows}
        return View(beats, {row.name: Place(row.host, row.pid, row.started) for row in rows if row.host}, owner)

    def _claim(self, connection: Connection, view: View, leaving: set[str], free: set[str], dead: set[str]) -> set[str]:
        for queue in leaving:
            connection.execute(
                update(owners).where(owners.c.queue == queue, owners.c.process == self.name).values(process=None)
            )
        claimed: set[str] = set()
        for queue in sorted(free):
            former = view.owner.get(queue)
            if queue in view.owner:
                of_former = owners.c.process.is_(None) if former is None else owners.c.process == former
                taken = update(owners).where(owners.c.queue == queue, of_former).values(process=self.name)
                if connection.execute(taken).rowcount:
                    claimed.add(queue)
            else:
                # Two processes may insert at once: the table's key lets one of them.
                made = postgresql.insert(owners).values(queue=queue, process=self.name).on_conflict_do_nothing()
                if connection.execute(made.returning(owners.c.queue)).scalar() is not None:
                    claimed.add(queue)
        if dead:
            connection.execute(delete(processes).where(processes.c.name.in_(dead)))
        return claimed

    def _leave(self, connection: Connection) -> None:
        connection.execute(update(owners).where(owners.c.process == self.name).values(process=None))
        connection.execute(delete(processes).where(processes.c.name == self.name))
