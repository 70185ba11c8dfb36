"""Answered: a partner that had a delivery pending says later what became of it.

It changes the delivery's row and nothing else, so that any process may be told, and no stage need hear of it: a settled
row is never due, and what a stage records about it afterwards does not open it again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from channels.ends import Outcome, OutcomeCode
from engine.journal.entry import clean, microseconds
from engine.journal.journal import Journal
from engine.journal.tables import Status, events, messages

_STATUS = {
    OutcomeCode.DELIVERED: Status.DELIVERED,
    OutcomeCode.REFUSED: Status.REFUSED,
    OutcomeCode.PENDING: Status.PENDING,
    OutcomeCode.DEFERRED: Status.DEFERRED,
}


async def answered(journal: Journal, id: str, outcome: Outcome, now: datetime) -> bool:
    """Have the delivery of message `id` be as `outcome` says, if it is open still; whether it was.

    What is PENDING again waits on, until the outcome's own time if that has one; what is DEFERRED is delivered again
    at once, or after `retry_after`. What the state was before is kept as an event. Raises `JournalError`.
    """
    return await journal.change(lambda connection: answer(connection, id, outcome, now))


def answer(connection: Connection, id: str, outcome: Outcome, now: datetime) -> bool:
    """`answered`, in a transaction that does more."""
    columns = (messages.c.status, messages.c.settled, messages.c.due, messages.c.detail, messages.c.reply)
    is_open = (messages.c.id == id, messages.c.parent.is_not(None), messages.c.open)
    row = connection.execute(select(*columns).where(*is_open).with_for_update()).first()
    if row is None:
        return False
    due = row.due
    if outcome.code is OutcomeCode.DEFERRED:
        due = microseconds(now + outcome.retry_after if outcome.retry_after is not None else now)
    elif outcome.until is not None:
        due = microseconds(outcome.until)
    is_settled = outcome.code in (OutcomeCode.DELIVERED, OutcomeCode.REFUSED)
    connection.execute(
        update(messages)
        .where(messages.c.id == id)
        .values(
            status=_STATUS[outcome.code].value,
            open=not is_settled,
            due=None if is_settled else due,
            settled=microseconds(now),
            detail=clean(outcome.detail) or None,
            reply=outcome.reply or None,
        )
    )
    if row.status == Status.PENDING:
        before = {"at": row.settled or microseconds(now), "kind": row.status, "detail": row.detail, "reply": row.reply}
        connection.execute(insert(events).values(message=id, **before))
    return True
