"""Journals for tests: messages of invented patients, as the stages would have journaled them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.journal import Entry, Journal, Keys, State, Status
from schemas.ids import derived_id, new_id
from schemas.message import HL7V2, Message

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
BODY = b"MSH|^~\\&|STANNE|HOSPITAL|HIE|HIE|20260301080000||ADT^A01|1|P|2.5\rPID|1||4711||Duck^Donald\r"


async def received(
    journal: Journal,
    minute: float = 0,
    *,
    channel: str = "adt",
    type: str = "ADT^A01",
    control_id: str = "1",
    patient_id: str = "4711",
    terms: tuple[tuple[str, str], ...] = (),
    status: Status = Status.ROUTED,
    routes: dict[str, Status] | None = None,
    body: bytes = BODY,
    format: str = HL7V2,
    detail: str = "",
) -> str:
    """Journal a message that was received `minute` minutes after START, with a delivery on each of `routes`; its id."""
    at = START + timedelta(minutes=minute)
    message = Message(new_id(at), channel, format, body, at, attributes={"mllp.peer": "10.0.0.7"})
    keys = Keys(type, control_id, patient_id, terms)
    is_open = status is Status.RECEIVED
    settled = None if is_open else at
    entries = [Entry(message, channel, status, is_open, keys, detail=detail, settled=settled)]
    states = []
    for route, outcome in (routes or {}).items():
        child = Message(derived_id(message.id, f"{route}/0"), channel, format, body, at, message.id)
        entries.append(Entry(child, f"{channel}/{route}", Status.QUEUED, True, body_of=message.id))
        if outcome is not Status.QUEUED:
            waits = outcome in (Status.DEFERRED, Status.PENDING)
            due = at + timedelta(minutes=10) if waits else None
            states.append(State(child.id, outcome, waits, at, due, 1, at, f"it is {outcome}", b"MSA|AA|1\r"))
    await journal.append(entries)
    if states:
        await journal.record(states)
    return message.id


def delivery(id: str, route: str) -> str:
    """The id of the delivery on `route` of message `id`."""
    return derived_id(id, f"{route}/0")
