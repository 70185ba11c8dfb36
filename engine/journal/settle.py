"""Settle: an operator gives up what waits in a queue that no channel has any more.

It changes rows and nothing else. What is given up is failed, with the reason and what it was before, so that it is
found, can be replayed where its queue comes back, and leaves the journal with its age like everything that is settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, func, insert, select, true, update

from engine.journal.entry import microseconds, moment
from engine.journal.journal import Journal
from engine.journal.replay import state_before
from engine.journal.tables import Status, events, messages

SETTLE = "settle"
"""The kind of the event that is left behind."""

_AT_ONCE = 200  # messages in one transaction, for which senders may have to wait
_DETAIL = "given up by an operator: no channel had the queue any more"


@dataclass(frozen=True, slots=True)
class Waits:
    """How many open messages wait in `queue`, and when the first and the last of them were received."""

    queue: str
    messages: int
    oldest: datetime
    newest: datetime


async def waits_in(journal: Journal, queue: str) -> Waits | None:
    """What waits in `queue`; None when nothing does. Raises `JournalError`."""
    return await journal.read(lambda connection: _waits(connection, queue))


async def settle(journal: Journal, queue: str, now: datetime) -> int:
    """Give up all that waits in `queue`; how many messages that were. Raises `JournalError`; what was settled by then
    stays settled."""
    count = 0
    while settled := await journal.change(partial(_settle, queue, now)):
        count += settled
    return count


def _waits(connection: Connection, queue: str) -> Waits | None:
    least, most = func.min(messages.c.received), func.max(messages.c.received)
    query = select(func.count(), least, most).where(messages.c.queue == queue, messages.c.open == true())
    count, oldest, newest = connection.execute(query).one()
    return Waits(queue, count, moment(oldest), moment(newest)) if count else None


def _settle(queue: str, now: datetime, connection: Connection) -> int:
    columns = (
        messages.c.id, messages.c.parent, messages.c.status, messages.c.attempts, messages.c.settled, messages.c.detail,
        messages.c.reply,
    )  # fmt: skip
    rows = connection.execute(
        select(*columns)
        .where(messages.c.queue == queue, messages.c.open == true())
        .order_by(messages.c.seq)
        .limit(_AT_ONCE)
        .with_for_update()
    ).all()
    if not rows:
        return 0
    time = microseconds(now)
    connection.execute(
        update(messages)
        .where(messages.c.id.in_([row.id for row in rows]))
        .values(status=Status.FAILED.value, open=False, due=None, settled=time, detail=_DETAIL)
    )
    connection.execute(
        insert(events),
        [
            {
                "message": row.id,
                "at": time,
                "kind": SETTLE,
                "detail": state_before(row, Status(row.status)),
                "reply": row.reply,
            }
            for row in rows
        ],
    )
    return len(rows)
