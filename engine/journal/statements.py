"""Statements over many rows at once, built from the tables and compiled once for each number of rows.

One statement for many rows costs the interpreter's lock once, where a statement for each row would hand it over each
time: that is what lets the writer's thread work while the event loop runs (docs/decisions/group-commit.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Table, bindparam, cast, column, update, values
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql import ClauseElement

from engine.journal.entry import EVENT_COLUMNS, MESSAGE_COLUMNS, STATE_COLUMNS, TERM_COLUMNS
from engine.journal.tables import events, messages, terms

Row = tuple[object, ...]

_SIZES = (64, 16, 4, 1)


def chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """`rows` in runs of the few lengths for which statements are compiled."""
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


class Statements:
    """The journal's writes, for a cursor of the driver: SQLAlchemy defines and compiles them, and is then out of the
    way, since running one through it costs more than the database does."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def insert_messages(self, cursor: DBAPICursor, rows: Sequence[Row]) -> dict[str, int]:
        """Insert `rows` of MESSAGE_COLUMNS; the sequence number by id of those that were not there already."""
        numbers: dict[str, int] = {}
        for chunk in chunks(rows):
            self._execute(cursor, "messages", chunk)
            numbers.update(cursor.fetchall())
        return numbers

    def insert_events(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of EVENT_COLUMNS."""
        for chunk in chunks(rows):
            self._execute(cursor, "events", chunk)

    def insert_terms(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Insert `rows` of TERM_COLUMNS; those that are there already stay."""
        for chunk in chunks(rows):
            self._execute(cursor, "terms", chunk)

    def update_states(self, cursor: DBAPICursor, rows: Sequence[Row]) -> None:
        """Move the messages of `rows` (STATE_COLUMNS, one row for each id) on to their new states."""
        for chunk in chunks(rows):
            self._execute(cursor, "states", chunk)

    def _execute(self, cursor: DBAPICursor, kind: str, chunk: Sequence[Row]) -> None:
        statement = _compiled(kind, len(chunk), self._dialect)
        cursor.execute(statement, tuple(chain.from_iterable(chunk)))


@lru_cache(maxsize=64)
def _compiled(kind: str, count: int, dialect: Dialect) -> str:
    match kind:
        case "messages":
            statement = _insert(messages, MESSAGE_COLUMNS, count, dialect).returning(messages.c.id, messages.c.seq)
            return _text(statement, dialect)
        case "events":
            return _text(_insert(events, EVENT_COLUMNS, count, dialect), dialect)
        case "terms":
            return _text(_insert(terms, TERM_COLUMNS, count, dialect), dialect)
        case _:
            return _text(_update(count), dialect)


def _insert(table: Table, columns: Sequence[str], count: int, dialect: Dialect) -> Any:
    dialects: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    rows = [{name: bindparam(f"{name}_{n}", type_=table.c[name].type) for name in columns} for n in range(count)]
    return dialects[dialect.name](table).values(rows).on_conflict_do_nothing()


def _update(count: int) -> ClauseElement:
    columns = [messages.c[name] for name in STATE_COLUMNS]
    # PostgreSQL takes the types of a VALUES list from its first row, where a parameter alone has none.
    rows = [tuple(cast(bindparam(f"{c.name}_{n}", type_=c.type), c.type) for c in columns) for n in range(count)]
    new = values(*(column(c.name, c.type) for c in columns), name="new").data(rows).cte("new")
    changes = {name: new.c[name] for name in STATE_COLUMNS if name != "id"}
    # A settled row stays settled: a process that lost its queue to another must not reopen what that one delivered.
    return update(messages).values(changes).where(messages.c.id == new.c.id, messages.c.open)


def _text(statement: ClauseElement, dialect: Dialect) -> str:
    compiled = statement.compile(dialect=dialect)
    return str(compiled)
