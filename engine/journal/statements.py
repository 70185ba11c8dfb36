"""Statements over many rows at once, built from the tables and compiled once.

Each call into the database hands the interpreter's lock over and waits to get it back while the event loop runs, so a
commit makes as few as can be: one statement for all its new rows, one for all its states
(docs/decisions/group-commit.md). SQLite takes the rows as a list of values; PostgreSQL takes each column as an array,
so that one short statement, prepared once, serves any number of rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Column, Table, bindparam, column, func, literal_column, select, update, values
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql import ClauseElement

from engine.journal.entry import (
    EVENT_COLUMNS,
    KEPT_COLUMNS,
    MESSAGE_COLUMNS,
    NOTICE_COLUMNS,
    REFERRAL_COLUMNS,
    STATE_COLUMNS,
    SUBSCRIPTION_EVENT_COLUMNS,
    TERM_COLUMNS,
)
from engine.journal.tables import events, kept, messages, notices, referral_acts, subscription_events, terms

Row = tuple[object, ...]

_PIECE = 1 << 20  # bytes of a body
_LONGEST = 64  # rows; a longer statement takes longer to prepare than it saves
_COLUMNS = {
    "messages": MESSAGE_COLUMNS,
    "events": EVENT_COLUMNS,
    "terms": TERM_COLUMNS,
    "states": STATE_COLUMNS,
    "kept": KEPT_COLUMNS,
    "notices": NOTICE_COLUMNS,
    "referral_acts": REFERRAL_COLUMNS,
}
_TABLES = {
    "messages": messages,
    "events": events,
    "terms": terms,
    "states": messages,
    "kept": kept,
    "notices": notices,
    "referral_acts": referral_acts,
}


class Statements:
    """The journal's writes, for a cursor of the driver: SQLAlchemy defines and compiles them, and is then out of the
    way, since running one through it costs more than the database does."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._takes_arrays = dialect.name == "postgresql"

    def has_open(self, cursor: DBAPICursor, queue: str) -> bool:
        """Whether a message waits in `queue`."""
        cursor.execute(_first_open(self._dialect), (queue,))
        return any(found == queue for (found,) in cursor.fetchall())

    def insert_messages(self, cursor: DBAPICursor, rows: Sequence[Row]) -> dict[str, int]:
        """Insert `rows` of MESSAGE_COLUMNS; the sequence number by id of those that were not there already."""
        numbers: dict[str, int] = {}
        for run in self._execute(cursor, "messages", rows):
            if self._takes_arrays:
                numbers.update(cursor.fetchall())
            elif cursor.rowcount == len(run):
                # SQLite numbers the rows of one statement one after the other. To have it return them would be a call
                # for each row.
                first = cursor.lastrowid - len(run) + 1
                numbers.update((str(row[0]), first + n) for n, row in enumerate(run))
            else:
                numbers.update(self._numbers_after(cursor, run))
        return numbers

    def write_body(self, cursor: DBAPICursor, place: int, body: bytes) -> None:
        """Write the body of the message at `place`, which was inserted without it, a piece at a time: SQLite alone."""
        cursor.execute("UPDATE messages SET body = zeroblob(?) WHERE seq = ?", (len(body), place))
        connection: sqlite3.Connection = cursor.connection
        octets = memoryview(body)
        with connection.blobopen("messages", "body", place) as blob:
            for start in range(0, len(body), _PIECE):
                blob.write(octets[start : start + _PIECE])

    def _numbers_after(self, cursor: DBAPICursor, run: Sequence[Row]) -> dict[str, int]:
        """The numbers of those of `run` that the last statement inserted, where it passed over some."""
        inserted, last = cursor.rowcount, cursor.lastrowid
        if not inserted:
            return {}
        marks = ", ".join("?" * len(run))
        cursor.execute(f"SELECT id, seq FROM messages WHERE id IN ({marks})", tuple(row[0] for row in run))  # noqa: S608
        return {id: seq for id, seq in cursor.fetchall() if last - inserted < seq <= last}

    def insert_events(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of EVENT_COLUMNS."""
        for _ in self._execute(cursor, "events", rows):
            pass

    def insert_terms(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of TERM_COLUMNS; those that are there already stay."""
        for _ in self._execute(cursor, "terms", rows):
            pass

    def insert_notices(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of NOTICE_COLUMNS; those that are there already stay."""
        for _ in self._execute(cursor, "notices", rows):
            pass

    def insert_referral_acts(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of REFERRAL_COLUMNS; those that are there already stay."""
        for _ in self._execute(cursor, "referral_acts", rows):
            pass

    def number_subscription_events(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of SUBSCRIPTION_EVENT_COLUMNS, each under the next number of its subscription; those that are
        there already keep theirs. Whoever commits new messages does so alone, so that no number is given twice."""
        for row in rows:
            cursor.execute(_numbered(self._dialect), (*row, row[0]))

    def put_kept(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of KEPT_COLUMNS (one for each kind and key), or put them in place of those that are there."""
        for _ in self._execute(cursor, "kept", rows):
            pass

    def update_states(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Move the messages of `rows` (STATE_COLUMNS, one row for each id) on to their new states."""
        for _ in self._execute(cursor, "states", rows):
            pass

    def _execute(self, cursor: DBAPICursor, kind: str, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """Run the statement `kind` on `rows`; gives each run of them after its statement, to fetch what came of it."""
        if rows and self._takes_arrays:
            cursor.execute(_with_arrays(kind, self._dialect), tuple(map(list, zip(*rows, strict=True))))
            yield rows
            return
        for start in range(0, len(rows), _LONGEST):
            run = rows[start : start + _LONGEST]
            cursor.execute(_with_values(kind, len(run), self._dialect), tuple(chain.from_iterable(run)))
            yield run


@lru_cache(maxsize=4 * _LONGEST)
def _with_values(kind: str, count: int, dialect: Dialect) -> str:
    one = _with_one(kind, dialect)
    marks = f"({', '.join('?' * len(_COLUMNS[kind]))})"
    return one.replace(marks, ", ".join([marks] * count))


@lru_cache(maxsize=8)
def _with_one(kind: str, dialect: Dialect) -> str:
    columns = _columns(kind)
    given = [bindparam(c.name if kind != "states" else f"new_{c.name}", type_=c.type) for c in columns]
    if kind == "states":
        new = values(*(column(c.name, c.type) for c in columns), name="new").data([tuple(given)]).cte("new")
        return _text(_update(new.c), dialect)
    insert = sqlite.insert(_TABLES[kind]).values(dict(zip(_COLUMNS[kind], given, strict=True)))
    return _text(_insert(kind, insert), dialect)


@lru_cache(maxsize=8)
def _with_arrays(kind: str, dialect: Dialect) -> str:
    columns = _columns(kind)
    arrays = (bindparam(c.name, type_=postgresql.ARRAY(c.type)) for c in columns)
    new = func.unnest(*arrays).table_valued(*(column(c.name, c.type) for c in columns), name="new").render_derived()
    if kind == "states":
        return _text(_update(new.c), dialect)
    chosen = select(*(new.c[c.name] for c in columns))
    names = [c.name for c in columns]
    insert: Any = _insert(kind, postgresql.insert(_TABLES[kind]).from_select(names, chosen))
    return _text(insert.returning(messages.c.id, messages.c.seq) if kind == "messages" else insert, dialect)


@lru_cache(maxsize=2)
def _first_open(dialect: Dialect) -> str:
    # By `queue =` alone PostgreSQL may take the queue for one as full as the others, and walk all messages in search of
    # an open one that is not there; in the order of the index, it walks the index.
    first = select(messages.c.queue).where(messages.c.queue >= bindparam("queue"), messages.c.open)
    return _text(first.order_by(messages.c.queue, messages.c.seq), dialect) + " LIMIT 1"


@lru_cache(maxsize=2)
def _numbered(dialect: Dialect) -> str:
    events = subscription_events
    next_number = func.coalesce(func.max(events.c.number), literal_column("0")) + literal_column("1")
    given = [bindparam(name, type_=events.c[name].type) for name in SUBSCRIPTION_EVENT_COLUMNS]
    chosen = select(given[0], next_number, *given[1:]).where(events.c.subscription == bindparam("its"))
    make: Any = (postgresql if dialect.name == "postgresql" else sqlite).insert(events)
    inserted = make.from_select(
        [SUBSCRIPTION_EVENT_COLUMNS[0], "number", *SUBSCRIPTION_EVENT_COLUMNS[1:]], chosen
    ).on_conflict_do_nothing()
    return _text(inserted, dialect)


def _columns(kind: str) -> list[Column[Any]]:
    table: Table = _TABLES[kind]
    return [table.c[name] for name in _COLUMNS[kind]]


def _insert(kind: str, statement: Any) -> ClauseElement:
    made: ClauseElement
    if kind == "kept":
        new = {name: statement.excluded[name] for name in KEPT_COLUMNS}
        made = statement.on_conflict_do_update(index_elements=["kind", "key"], set_=new)
    else:
        made = statement.on_conflict_do_nothing()
    return made


def _update(new: Any) -> ClauseElement:
    changes = {name: new[name] for name in STATE_COLUMNS if name != "id"}
    # A settled row stays settled: a process that lost its queue to another must not reopen what that one delivered.
    return update(messages).values(changes).where(messages.c.id == new.id, messages.c.open)


def _text(statement: ClauseElement, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))
