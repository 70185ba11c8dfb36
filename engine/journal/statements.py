"""Statements over many rows at once, built from the tables and compiled once.

One statement for many rows costs the interpreter's lock once, where a statement for each row would hand it over each
time: that is what lets the writer's thread work while the event loop runs (docs/decisions/group-commit.md). SQLite
takes the rows as a list of values, in runs of a few lengths; PostgreSQL takes each column as an array, so that one
short statement, prepared once, serves any number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Column, Table, bindparam, column, func, select, update, values
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql import ClauseElement

from engine.journal.entry import EVENT_COLUMNS, MESSAGE_COLUMNS, STATE_COLUMNS, TERM_COLUMNS
from engine.journal.tables import events, messages, terms

Row = tuple[object, ...]

_RUNS = (64, 16, 4, 1)
_COLUMNS = {"messages": MESSAGE_COLUMNS, "events": EVENT_COLUMNS, "terms": TERM_COLUMNS, "states": STATE_COLUMNS}
_TABLES = {"messages": messages, "events": events, "terms": terms, "states": messages}


class Statements:
    """The journal's writes, for a cursor of the driver: SQLAlchemy defines and compiles them, and is then out of the
    way, since running one through it costs more than the database does."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._takes_arrays = dialect.name == "postgresql"

    def insert_messages(self, cursor: DBAPICursor, rows: Sequence[Row]) -> dict[str, int]:
        """Insert `rows` of MESSAGE_COLUMNS; the sequence number by id of those that were not there already."""
        numbers: dict[str, int] = {}
        for _ in self._execute(cursor, "messages", rows):
            numbers.update(cursor.fetchall())
        return numbers

    def insert_events(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of EVENT_COLUMNS."""
        for _ in self._execute(cursor, "events", rows):
            pass

    def insert_terms(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of TERM_COLUMNS; those that are there already stay."""
        for _ in self._execute(cursor, "terms", rows):
            pass

    def update_states(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Move the messages of `rows` (STATE_COLUMNS, one row for each id) on to their new states."""
        for _ in self._execute(cursor, "states", rows):
            pass

    def _execute(self, cursor: DBAPICursor, kind: str, rows: Sequence[Row]) -> Iterator[None]:
        """Run the statement `kind` on `rows`; gives control back after each run of them, to fetch what it returns."""
        if rows and self._takes_arrays:
            cursor.execute(_with_arrays(kind, self._dialect), tuple(map(list, zip(*rows, strict=True))))
            yield
        elif rows:
            for run in runs(rows):
                cursor.execute(_with_values(kind, len(run), self._dialect), tuple(chain.from_iterable(run)))
                yield


def runs(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """`rows` in runs of the few lengths for which statements are compiled."""
    start = 0
    for length in _RUNS:
        while len(rows) - start >= length:
            yield rows[start : start + length]
            start += length


@lru_cache(maxsize=64)
def _with_values(kind: str, count: int, dialect: Dialect) -> str:
    columns = _columns(kind)
    if kind == "states":
        rows = [tuple(bindparam(f"{c.name}_{n}", type_=c.type) for c in columns) for n in range(count)]
        new = values(*(column(c.name, c.type) for c in columns), name="new").data(rows).cte("new")
        return _text(_update(new.c), dialect)
    named = [{c.name: bindparam(f"{c.name}_{n}", type_=c.type) for c in columns} for n in range(count)]
    return _text(_insert(kind, sqlite.insert(_TABLES[kind]).values(named)), dialect)


@lru_cache(maxsize=8)
def _with_arrays(kind: str, dialect: Dialect) -> str:
    columns = _columns(kind)
    arrays = (bindparam(c.name, type_=postgresql.ARRAY(c.type)) for c in columns)
    new = func.unnest(*arrays).table_valued(*(column(c.name, c.type) for c in columns), name="new").render_derived()
    if kind == "states":
        return _text(_update(new.c), dialect)
    chosen = select(*(new.c[c.name] for c in columns))
    names = [c.name for c in columns]
    return _text(_insert(kind, postgresql.insert(_TABLES[kind]).from_select(names, chosen)), dialect)


def _columns(kind: str) -> list[Column[Any]]:
    table: Table = _TABLES[kind]
    return [table.c[name] for name in _COLUMNS[kind]]


def _insert(kind: str, statement: Any) -> ClauseElement:
    kept: Any = statement.on_conflict_do_nothing()
    given: ClauseElement = kept.returning(messages.c.id, messages.c.seq) if kind == "messages" else kept
    return given


def _update(new: Any) -> ClauseElement:
    changes = {name: new[name] for name in STATE_COLUMNS if name != "id"}
    # A settled row stays settled: a process that lost its queue to another must not reopen what that one delivered.
    return update(messages).values(changes).where(messages.c.id == new.id, messages.c.open)


def _text(statement: ClauseElement, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))
