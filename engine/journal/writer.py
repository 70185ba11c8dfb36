"""The writer: one thread that commits for all who wait.

Every stage hands its rows over and waits; while one commit runs, the next one gathers. A commit therefore serves a
single sender at once and a hundred at the price of one (group commit).
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.pool import PoolProxiedConnection

from engine.journal.database import DatabaseError, JournalError, explained, is_operational
from engine.journal.entry import Entry, Event, State, event_row, message_row, state_row, term_rows
from engine.journal.statements import Row, Statements

Numbers = dict[str, int]
_CHECKPOINT_EVERY = 200  # commits
_PATIENCE = 0.002  # seconds
_MANY = 4  # units of work in one commit
_LONGEST_PAUSE = 0.002  # seconds
_MOST_LOG_PAGES = 16_384
_MOST_IN_ONE_COMMIT = 500  # units of work
_PLACES_LOCK = 0x686965_01  # PostgreSQL's advisory locks are numbers, told apart in one database


@dataclass(slots=True, eq=False)
class Work:
    """One unit: its rows become durable together or not at all. `done` gives the place of each new row by id."""

    done: asyncio.Future[Numbers]
    entries: Sequence[Entry] = ()
    states: Sequence[State] = ()
    events: Sequence[Event] = ()


@dataclass(slots=True)
class _Rows:
    messages: list[Row] = field(default_factory=list)
    states: dict[str, Row] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    terms: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, batch: Sequence[Work]) -> _Rows:
        rows = cls()
        for work in batch:
            for entry in work.entries:
                rows.messages.append(message_row(entry))
                if entry.keys.terms:
                    rows.terms.extend(term_rows(entry))
            for state in work.states:
                rows.states[state.id] = state_row(state)
            for event in work.events:
                rows.events.append(event_row(event))
        return rows

    def write(self, statements: Statements, cursor: DBAPICursor) -> Numbers:
        numbers = statements.insert_messages(cursor, self.messages)
        statements.update_states(cursor, list(self.states.values()))
        statements.insert_events(cursor, self.events)
        statements.insert_terms(cursor, self.terms)
        return numbers


class Writer:
    """Commits units of work in the order in which they were submitted, as many at once as wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._statements = Statements(engine.dialect)
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._connection: PoolProxiedConnection | None = None
        self.turn = threading.Lock()
        """Held while writing. SQLite has one writer at a time, and lets a second one poll where a lock wakes it."""
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Work] = []
        self._bell = threading.Lock()
        self._bell.acquire()
        self._stopping = False
        self._commits = 0
        self._restart_log = False
        self._company: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._checkpoint = threading.Event()
        self._checkpointer = threading.Thread(target=self._run_checkpoints, name="journal-checkpoint", daemon=True)
        self._thread.start()
        if self._is_sqlite:
            self._checkpointer.start()

    @property
    def backlog(self) -> int:
        """How many units of work wait for a commit."""
        return len(self._waiting)

    def submit(
        self,
        entries: Sequence[Entry] = (),
        states: Sequence[State] = (),
        events: Sequence[Event] = (),
        *,
        patient: bool = False,
    ) -> asyncio.Future[Numbers]:
        """Hand over a unit of work; the future is done when it is durable, or raises `JournalError`.

        A `patient` one waits a moment for company, so that it need not have a commit to itself.
        """
        done: asyncio.Future[Numbers] = self._loop.create_future()
        if self._stopping:
            done.set_exception(JournalError("the engine is stopping", "send again when it has started"))
            return done
        self._waiting.append(Work(done, entries, states, events))
        if not patient:
            self._ring()
        elif self._company is None:
            self._company = self._loop.call_later(_PATIENCE, self._end_patience)
        return done

    def _ring(self) -> None:
        # A bare lock is the cheapest bell there is; only the loop's thread rings it.
        if self._bell.locked():
            self._bell.release()

    def _end_patience(self) -> None:
        self._company = None
        self._ring()

    async def close(self) -> None:
        """Commit what waits, then stop."""
        self._stopping = True
        self._ring()
        self._checkpoint.set()
        await asyncio.to_thread(self._thread.join)
        if self._connection is not None:
            self._connection.close()
        if self._checkpointer.is_alive():
            await asyncio.to_thread(self._checkpointer.join)

    def _run(self) -> None:
        pause = 0.0
        while True:
            self._bell.acquire()
            while self._waiting:
                if pause:
                    time.sleep(pause)
                batch = self._waiting[:_MOST_IN_ONE_COMMIT]
                # The loop's thread only ever appends, and a slice is deleted under the interpreter's lock.
                del self._waiting[: len(batch)]
                since = time.perf_counter()
                results = self._commit(batch)
                # Where many write, the next commit waits for more of them: half as long as this one took. A few larger
                # commits cost less than many small ones. A single writer never waits.
                pause = min((time.perf_counter() - since) / 2, _LONGEST_PAUSE) if len(batch) >= _MANY else 0.0
                with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                    self._loop.call_soon_threadsafe(_resolve, batch, results)
            if self._stopping:
                return

    def _commit(self, batch: list[Work]) -> list[Numbers | JournalError]:
        try:
            numbers = self._write(batch)
        except Exception as error:  # nothing may end this thread: whatever waits on it would wait for ever
            if len(batch) == 1 or is_operational(error):
                return [explained(error)] * len(batch)
            # One unit must not spoil the commit of the others, so each gets one of its own.
            return [result for work in batch for result in self._commit([work])]
        self._commits += 1
        if self._restart_log:
            self._restart_log = False
            self._pragma("wal_checkpoint(RESTART)")
        if self._commits % _CHECKPOINT_EVERY == 0:
            self._checkpoint.set()
        return [numbers] * len(batch)

    def _write(self, batch: list[Work]) -> Numbers:
        rows = _Rows.of(batch)
        with self.turn:
            return self._transact(rows)

    def _transact(self, rows: _Rows) -> Numbers:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        cursor = self._connection.cursor()
        try:
            if self._is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            elif rows.messages:
                # Places become visible in their order, or a feed would pass over one that another process commits late.
                cursor.execute(f"SELECT pg_advisory_xact_lock({_PLACES_LOCK})")
            numbers = rows.write(self._statements, cursor)
            self._connection.commit()
        except BaseException:
            self._undo()
            raise
        return numbers

    def _undo(self) -> None:
        """Roll back, and after a failure that may be the connection's own begin with a new one."""
        assert self._connection is not None
        try:
            self._connection.rollback()
        except (*DatabaseError, self._driver_error):
            self._connection.invalidate()
        if not self._is_sqlite or not self._connection.is_valid:
            self._connection.invalidate()
            self._connection = None

    def _run_checkpoints(self) -> None:
        while not self._stopping:
            self._checkpoint.wait()
            self._checkpoint.clear()
            log_pages = self._pragma("wal_checkpoint(PASSIVE)")
            # A log that never rests is never reused. Most of it is copied by now, so that the writer waits little.
            self._restart_log = log_pages > _MOST_LOG_PAGES

    def _pragma(self, pragma: str) -> int:
        """Run a checkpoint; how many pages the log holds."""
        with contextlib.suppress(*DatabaseError, sqlite3.Error):
            raw = self._engine.raw_connection()
            try:
                row = raw.cursor().execute(f"PRAGMA {pragma}").fetchone()
                return int(row[1])
            finally:
                raw.close()
        return 0


def _resolve(batch: list[Work], results: list[Numbers | JournalError]) -> None:
    for work, result in zip(batch, results, strict=True):
        if work.done.done():
            continue
        if isinstance(result, JournalError):
            work.done.set_exception(result)
        else:
            work.done.set_result(result)
