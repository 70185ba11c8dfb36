"""Gathered: the messages of a queue that wait to be told with others, and in which they were told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from engine.journal.entry import (
    Entry,
    State,
    microseconds,
    read_attributes,
)
from engine.journal.tables import messages, notices
from engine.journal.waiting import WAITING, Waiting, read_body, read_waiting

_AT_ONCE = 200


class Gathered(NamedTuple):
    """What a digest comes to: its messages, the state of each message that waited, and in which it was told."""

    entries: Sequence[Entry]
    states: Sequence[State]
    told_in: Mapping[str, str]


class Held(NamedTuple):
    """A message that waits to be told: its id, and the size of its body in bytes."""

    id: str
    size: int


def waiting_until(connection: Connection, queue: str, due: datetime, attribute: str) -> dict[str, list[Held]]:
    """The open messages of `queue` that wait until exactly `due`, in their order, by the text of their
    `attribute`; those without it are left out."""
    query = (
        select(messages.c.id, messages.c.size, messages.c.attributes)
        .where(messages.c.queue == queue, messages.c.open, messages.c.due == microseconds(due))
        .order_by(messages.c.seq)
    )
    found: dict[str, list[Held]] = {}
    for id, size, written in connection.execute(query):
        named = read_attributes(written).get(attribute)
        if named is not None:
            found.setdefault(named, []).append(Held(id, size))
    return found


def load(connection: Connection, ids: Sequence[str]) -> list[Waiting]:
    """The messages with these ids, bodies included, in the order of their places."""
    found: list[Waiting] = []
    for some in _slices(ids):
        query = WAITING.where(messages.c.id.in_(some)).order_by(messages.c.seq)
        found += read_waiting(connection, query)
    return [each if each.loaded else _whole(connection, each) for each in found]


def _whole(connection: Connection, waiting: Waiting) -> Waiting:
    body = read_body(connection, waiting.body_of or waiting.message.id)
    return waiting._replace(message=replace(waiting.message, body=body), loaded=True)


def note_told_in(connection: Connection, told_in: Mapping[str, str]) -> None:
    """Note in which message each of those was told, before that is journaled: where it never is, nothing was told yet,
    and the next attempt notes the same."""
    told: dict[str, list[str]] = {}
    for message, digest in told_in.items():
        told.setdefault(digest, []).append(message)
    for digest, of in told.items():
        for some in _slices(of):
            connection.execute(update(notices).where(notices.c.message.in_(some)).values(told_in=digest))


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
