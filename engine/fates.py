"""What became of a message: asked by an inbound end whose client wants to know, told by an end whose partner answered
late; the journal alone knows."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from channels.ends import Fate, Outcome, RouteFate
from engine.journal import Journal, JournalError
from engine.journal.answered import answered
from engine.journal.entry import read_attributes
from engine.journal.tables import messages
from schemas.ids import Clock

MOST_ROUTES = 500
"""How many deliveries of one message are looked at."""

_MESSAGE = select(messages.c.status, messages.c.attributes).where(
    messages.c.id == bindparam("id"), messages.c.queue == bindparam("channel")
)
_CHILDREN = (
    select(messages.c.queue, messages.c.status, messages.c.open, messages.c.reply)
    .where(messages.c.parent == bindparam("id"))
    .order_by(messages.c.seq)
    .limit(MOST_ROUTES)
)


async def fate_of(journal: Journal, channel: str, id: str) -> Fate | None:
    """What became of the message `id` of `channel`, by whichever process; None when it has none of this id.

    Raises `OSError` when the journal cannot be asked.
    """

    def ask(connection: Connection) -> Fate | None:
        row = connection.execute(_MESSAGE, {"id": id, "channel": channel}).first()
        if row is None:
            return None
        children = connection.execute(_CHILDREN, {"id": id})
        routes = [
            RouteFate(each.queue.partition("/")[2], each.status, not each.open, bytes(each.reply or b""))
            for each in children
        ]
        return Fate(row.status, read_attributes(row.attributes), tuple(routes))

    try:
        return await journal.read(ask)
    except JournalError as error:
        raise OSError(error.reason) from None


async def settle(journal: Journal, clock: Clock, id: str, outcome: Outcome) -> bool:
    """Have the open delivery of message `id`, of whichever channel, be as `outcome` says; whether it was open still.

    Raises `OSError` when the journal cannot be asked.
    """
    try:
        return await answered(journal, id, outcome, clock())
    except JournalError as error:
        raise OSError(error.reason) from None
