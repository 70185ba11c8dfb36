"""Notified: who was told of what, when, on which way, and what became of it; also of messages that are pruned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, tuple_

from engine.journal.entry import microseconds, moment
from engine.journal.journal import Journal
from engine.journal.tables import messages, notices

_AT_ONCE = 2_000

UNKNOWN = "unknown"
"""The outcome of a notice whose message was pruned before outcomes were copied."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one message told one subscriber.

    `received` is when the event reached the exchange, `outcome` the journal's word (`delivered`, `deferred`), since
    `outcome_at`; `detail` is what the partner's answer came to. `route` is the way: channel and route, `end` the kind
    of its end: `direct` ("" in a notice of an engine that did not note it). `message` is the delivery's id,
    a digest's where it was told in one, `received_as` that of the message that came in. `key` names the visit and what
    of it.
    """

    received: datetime
    subscriber: str
    member: str
    patient_id: str
    event: str
    kind: str
    key: str
    sender: str
    route: str
    end: str
    outcome: str
    outcome_at: datetime | None
    detail: str
    message: str
    received_as: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which notices are meant: empty fields mean all; received `since` and before `until`."""

    patient: str = ""
    subscriber: str = ""
    since: datetime | None = None
    until: datetime | None = None


async def notified(journal: Journal, asked: Asked) -> AsyncIterator[Notice]:
    """The notices that are asked for, the earliest first, read some at a time; raises `JournalError`."""
    query = _query(asked)
    after: tuple[int, str] | None = None
    while True:
        page = query if after is None else query.where(tuple_(notices.c.at, notices.c.message) > tuple_(*after))
        rows = await journal.read(lambda connection, page=page: _rows(connection, page))  # type: ignore[misc]
        for row in rows:
            yield _notice(row)
        if len(rows) < _AT_ONCE:
            return
        after = (rows[-1].at, rows[-1].message)


def _rows(connection: Connection, query: Select[Any]) -> list[Any]:
    return list(connection.execute(query))


def _query(asked: Asked) -> Select[Any]:
    now = (messages.c.status, messages.c.settled, messages.c.detail)
    kept = (notices.c.outcome, notices.c.outcome_at, notices.c.detail)
    latest = [func.coalesce(*pair).label(name) for *pair, name in zip(now, kept, _LATEST, strict=True)]
    query = (
        select(*(column for column in notices.c if column.name not in _NOT_TOLD), *latest)
        .select_from(notices.outerjoin(messages, messages.c.id == func.coalesce(notices.c.told_in, notices.c.message)))
        .order_by(notices.c.at, notices.c.message)
        .limit(_AT_ONCE)
    )
    if asked.patient:
        query = query.where(notices.c.patient_id == asked.patient)
    if asked.subscriber:
        query = query.where(notices.c.subscriber == asked.subscriber)
    if asked.since is not None:
        query = query.where(notices.c.at >= microseconds(asked.since))
    if asked.until is not None:
        query = query.where(notices.c.at < microseconds(asked.until))
    return query


_NOT_TOLD = ("outcome", "outcome_at", "detail")
_LATEST = ("became", "became_at", "why")


def _notice(row: Any) -> Notice:
    return Notice(
        received=moment(row.at),
        subscriber=row.subscriber,
        member=row.member or "",
        patient_id=row.patient_id or "",
        event=row.event,
        kind=row.kind,
        key=row.key,
        sender=row.sender or "",
        route=row.queue,
        end=row.end or "",
        outcome=row.became or UNKNOWN,
        outcome_at=None if row.became_at is None else moment(row.became_at),
        detail=row.why or "",
        message=row.told_in or row.message,
        received_as=row.received_as,
    )
