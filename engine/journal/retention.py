"""Retention: what is settled and old enough leaves the journal, and its disk space goes back to the machine.

A message leaves together with everything that was made of it, and only when all of that is settled: nothing that is
still to be routed or delivered goes, nor a body that a delivery refers to. What a message told a subscriber stays in
`notices`, and what it said of a referral in `referral_acts`, with its outcome. Rows are taken a few at a time, with
pauses, so that senders do not wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Column, Connection, Table, Update, delete, select, update

from engine.journal.entry import microseconds
from engine.journal.journal import Journal
from engine.journal.search import distinct
from engine.journal.tables import events, messages, notices, referral_acts, terms
from schemas.ids import first_id_at

Keep = Callable[[str], timedelta]
"""For how long the settled messages of a channel are kept."""

_FEWEST, _MOST = 20, 500  # received messages in one transaction
_AIM = 0.03  # seconds for one transaction, for which senders may have to wait
_PAGES = 256  # given back in one transaction of SQLite
_CHANNELS = 10_000
_PARAMETERS = 500

_TABLES: tuple[Table, ...] = (messages, events, terms)
_KEYS: tuple[tuple[Table, Column[str]], ...] = (
    (events, events.c.message),
    (terms, terms.c.message),
    (messages, messages.c.id),
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How far a pruning has come in `channel`: received messages and all rows removed, bytes given back, so far.

    `bytes` counts a SQLite journal's file; PostgreSQL keeps what is freed for new messages unless it is compacted.
    """

    channel: str
    messages: int
    rows: int
    bytes: int = 0


async def prune(
    journal: Journal, keep: Keep, now: datetime, only: Collection[str] | None = None
) -> AsyncIterator[Pruned]:
    """Remove what is settled and older than `keep` says for its channel, then give the disk back; tells how it goes.

    `only` names the channels that are meant; without it, all that the journal has ever seen. The age of a message
    counts from the last thing that happened to it or to a delivery of it: its arrival, an attempt, a replay. Messages
    that failed or were refused go like the others. Raises `JournalError`; what was removed by then stays removed, and
    pruning again goes on where it ended.
    """
    taken = rows = 0
    channels = await journal.read(lambda connection: distinct(connection, messages.c.queue, _CHANNELS))
    for channel in channels:
        if "/" in channel or (only is not None and channel not in only):
            continue
        before, last, size = now - keep(channel), "", _FEWEST
        while True:
            batch = await journal.change(partial(_take, channel, before, last, size))
            if not batch.last:
                break
            last = batch.last
            taken += batch.messages
            rows += batch.rows
            if batch.messages:
                yield Pruned(channel, taken, rows)
            size = max(_FEWEST, min(_MOST, round(size * min(2.0, _AIM / batch.seconds))))
            # Senders get at least as much of the journal as pruning does.
            await asyncio.sleep(batch.seconds)
    freed = 0
    if rows or not journal.shared:
        async for freed in _given_back(journal):
            yield Pruned("", taken, rows, freed)
    yield Pruned("", taken, rows, freed)


async def compact(journal: Journal) -> None:
    """Write the whole journal anew, so that it takes no more disk than it needs; raises `JournalError`.

    Nothing can be journaled meanwhile, which for a large journal is minutes, and the disk must hold it twice.
    """
    if journal.shared:
        await journal.maintain(*(f"VACUUM FULL {table.name}" for table in _TABLES))
    else:
        await journal.maintain("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)")


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one transaction looked at, up to the id `last` ("" when nothing was left), and what it removed."""

    last: str
    messages: int
    rows: int
    seconds: float


def _take(channel: str, before: datetime, after: str, size: int, connection: Connection) -> _Batch:
    """Remove what can go of the next `size` messages of `channel` that are older than `before`."""
    since = time.monotonic()
    columns = (messages.c.id, messages.c.parent, messages.c.open, messages.c.settled)
    # A replay locks the received message's row as well, so that none comes between the look and the removal.
    found = connection.execute(
        select(*columns)
        .where(messages.c.queue == channel, messages.c.id > after, messages.c.id < first_id_at(before))
        .order_by(messages.c.id)
        .limit(size)
        .with_for_update()
    ).all()
    if not found:
        return _Batch("", 0, 0, 0.001)
    roots = [row.id for row in found]
    made = [
        row
        for ids in _slices(roots, _PARAMETERS)
        for row in connection.execute(select(*columns).where(messages.c.parent.in_(ids)).with_for_update())
    ]
    cutoff = microseconds(before)
    staying = {row.parent or row.id for row in (*found, *made) if row.open or (row.settled or 0) >= cutoff}
    received = [id for id in roots if id not in staying]
    gone = received + [row.id for row in made if row.parent not in staying]
    rows = 0
    for ids in _slices([row.id for row in made if row.parent not in staying], _PARAMETERS):
        for key in (notices.c.message, notices.c.told_in, referral_acts.c.message):
            connection.execute(_with_outcome(key, ids))
    for table, key in _KEYS:
        for ids in _slices(gone, _PARAMETERS):
            removed = connection.execute(delete(table).where(key.in_(ids))).rowcount
            rows += removed if table is messages else 0
    return _Batch(roots[-1], len(received), rows, max(time.monotonic() - since, 0.001))


def _with_outcome(key: Column[str], ids: list[str]) -> Update:
    """Copy what became of the messages that `key` names into the evidence of what they told, which outlives them.

    What was told in a digest has the outcome of that: its own message only waited.
    """
    table = key.table
    of_message = messages.c.id == key
    outcome = {
        "outcome": select(messages.c.status).where(of_message).scalar_subquery(),
        "outcome_at": select(messages.c.settled).where(of_message).scalar_subquery(),
        "detail": select(messages.c.detail).where(of_message).scalar_subquery(),
    }
    told = update(table).where(key.in_(ids)).values(outcome)
    return told.where(notices.c.told_in.is_(None)) if key is notices.c.message else told


async def _given_back(journal: Journal) -> AsyncIterator[int]:
    """Give free pages back to the machine; tells how many bytes that makes so far."""
    if journal.shared:
        await journal.maintain(*(f"VACUUM {table.name}" for table in _TABLES))
        return
    size = await journal.maintain("PRAGMA page_size")
    free = first = await journal.maintain("PRAGMA freelist_count")
    while free:
        since = time.monotonic()
        left = await journal.maintain(f"PRAGMA incremental_vacuum({_PAGES})", "PRAGMA freelist_count")
        if left >= free:
            break  # the engine fills pages as fast as they are given back: they are not wasted
        free = left
        yield (first - free) * size
        await asyncio.sleep(time.monotonic() - since)
    # The file itself shrinks when the write-ahead log is copied into it.
    await journal.maintain("PRAGMA wal_checkpoint(PASSIVE)")


def _slices(ids: list[str], size: int) -> Iterator[list[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
