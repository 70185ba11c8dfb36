"""The journal: the truth about every message, behind four verbs for the stages (append, record, waiting, due)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Engine, Integer, bindparam, select

from engine.journal.database import DatabaseError, JournalError, connect, database_url, explained, lock
from engine.journal.entry import (
    Entry,
    Event,
    State,
    microseconds,
)
from engine.journal.migrate import migrate
from engine.journal.tables import Status, identity, messages
from engine.journal.waiting import WAITING, Recent, Waiting, read_body, read_message, read_waiting
from engine.journal.writer import Numbers, Work, Writer, resolve
from schemas.message import Message

T = TypeVar("T")


# Built once: building a query costs more than asking it.
_OF_QUEUE = WAITING.where(messages.c.queue == bindparam("queue")).limit(bindparam("most", type_=Integer))
_OPEN = _OF_QUEUE.where(messages.c.open, messages.c.seq > bindparam("after")).order_by(messages.c.seq)
_OPEN_NOW = _OPEN.where(messages.c.due.is_(None))
_DUE = _OF_QUEUE.where(messages.c.due <= bindparam("now")).order_by(messages.c.due)


_OF_A_CHANGE = 10
"""How many usual commits a change counts as: a roster is loaded in large ones, and no log should grow by gigabytes."""


class Journal:
    """The message store. Every call may raise `JournalError`, which says what the operator can do."""

    def __init__(self, url: str) -> None:
        self._url = database_url(url)
        self.shared = self._url.get_backend_name() == "postgresql"
        """Whether other engine processes may use this journal at the same time."""
        self._recent = Recent() if self.shared else None
        self._lock: IO[str] | None = None

    async def open(self, *, exclusive: bool = False) -> None:
        """Connect, bring the schema up to date, start the writer.

        An engine opens a journal that cannot be shared with `exclusive`, and is refused while another engine has it.
        """
        if exclusive and not self.shared:
            self._lock = lock(self._url)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="journal-reader")
        try:
            self._engine = connect(self._url)
            await asyncio.to_thread(migrate, self._engine)
        except DatabaseError as error:
            raise explained(error) from None
        self._reading = connect(self._url, reading=True)
        self.id = await self.read(lambda connection: str(connection.execute(select(identity.c.id)).scalar()))
        self._writer = Writer(self._engine)

    async def close(self) -> None:
        """Commit what waits and let go of the database."""
        await self._writer.close()
        self._readers.shutdown(wait=True)
        self._reading.dispose()
        self._engine.dispose()
        if self._lock is not None:
            self._lock.close()

    @property
    def reading(self) -> Engine:
        """The database for those who read it at once, from the event loop: answers must be few look-ups."""
        return self._reading

    @property
    def backlog(self) -> int:
        """How many units of work wait for a commit."""
        return self._writer.backlog

    def submit(self, work: Work, *, patient: bool = False) -> None:
        """Make the rows of `work` durable together, and have its `done` told.

        A row whose id is there already stays as it is and has no number in the answer; so does one whose repeat key is.
        Where no sender waits, a `patient` one gives the next sender's message the chance to share its commit.
        """
        if self._recent is not None:
            for entry in work.routed or work.entries:
                if entry.open:
                    self._recent.keep(entry.message)
        self._writer.submit(work, patient=patient)

    def append(self, entries: Sequence[Entry], states: Sequence[State] = ()) -> asyncio.Future[Numbers]:
        """Make new rows, and moves of old ones, durable together; gives the sequence number of each new row by id."""
        future: asyncio.Future[Numbers] = asyncio.get_running_loop().create_future()
        self.submit(Work(partial(resolve, future), entries, states))
        return future

    def record(self, states: Sequence[State], events: Sequence[Event] = ()) -> asyncio.Future[Numbers]:
        """Make moves of state and events durable together, soon: an outcome that waits costs a repeat at worst."""
        future: asyncio.Future[Numbers] = asyncio.get_running_loop().create_future()
        self.submit(Work(partial(resolve, future), (), states, events), patient=True)
        return future

    async def waiting(self, queue: str, after: int, limit: int, *, deferred: bool) -> list[Waiting]:
        """The open messages of `queue` after place `after`, in order; those with a due time only if `deferred`."""
        query = _OPEN if deferred else _OPEN_NOW
        given = {"queue": queue, "after": after, "most": limit}
        return await self.read(lambda connection: read_waiting(connection, query, given, self._recent))

    async def due(self, queues: Sequence[str], now: datetime, limit: int) -> dict[str, list[Waiting]]:
        """The messages of each of `queues` whose time has come, the longest due first, `limit` of a queue at most."""

        def ask(connection: Connection) -> dict[str, list[Waiting]]:
            found: dict[str, list[Waiting]] = {}
            for queue in queues:
                given = {"queue": queue, "now": microseconds(now), "most": limit}
                rows = read_waiting(connection, _DUE, given, self._recent)
                if rows:
                    found[queue] = rows
            return found

        return await self.read(ask)

    async def get(self, id: str) -> Message | None:
        """The message with this id, its body included."""
        return await self.read(lambda connection: read_message(connection, id))

    async def load(self, waiting: Waiting) -> Waiting:
        """`waiting` with its body."""
        if waiting.loaded:
            return waiting
        body = await self.read(lambda connection: read_body(connection, waiting.body_of or waiting.message.id))
        return waiting._replace(message=replace(waiting.message, body=body), loaded=True)

    async def repeat_of(self, message: Message, control_id: str, since: datetime) -> str | None:
        """The id of the message of the same channel, control id and body that was accepted after `since`, if any."""
        query = (
            select(messages.c.id)
            .where(
                messages.c.control_id == control_id,
                messages.c.queue == message.channel,
                messages.c.received >= microseconds(since),
                messages.c.status != Status.REJECTED,
                messages.c.body == message.body,
            )
            .limit(1)
        )
        return await self.read(lambda connection: connection.execute(query).scalar())

    async def answers(self, seconds: float) -> bool:
        """Whether the database answers within `seconds`."""
        try:
            await asyncio.wait_for(self.read(lambda connection: connection.execute(select(1)).scalar()), seconds)
        except (JournalError, TimeoutError):
            return False
        return True

    async def read(self, question: Callable[[Connection], T]) -> T:
        """What `question` answers, asked in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._ask, question)

    async def change(self, work: Callable[[Connection], T]) -> T:
        """Do rare work (an operator's act, ownership, retention) in a write transaction of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._do, work)

    async def hold(self, work: Callable[[Connection], object]) -> float:
        """As `change`; gives for how many seconds others could not write because of it."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._time, work)

    async def maintain(self, *statements: str) -> int:
        """Run `statements` (vacuum, checkpoints) in no transaction; the number that the last answers, on SQLite."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._maintain, statements)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        try:
            with self._reading.connect() as connection:
                return question(connection)
        except DatabaseError as error:
            raise explained(error) from None

    def _do(self, work: Callable[[Connection], T]) -> T:
        try:
            with nullcontext() if self.shared else self._writer.turn:
                with self._engine.begin() as connection:
                    done = work(connection)
                if not self.shared:
                    self._writer.committed(_OF_A_CHANGE)
                return done
        except DatabaseError as error:
            raise explained(error) from None

    def _time(self, work: Callable[[Connection], object]) -> float:
        since = 0.0

        def timed(connection: Connection) -> None:
            nonlocal since
            since = time.perf_counter()
            work(connection)

        self._do(timed)
        return time.perf_counter() - since

    def _maintain(self, statements: Sequence[str]) -> int:
        answer: Sequence[Any] = ()
        try:
            if self.shared:
                with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    for statement in statements:
                        connection.exec_driver_sql(statement)
                return 0
            # The driver's own connection: what SQLAlchemy hands out is inside a transaction.
            raw = self._engine.raw_connection()
            try:
                *first, last = statements
                # A script runs each statement to its end; execute() would stop a vacuum at its first page.
                raw.cursor().executescript(";".join(first))
                answer = raw.cursor().execute(last).fetchall()
            finally:
                raw.close()
        except (*DatabaseError, sqlite3.Error) as error:
            raise explained(error) from None
        return int(answer[0][0]) if answer else 0


__all__ = ["Journal", "JournalError", "Waiting"]
