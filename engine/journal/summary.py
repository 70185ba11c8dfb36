"""What an operator is shown of a received message: whose it is, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from engine.journal.entry import moment
from engine.journal.tables import Status, messages


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How many deliveries of one message stand at `status` on `route`; `attempts` is the most that one of them took."""

    route: str
    status: Status
    count: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A received message and what became of it."""

    id: str
    channel: str
    received: datetime
    format: str
    size: int
    type: str
    control_id: str
    patient_id: str
    status: Status
    detail: str
    deliveries: tuple[Deliveries, ...]


_ROW = (
    messages.c.id, messages.c.queue, messages.c.received, messages.c.format, messages.c.size, messages.c.type,
    messages.c.control_id, messages.c.patient_id, messages.c.status, messages.c.detail,
)  # fmt: skip


def summaries(connection: Connection, ids: list[str]) -> tuple[Summary, ...]:
    """What became of the received messages `ids`, in their order; one that is not there is left out."""
    if not ids:
        return ()
    rows = {row.id: row for row in connection.execute(select(*_ROW).where(messages.c.id.in_(ids)))}
    counted = (
        select(
            messages.c.parent,
            messages.c.queue,
            messages.c.status,
            func.count().label("many"),
            func.max(messages.c.attempts).label("attempts"),
        )
        .where(messages.c.parent.in_(ids))
        .group_by(messages.c.parent, messages.c.queue, messages.c.status)
        .order_by(messages.c.queue, messages.c.status)
    )
    deliveries: dict[str, list[Deliveries]] = {}
    for each in connection.execute(counted):
        route = each.queue.partition("/")[2]
        deliveries.setdefault(each.parent, []).append(Deliveries(route, Status(each.status), each.many, each.attempts))
    return tuple(
        Summary(
            row.id,
            row.queue,
            moment(row.received),
            row.format,
            row.size,
            row.type or "",
            row.control_id or "",
            row.patient_id or "",
            Status(row.status),
            row.detail or "",
            tuple(deliveries.get(row.id, ())),
        )
        for row in (rows[id] for id in ids if id in rows)
    )
