"""Gathered: the messages of a queue that wait to be told with others, and the commit that makes one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from engine.journal.entry import MESSAGE_COLUMNS, Entry, State, message_row, microseconds, read_attributes, state_row
from engine.journal.tables import messages, notices
from engine.journal.waiting import WAITING, Waiting, read_body, read_waiting

_AT_ONCE = 200


class Gathered(NamedTuple):
    """What a digest comes to: its messages, the state of each message that waited, and in which it was told."""

    entries: Sequence[Entry]
    states: Sequence[State]
    told_in: Mapping[str, str]


def waiting_until(connection: Connection, queue: str, due: datetime, attribute: str) -> dict[str, list[str]]:
    """The ids of the open messages of `queue` that wait until exactly `due`, in their order, by the text of their
    `attribute`; those without it are left out."""
    query = (
        select(messages.c.id, messages.c.attributes)
        .where(messages.c.queue == queue, messages.c.open, messages.c.due == microseconds(due))
        .order_by(messages.c.seq)
    )
    found: dict[str, list[str]] = {}
    for id, written in connection.execute(query):
        named = read_attributes(written).get(attribute)
        if named is not None:
            found.setdefault(named, []).append(id)
    return found


def load(connection: Connection, ids: Sequence[str]) -> list[Waiting]:
    """The messages with these ids, bodies included, in the order of their places."""
    found: list[Waiting] = []
    for start in range(0, len(ids), _AT_ONCE):
        query = WAITING.where(messages.c.id.in_(ids[start : start + _AT_ONCE])).order_by(messages.c.seq)
        found += read_waiting(connection, query)
    return [each if each.loaded else _whole(connection, each) for each in found]


def _whole(connection: Connection, waiting: Waiting) -> Waiting:
    body = read_body(connection, waiting.body_of or waiting.message.id)
    return waiting._replace(message=replace(waiting.message, body=body), loaded=True)


def put_gathered(connection: Connection, gathered: Gathered) -> None:
    """Put the messages of a digest in the place of those that waited for it, in the caller's transaction.

    Nothing happens where one of these waits no longer: another process, or an operator, has been there.
    """
    ids = [state.id for state in gathered.states]
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        waits = select(messages.c.id).where(messages.c.id.in_(some), messages.c.open).with_for_update()
        if len(connection.execute(waits).all()) < len(some):
            return
    rows = [dict(zip(MESSAGE_COLUMNS, message_row(entry), strict=True)) for entry in gathered.entries]
    if rows:
        connection.execute(insert(messages), rows)
    for state in gathered.states:
        id, status, open_, settled, due, attempts, first, detail, reply = state_row(state)
        values: dict[str, Any] = {"status": status, "open": open_, "settled": settled, "due": due}
        values |= {"attempts": attempts, "first_attempt": first, "detail": detail, "reply": reply}
        connection.execute(update(messages).where(messages.c.id == id).values(values))
    for message, told_in in gathered.told_in.items():
        connection.execute(update(notices).where(notices.c.message == message).values(told_in=told_in))
