"""The journal: the truth about every message, behind four verbs for the stages (append, record, waiting, due)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import IO, Any, NamedTuple, TypeVar

import orjson
from sqlalchemy import Connection, Select, bindparam, case, func, select
from sqlalchemy.orm import aliased

from engine.journal.database import DatabaseError, JournalError, connect, database_url, explained, lock
from engine.journal.entry import (
    Entry,
    Event,
    State,
    microseconds,
    moment,
    read_attributes,
    read_findings,
)
from engine.journal.migrate import migrate
from engine.journal.tables import Status, identity, messages
from engine.journal.writer import Numbers, Writer
from schemas.message import Message

T = TypeVar("T")


class Waiting(NamedTuple):
    """A message that waits in a queue: its place `seq`, the lines it stands in, and how its delivery went so far."""

    seq: int
    message: Message
    order_keys: tuple[str, ...] = ()
    status: Status = Status.QUEUED
    due: datetime | None = None
    attempts: int = 0
    first_attempt: datetime | None = None
    body_of: str | None = None
    loaded: bool = True
    """False when the body was left in the journal; `Journal.load` fetches it."""


LARGE = 262_144
"""Bodies above this size (bytes) are left in the journal until the message's turn comes."""

_body = aliased(messages, name="body")
_WAITING = select(
    messages.c.seq,
    messages.c.id,
    messages.c.queue,
    messages.c.parent,
    messages.c.format,
    messages.c.received,
    messages.c.attributes,
    messages.c.findings,
    messages.c.order_keys,
    messages.c.status,
    messages.c.due,
    messages.c.attempts,
    messages.c.first_attempt,
    messages.c.body_of,
    messages.c.size,
    case((messages.c.size <= LARGE, func.coalesce(messages.c.body, _body.c.body))).label("content"),
).select_from(messages.outerjoin(_body, messages.c.body_of == _body.c.id))


class Journal:
    """The message store. Every call may raise `JournalError`, which says what the operator can do."""

    def __init__(self, url: str) -> None:
        self._url = database_url(url)
        self.shared = self._url.get_backend_name() == "postgresql"
        """Whether other engine processes may use this journal at the same time."""
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
        if self._lock is not None:
            self._lock.close()
        await self._writer.close()
        self._readers.shutdown(wait=True)
        self._reading.dispose()
        self._engine.dispose()

    @property
    def backlog(self) -> int:
        """How many units of work wait for a commit."""
        return self._writer.backlog

    def append(self, entries: Sequence[Entry], states: Sequence[State] = ()) -> asyncio.Future[Numbers]:
        """Make new rows, and moves of old ones, durable together; gives the sequence number of each new row by id.

        A row whose id is there already stays as it is and has no number in the answer.
        """
        return self._writer.submit(entries, states)

    def record(self, states: Sequence[State], events: Sequence[Event] = ()) -> asyncio.Future[Numbers]:
        """Make moves of state and events durable together, soon: an outcome that waits costs a repeat at worst."""
        return self._writer.submit((), states, events, patient=True)

    async def waiting(self, queue: str, after: int, limit: int, *, deferred: bool) -> list[Waiting]:
        """The open messages of `queue` after place `after`, in order; those with a due time only if `deferred`."""
        query = _WAITING.where(messages.c.queue == queue, messages.c.open, messages.c.seq > after)
        if not deferred:
            query = query.where(messages.c.due.is_(None))
        query = query.order_by(messages.c.seq).limit(limit)
        return await self.read(lambda connection: _waiting(connection, query))

    async def at(self, queue: str, places: Iterable[int]) -> list[Waiting]:
        """The open messages of `queue` at these places, in order."""
        query = _WAITING.where(messages.c.queue == queue, messages.c.open, messages.c.seq.in_(list(places))).order_by(
            messages.c.seq
        )
        return await self.read(lambda connection: _waiting(connection, query))

    async def due(self, queues: Sequence[str], now: datetime, limit: int) -> dict[str, list[Waiting]]:
        """The messages of each of `queues` whose time has come, the longest due first, `limit` of a queue at most."""
        query = (
            _WAITING.where(messages.c.queue == bindparam("queue"), messages.c.due <= microseconds(now))
            .order_by(messages.c.due)
            .limit(limit)
        )

        def ask(connection: Connection) -> dict[str, list[Waiting]]:
            found = {queue: _waiting(connection, query, {"queue": queue}) for queue in queues}
            return {queue: rows for queue, rows in found.items() if rows}

        return await self.read(ask)

    async def open_places(self, queue: str, up_to: int, limit: int) -> list[int]:
        """The first `limit` places up to `up_to` at which messages of `queue` are open and have no due time."""
        query = (
            select(messages.c.seq)
            .where(messages.c.queue == queue, messages.c.open, messages.c.due.is_(None), messages.c.seq <= up_to)
            .order_by(messages.c.seq)
            .limit(limit)
        )
        return await self.read(lambda connection: list(connection.execute(query).scalars()))

    async def get(self, id: str) -> Message | None:
        """The message with this id, its body included."""
        return await self.read(lambda connection: _message(connection, id))

    async def load(self, waiting: Waiting) -> Waiting:
        """`waiting` with its body."""
        if waiting.loaded:
            return waiting
        body = await self.read(lambda connection: _content(connection, waiting.body_of or waiting.message.id))
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

    async def read(self, question: Callable[[Connection], T]) -> T:
        """What `question` answers, asked in a reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._ask, question)

    async def change(self, work: Callable[[Connection], T]) -> T:
        """Do rare work (an operator's act, ownership, retention) in a write transaction of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._do, work)

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
            with self._engine.begin() as connection:
                return work(connection)
        except DatabaseError as error:
            raise explained(error) from None

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


def _content(connection: Connection, id: str) -> bytes:
    return bytes(connection.execute(select(messages.c.body).where(messages.c.id == id)).scalar() or b"")


def _message(connection: Connection, id: str) -> Message | None:
    for found in _waiting(connection, _WAITING.where(messages.c.id == id)):
        body = found.message.body if found.loaded else _content(connection, found.body_of or id)
        return replace(found.message, body=body)
    return None


def _waiting(connection: Connection, query: Select[Any], given: dict[str, str] | None = None) -> list[Waiting]:
    return [
        Waiting(
            seq=row.seq,
            message=Message(
                id=row.id,
                channel=row.queue.partition("/")[0],
                format=row.format,
                body=bytes(row.content or b""),
                received=moment(row.received),
                parent=row.parent,
                attributes=read_attributes(row.attributes),
                findings=read_findings(row.findings),
            ),
            order_keys=() if row.order_keys is None else tuple(orjson.loads(row.order_keys)),
            status=Status(row.status),
            due=None if row.due is None else moment(row.due),
            attempts=row.attempts,
            first_attempt=None if row.first_attempt is None else moment(row.first_attempt),
            body_of=row.body_of,
            loaded=row.content is not None or row.size == 0,
        )
        for row in connection.execute(query, given)
    ]


__all__ = ["Journal", "JournalError", "Waiting"]
