"""What the ends remember, in the journal's database: beside the messages, and in one commit with them where need be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from channels.store import Change, Kept
from engine.journal.database import JournalError
from engine.journal.entry import KEPT_COLUMNS, kept_row, microseconds, moment
from engine.journal.journal import Journal
from engine.journal.tables import kept as table
from engine.journal.writer import Numbers, Work, resolve
from schemas.ids import Clock

T = TypeVar("T")

_COLUMNS = tuple(table.c[name] for name in KEPT_COLUMNS)
_AT_ONCE = 500


class JournalStore:
    """The store that the ends of a site share; see `channels.store.Store`."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    async def get(self, kind: str, key: str) -> Kept | None:
        """What is kept under `kind` and `key`, unless it has expired."""
        return await _asked(self._journal.read(partial(self._get, kind, key)))

    async def put(self, *kept: Kept) -> None:
        """Keep these, in one commit with whatever else waits for one."""
        done: asyncio.Future[Numbers] = asyncio.get_running_loop().create_future()
        self._journal.submit(Work(partial(resolve, done), kept=kept))
        await _asked(done)

    async def change(self, kind: str, key: str, change: Change) -> Kept | None:
        """Replace what is kept by what `change` makes of it, in a transaction of its own."""
        return await _asked(self._journal.change(partial(self._change, kind, key, change)))

    async def due(self, kind: str, until: datetime, most: int) -> list[Kept]:
        """Up to `most` of `kind` that are due, and not due again before `until`."""
        if not await _asked(self._journal.read(partial(self._due, kind, 1))):
            return []
        return await _asked(self._journal.change(partial(self._take_due, kind, until, most)))

    def _get(self, kind: str, key: str, connection: Connection, *, lock: bool = False) -> Kept | None:
        query = select(*_COLUMNS).where(table.c.kind == kind, table.c.key == key)
        row = connection.execute(query.with_for_update() if lock else query).first()
        found = None if row is None else _kept(row)
        return found if found is not None and found.expires > self._clock() else None

    def _change(self, kind: str, key: str, change: Change, connection: Connection) -> Kept | None:
        if connection.dialect.name == "postgresql":
            # What is not there yet cannot be locked: of two that put the first, the second waits for the other's row.
            empty = kept_row(Kept(kind, key, "", moment(0)))
            made = postgresql.insert(table).values(dict(zip(KEPT_COLUMNS, empty, strict=True)))
            connection.execute(made.on_conflict_do_nothing())
        changed = change(self._get(kind, key, connection, lock=True))
        if changed is None:
            connection.execute(delete(table).where(table.c.kind == kind, table.c.key == key))
            return None
        row = dict(zip(KEPT_COLUMNS, kept_row(changed), strict=True))
        insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table).values(row)
        connection.execute(insert.on_conflict_do_update(index_elements=["kind", "key"], set_=row))
        return changed

    def _due(self, kind: str, most: int, connection: Connection, *, lock: bool = False) -> list[Kept]:
        now = microseconds(self._clock())
        query = (
            select(*_COLUMNS)
            .where(table.c.kind == kind, table.c.due <= now, table.c.expires > now)
            .order_by(table.c.due)
            .limit(most)
        )
        return list(map(_kept, connection.execute(query.with_for_update(skip_locked=True) if lock else query)))

    def _take_due(self, kind: str, until: datetime, most: int, connection: Connection) -> list[Kept]:
        found = self._due(kind, most, connection, lock=True)
        for start in range(0, len(found), _AT_ONCE):
            keys = [each.key for each in found[start : start + _AT_ONCE]]
            later = update(table).where(table.c.kind == kind, table.c.key.in_(keys)).values(due=microseconds(until))
            connection.execute(later)
        return found


async def forget_expired(journal: Journal, now: datetime) -> int:
    """Remove what has expired, some at a time, so that senders do not wait for it; how many that were."""
    total = 0
    while removed := await journal.change(lambda connection: connection.execute(_expired(now)).rowcount):
        total += removed
        await asyncio.sleep(0.01)
    return total


def _expired(now: datetime) -> Any:
    some = select(table.c.kind, table.c.key).where(table.c.expires <= microseconds(now)).limit(_AT_ONCE)
    return delete(table).where(tuple_(table.c.kind, table.c.key).in_(some))


def _kept(row: Any) -> Kept:
    return Kept(row.kind, row.key, row.value, moment(row.expires), None if row.due is None else moment(row.due))


async def _asked(work: Awaitable[T]) -> T:
    try:
        return await work
    except JournalError as error:
        raise OSError(error.reason) from None
