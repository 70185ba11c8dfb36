"""Replay: an operator has a settled message routed again, or one of its deliveries delivered again.

It changes rows and nothing else, so that it works beside a running engine, whose loop of what is due takes it up within
a second, and just as well before one is started.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from engine.journal.entry import microseconds, moment
from engine.journal.history import find_id
from engine.journal.journal import Journal
from engine.journal.tables import Status, events, messages

REPLAY = "replay"
"""The kind of the event that a replay leaves behind."""


class ReplayError(Exception):
    """The message cannot be replayed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What will be done again: the routing of a received message (`route` is empty), or one delivery."""

    id: str
    channel: str
    route: str
    was: Status


_WAITS = {
    Status.RECEIVED: "waits to be routed already",
    Status.QUEUED: "waits for its first delivery already",
    Status.DEFERRED: "is not given up yet",
}


async def replay(journal: Journal, id: str, now: datetime) -> Replayed:
    """Have the message that `id` names, or alone begins with it, routed or delivered again.

    A received message keeps what was made of it before; what is made of it now has ids of its own, so that it is
    delivered in any case. A delivery goes out as it is, with the body and control id that it had. What was the outcome
    before is kept as an event. Raises `ReplayError`, `UnknownIdError`, `JournalError`.
    """
    return await journal.change(lambda connection: put_again(connection, find_id(connection, id), now))


def put_again(connection: Connection, id: str, now: datetime) -> Replayed:
    """`replay`, in a transaction that does more."""
    parent = connection.execute(select(messages.c.parent).where(messages.c.id == id)).scalar()
    if parent is not None:
        # Retention takes a message with its deliveries, and holds the message's row while it does.
        _locked(connection, parent)
    row = _locked(connection, id)
    was = Status(row.status)
    if was in _WAITS:
        again = f"; it is tried again at {moment(row.due).isoformat(timespec='seconds')}" if row.due else ""
        raise ReplayError(f"{id} {_WAITS[was]}{again}")
    if was is Status.REJECTED:
        raise ReplayError(f"{id} was refused on the way in, as its sender was told; have it corrected and sent again")
    time = microseconds(now)
    changed = (
        update(messages)
        .where(messages.c.id == id)
        .values(open=True, due=time, settled=None, first_attempt=None, detail=None, reply=None)
    )
    if row.parent is None:
        changed = changed.values(status=Status.RECEIVED.value, attempts=messages.c.attempts + 1)
    else:
        changed = changed.values(status=Status.QUEUED.value, attempts=0)
    connection.execute(changed)
    connection.execute(
        insert(events).values(message=id, at=time, kind=REPLAY, detail=state_before(row, was), reply=row.reply)
    )
    channel, _, route = row.queue.partition("/")
    return Replayed(id, channel, route, was)


def _locked(connection: Connection, id: str) -> Any:
    columns = (
        messages.c.id, messages.c.parent, messages.c.queue, messages.c.status, messages.c.due, messages.c.attempts,
        messages.c.settled, messages.c.detail, messages.c.reply,
    )  # fmt: skip
    row = connection.execute(select(*columns).where(messages.c.id == id).with_for_update()).one_or_none()
    if row is None:
        raise ReplayError(f"{id} is no longer in the journal")
    return row


def state_before(row: Any, was: Status) -> str:
    """The state `was` of a message's `row` that an operator's act replaces, on one line."""
    when = f" at {moment(row.settled).isoformat(timespec='seconds')}" if row.settled is not None else ""
    tries = f" after {row.attempts} attempts" if row.parent is not None and row.attempts > 1 else ""
    text = f"was {was.value}{when}{tries}"
    return f"{text}: {row.detail}" if row.detail else text
