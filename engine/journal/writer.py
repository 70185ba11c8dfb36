"""The writer: one thread that commits for all who wait.

Every stage hands its rows over and waits; while one commit runs, the next one gathers. A commit therefore serves a
single sender at once and a hundred at the price of one (group commit).
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.pool import PoolProxiedConnection

from channels.store import Kept
from engine.journal.database import DatabaseError, JournalError, explained, is_operational
from engine.journal.entry import (
    NOTICE,
    REFERRAL,
    SUBSCRIPTION,
    Entry,
    Event,
    State,
    event_row,
    kept_row,
    message_row,
    notice_row,
    referral_row,
    state_row,
    subscription_event_row,
    term_rows,
)
from engine.journal.statements import Row, Statements
from engine.journal.waiting import LARGE
from schemas.message import Message

Numbers = dict[str, int]
_CHECKPOINT_EVERY = 200  # commits
_PATIENCE = 0.002  # seconds
_MANY = 4  # units of work in one commit
_LONGEST_PAUSE = 0.002  # seconds
_MOST_LOG_PAGES = 16_384
_MOST_IN_ONE_COMMIT = 500  # units of work
_MOST_BYTES = sys.maxsize
_PLACES_LOCK = 0x686965_01  # PostgreSQL's advisory locks are numbers, told apart in one database


@dataclass(slots=True, eq=False)
class Work:
    """One unit: its rows become durable together or not at all. Then `done` is told, unit by unit in the order in which
    they were committed, and `result` is the place of each new row by id, or why there is none.

    `routed` are rows for a message that is routed already. They are written in place of `entries`, and are `entries`
    from then on, if the first of these is new and no other message waits in its queue. `kept` is what an end remembers.
    """

    done: Callable[[Work], None]
    entries: Sequence[Entry] = ()
    states: Sequence[State] = ()
    events: Sequence[Event] = ()
    routed: Sequence[Entry] = ()
    kept: Sequence[Kept] = ()
    result: Numbers | JournalError = field(default_factory=dict)


def resolve(future: asyncio.Future[Numbers], work: Work) -> None:
    """Give `future` the result of `work`, unless nobody waits for it any more."""
    if future.done():
        return
    if isinstance(work.result, JournalError):
        future.set_exception(work.result)
    else:
        future.set_result(work.result)


class _Rows:
    """The rows of a batch, and which entries those of each unit are, when messages wait in the queues `behind`; in the
    end `behind` are those and the ones that the batch adds to. Bodies of `apart` bytes and more are written apart."""

    def __init__(self, batch: Sequence[Work], behind: Collection[str] = (), apart: int = _MOST_BYTES) -> None:
        self.behind = set(behind)
        self.apart: dict[str, Message] = {}
        self.chosen: list[Sequence[Entry]] = []
        self.messages: list[Row] = []
        self.states: dict[str, Row] = {}
        self.events: list[Row] = []
        self.terms: list[Row] = []
        self.notices: list[Row] = []
        self.referral_acts: list[Row] = []
        self.subscription_events: list[Row] = []
        self.kept: dict[tuple[str, str], Row] = {}
        for work in batch:
            entries = work.entries
            if work.routed and entries[0].queue not in self.behind:
                entries = work.routed
            self.chosen.append(entries)
            for entry in entries:
                is_apart = entry.body_of is None and len(entry.message.body) >= apart
                self.messages.append(message_row(entry, without_body=is_apart))
                if is_apart:
                    self.apart.setdefault(entry.message.id, entry.message)  # of two with one id the first is kept
                if entry.keys.terms:
                    self.terms += term_rows(entry)
                if NOTICE in entry.message.attributes and entry.message.parent is not None:
                    self.notices.append(notice_row(entry))
                    if SUBSCRIPTION in entry.message.attributes:
                        self.subscription_events.append(subscription_event_row(entry))
                if REFERRAL in entry.message.attributes and entry.message.parent is not None:
                    self.referral_acts.append(referral_row(entry))
                if entry.open:
                    self.behind.add(entry.queue)
            for state in work.states:
                self.states[state.id] = state_row(state)
            for each in work.kept:
                self.kept[each.kind, each.key] = kept_row(each)
            for event in work.events:
                self.events.append(event_row(event))

    def write(self, statements: Statements, cursor: DBAPICursor) -> Numbers:
        numbers = statements.insert_messages(cursor, self.messages)
        for id, message in self.apart.items():
            if id in numbers:
                statements.write_body(cursor, numbers[id], message.body)
        statements.update_states(cursor, list(self.states.values()))
        statements.insert_events(cursor, self.events)
        statements.insert_terms(cursor, self.terms)
        statements.insert_notices(cursor, self.notices)
        statements.insert_referral_acts(cursor, self.referral_acts)
        statements.number_subscription_events(cursor, self.subscription_events)
        statements.put_kept(cursor, list(self.kept.values()))
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
        self._is_ringing = False
        self._clear: set[str] = set()  # queues in which nothing waits
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

    def submit(self, work: Work, *, patient: bool = False) -> None:
        """Hand over a unit of work. A `patient` one waits a moment for company, so that it need not have a commit to
        itself."""
        if self._stopping:
            work.result = JournalError("the engine is stopping", "send again when it has started")
            self._loop.call_soon(work.done, work)
            return
        self._waiting.append(work)
        if not patient:
            if not self._is_ringing:
                # At the end of this turn of the loop, when all that came with it is handed over: a writer that begins
                # in the middle of it only fights for the interpreter's lock, and commits less.
                self._is_ringing = True
                self._loop.call_soon(self._ring)
        elif self._company is None:
            self._company = self._loop.call_later(_PATIENCE, self._end_patience)

    def _ring(self) -> None:
        self._is_ringing = False
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
                self._commit(batch)
                # Where many write, the next commit waits for more of them: a fifth as long as this one took. A few
                # larger commits cost less than many small ones. A single writer never waits.
                pause = min((time.perf_counter() - since) / 5, _LONGEST_PAUSE) if len(batch) >= _MANY else 0.0
                with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                    self._loop.call_soon_threadsafe(self._tell, batch)
                was_full = len(batch) == _MOST_IN_ONE_COMMIT
                del batch  # large bodies are not held until the next commit
                if not was_full and not (self._is_ringing or self._stopping):
                    break  # what is left is patient, and has a ring of its own
            if self._stopping and not self._waiting:
                return

    def _commit(self, batch: list[Work]) -> None:
        try:
            numbers, chosen = self._write(batch)
        except Exception as error:  # nothing may end this thread: whatever waits on it would wait for ever
            self._failed(batch, error)
            return
        for work, entries in zip(batch, chosen, strict=True):
            work.entries, work.result = entries, numbers
        self.committed()

    def committed(self, weight: int = 1) -> None:
        """Count a commit, of whoever has the turn, as `weight` of the usual size: now and then SQLite's log is copied
        into the database."""
        self._commits += weight
        if self._restart_log:
            self._restart_log = False
            self._pragma("wal_checkpoint(RESTART)")
        if self._commits >= _CHECKPOINT_EVERY:
            self._commits = 0
            self._checkpoint.set()

    def _failed(self, batch: list[Work], error: Exception) -> None:
        if is_operational(error):
            for work in batch:
                work.result = explained(error)
        elif len(batch) > 1:
            # One unit must not spoil the commit of the others, so each gets one of its own.
            for work in batch:
                self._commit([work])
        elif batch[0].routed:
            # What came of a message must not spoil the message.
            batch[0].routed = ()
            self._commit(batch)
        else:
            batch[0].result = explained(error)

    def _write(self, batch: list[Work]) -> tuple[Numbers, list[Sequence[Entry]]]:
        rows = self._rows(batch)
        with self.turn:
            numbers, rows = self._transact(batch, rows)
        return numbers, rows.chosen

    def _transact(self, batch: list[Work], rows: _Rows) -> tuple[Numbers, _Rows]:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        cursor = self._connection.cursor()
        try:
            if self._is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            elif rows.messages:
                # Places become visible in their order, or a feed would pass over one that another process commits late.
                cursor.execute(f"SELECT pg_advisory_xact_lock({_PLACES_LOCK})")
            arriving = [work for work in batch if work.routed]
            behind = self._behind(cursor, {work.entries[0].queue for work in arriving})
            if behind:
                rows = self._rows(batch, behind)
            self._clear -= rows.behind
            numbers = rows.write(self._statements, cursor)
            again = [work for work in arriving if work.entries[0].message.id not in numbers]
            if not again:
                self._connection.commit()
                return numbers, rows
        except BaseException:
            self._undo()
            raise
        # What is in the journal already was routed there, perhaps to other children than it would be now.
        self._undo()
        for work in again:
            work.routed = ()
        return self._transact(batch, self._rows(batch))

    def _rows(self, batch: Sequence[Work], behind: Collection[str] = ()) -> _Rows:
        # SQLite copies what a statement is given, and again into the row that it makes.
        return _Rows(batch, behind, LARGE) if self._is_sqlite else _Rows(batch, behind)

    def _behind(self, cursor: DBAPICursor, queues: set[str]) -> set[str]:
        """Those of `queues` in which a message waits."""
        asked = queues - self._clear
        behind = {queue for queue in asked if self._statements.has_open(cursor, queue)}
        if self._is_sqlite:
            # Nobody else puts messages there, but for an operator's replays, which keep no order.
            self._clear |= asked - behind
        return behind

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

    def _tell(self, batch: list[Work]) -> None:
        for work in batch:
            try:
                work.done(work)
            except Exception as error:  # a defect of one must not leave the others waiting
                self._loop.call_exception_handler({"message": "after a commit", "exception": error})

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
