"""History: everything the journal knows about one message, from its arrival to the last answer to each delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from engine.journal.entry import moment, read_attributes, read_findings
from engine.journal.journal import Journal
from engine.journal.tables import Status, events, messages, terms
from schemas.finding import Finding

MOST_DELIVERIES = 500
MOST_EVENTS = 2_000
MOST_TERMS = 500
_ID = 32


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened to a message: an attempt, a repeat, an operator's act."""

    at: datetime
    kind: str
    detail: str
    reply: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One message as the journal has it: as received, or as made for one delivery (then `route` names its route).

    `detail` and `reply` belong to the latest state; `events` tell of those before it. The body is left out.
    """

    id: str
    channel: str
    route: str
    format: str
    size: int
    received: datetime
    type: str
    control_id: str
    patient_id: str
    attributes: Mapping[str, str]
    findings: tuple[Finding, ...]
    order_keys: tuple[str, ...]
    status: Status
    open: bool
    due: datetime | None
    attempts: int
    first_attempt: datetime | None
    settled: datetime | None
    detail: str
    reply: bytes
    same_body: bool
    events: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class History:
    """A received message, what it can be found by, and each delivery made of it, in the order in which they were made.

    `terms` (name, value) are the site's own search names, and what else the message is found by: further patients, the
    messages of a batch; up to `MOST_TERMS`.
    `asked` is the id that was asked for: the message's own or that of one delivery. `hidden` counts further deliveries.
    """

    asked: str
    message: Record
    terms: tuple[tuple[str, str], ...]
    deliveries: tuple[Record, ...]
    hidden: int = 0


class UnknownIdError(Exception):
    """No message, or more than one, has an id that begins so; the text says what to do."""


async def history(journal: Journal, id: str) -> History:
    """Everything about the one message whose id begins with `id`; raises `UnknownIdError`, `JournalError`."""
    return await journal.read(lambda connection: _history(connection, id))


def find_id(connection: Connection, written: str) -> str:
    """The one id that begins with `written`, hyphens aside; a received message goes before what was made of it."""
    id = written.replace("-", "").lower()
    if not id or len(id) > _ID or not all(character in "0123456789abcdef" for character in id):
        raise UnknownIdError(f"{written!r} is no message id: 32 hexadecimal digits, as `hie messages` lists them")
    found = connection.execute(
        select(messages.c.id, messages.c.parent)
        .where(messages.c.id >= id, messages.c.id <= id.ljust(_ID, "f"))
        .order_by(messages.c.id)
        .limit(100)
    ).all()
    if not found:
        raise UnknownIdError(f"no message has an id that begins with {written}; `hie messages` lists them")
    if len(found) == 1:
        return str(found[0].id)
    received = [row.id for row in found if row.parent is None]
    if len(received) == 1 and len(found) < 100:
        return str(received[0])
    raise UnknownIdError(f"several messages have an id that begins with {written}: write more of it")


def _history(connection: Connection, written: str) -> History:
    id = find_id(connection, written)
    parent = connection.execute(select(messages.c.parent).where(messages.c.id == id)).scalar()
    root = parent or id
    ordered = select(messages.c.id).where(messages.c.parent == root).order_by(messages.c.seq)
    ids = list(connection.execute(ordered.limit(MOST_DELIVERIES)).scalars())
    hidden = 0
    if len(ids) == MOST_DELIVERIES:
        counted = select(func.count()).select_from(messages).where(messages.c.parent == root)
        hidden = (connection.execute(counted).scalar() or 0) - len(ids)
        if id != root and id not in ids:
            ids[-1] = id
    records = {record.id: record for record in _records(connection, [root, *ids])}
    named = select(terms.c.name, terms.c.value).where(terms.c.message == root)
    named = named.order_by(terms.c.name, terms.c.value).limit(MOST_TERMS)
    if root not in records:
        raise UnknownIdError(f"the message of which {id} was made is no longer in the journal")
    return History(
        id,
        records[root],
        tuple((row.name, row.value) for row in connection.execute(named)),
        tuple(records[each] for each in ids if each in records),
        hidden,
    )


def _records(connection: Connection, ids: list[str]) -> list[Record]:
    happened: dict[str, list[Fact]] = {}
    facts = select(events).where(events.c.message.in_(ids)).order_by(events.c.seq).limit(MOST_EVENTS)
    for row in connection.execute(facts):
        fact = Fact(moment(row.at), row.kind, row.detail or "", bytes(row.reply or b""))
        happened.setdefault(row.message, []).append(fact)
    columns = [column for column in messages.c if column.name != "body"]
    rows = connection.execute(select(*columns).where(messages.c.id.in_(ids)))
    return [_record(row, tuple(happened.get(row.id, ()))) for row in rows]


def _record(row: Any, happened: tuple[Fact, ...]) -> Record:
    channel, _, route = row.queue.partition("/")
    return Record(
        id=row.id,
        channel=channel,
        route=route,
        format=row.format,
        size=row.size,
        received=moment(row.received),
        type=row.type or "",
        control_id=row.control_id or "",
        patient_id=row.patient_id or "",
        attributes=read_attributes(row.attributes),
        findings=read_findings(row.findings),
        order_keys=() if row.order_keys is None else tuple(orjson.loads(row.order_keys)),
        status=Status(row.status),
        open=bool(row.open),
        due=_maybe(row.due),
        attempts=row.attempts,
        first_attempt=_maybe(row.first_attempt),
        settled=_maybe(row.settled),
        detail=row.detail or "",
        reply=bytes(row.reply or b""),
        same_body=row.body_of is not None,
        events=happened,
    )


def _maybe(value: int | None) -> datetime | None:
    return None if value is None else moment(value)
