"""A message that waits in a queue, and how it is read back from the journal."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, bindparam, select

from engine.journal.entry import moment, read_attributes, read_findings
from engine.journal.tables import Status, messages
from schemas.message import Message

LARGE = 262_144
"""Bodies above this size (bytes) are left in the journal until the message's turn comes."""

_MOST_KEPT = 4_000
_MOST_BYTES = 32 * 1024 * 1024


class Waiting(NamedTuple):
    """A message that waits in a queue: its place `seq`, the lines it stands in, and how its delivery went so far."""

    seq: int
    message: Message
    order_keys: tuple[str, ...] = ()
    status: Status = Status.QUEUED
    due: datetime | None = None
    attempts: int = 0
    first_attempt: datetime | None = None
    body_of: str | None = None
    loaded: bool = True
    """False when the body was left in the journal; `Journal.load` fetches it."""


WAITING = select(
    messages.c.seq,
    messages.c.id,
    messages.c.queue,
    messages.c.parent,
    messages.c.format,
    messages.c.size,
    messages.c.received,
    messages.c.attributes,
    messages.c.findings,
    messages.c.order_keys,
    messages.c.status,
    messages.c.due,
    messages.c.attempts,
    messages.c.first_attempt,
    messages.c.body_of,
)
"""What is asked of a message that waits, to be narrowed by `where`; its body is fetched apart."""


_BODIES = select(messages.c.id, messages.c.body).where(messages.c.id.in_(bindparam("ids", expanding=True)))


class Recent:
    """The messages that this process journaled a moment ago, so that it need not fetch and parse them again where it is
    the one to work them. Each is given once. Used by the loop's thread and the readers'."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: dict[str, Message] = {}
        self._bytes = 0

    def keep(self, message: Message) -> None:
        """Keep `message` for a while; the oldest go first."""
        with self._lock:
            self._messages[message.id] = message
            self._bytes += len(message.body)
            while len(self._messages) > _MOST_KEPT or self._bytes > _MOST_BYTES:
                self._forget(next(iter(self._messages)))

    def take(self, ids: Sequence[str]) -> dict[str, Message]:
        """Those of `ids` that are kept; they are kept no longer."""
        with self._lock:
            return {id: self._forget(id) for id in ids if id in self._messages}

    def _forget(self, id: str) -> Message:
        message = self._messages.pop(id)
        self._bytes -= len(message.body)
        return message


def read_waiting(
    connection: Connection, query: Select[Any], given: Mapping[str, object] | None = None, recent: Recent | None = None
) -> list[Waiting]:
    """The messages that `query` (of WAITING) finds; `given` are its parameters."""
    rows = connection.execute(query, given).all()
    kept = recent.take([row[1] for row in rows]) if recent is not None else {}
    bodies = _bodies(connection, rows, kept)
    found: list[Waiting] = []
    for row in rows:
        seq, id, queue, parent, format, size, received, attributes, findings, keys, status, due, tries, first, of = row
        body = bodies.get(of or id, b"")
        message = kept.get(id) or Message(
            id=id,
            channel=queue.partition("/")[0],
            format=format,
            body=body,
            received=moment(received),
            parent=parent,
            attributes=read_attributes(attributes),
            findings=read_findings(findings),
        )
        found.append(
            Waiting(
                seq,
                message,
                () if keys is None else tuple(orjson.loads(keys)),
                Status(status),
                None if due is None else moment(due),
                tries,
                None if first is None else moment(first),
                of,
                len(message.body) == size,
            )
        )
    return found


def read_body(connection: Connection, id: str) -> bytes:
    """The body that the row of message `id` holds."""
    return bytes(connection.execute(select(messages.c.body).where(messages.c.id == id)).scalar() or b"")


def read_message(connection: Connection, id: str) -> Message | None:
    """The message with this id, its body included, however large."""
    for found in read_waiting(connection, WAITING.where(messages.c.id == id)):
        return (
            found.message if found.loaded else replace(found.message, body=read_body(connection, found.body_of or id))
        )
    return None


def _bodies(connection: Connection, rows: Sequence[Any], kept: Mapping[str, Message]) -> dict[str, bytes]:
    """The bodies of `rows` by the id of the row that holds them, but for those in `kept` and the large ones."""
    owners = list({row[14] or row[1] for row in rows if row[1] not in kept and row[5] <= LARGE})
    if not owners:
        return {}
    return {id: bytes(body or b"") for id, body in connection.execute(_BODIES, {"ids": owners})}
