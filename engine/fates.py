"""What became of a message: asked by an inbound end whose client wants to know, answered from the journal alone."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from channels.ends import Fate, RouteFate
from engine.journal import Journal, JournalError
from engine.journal.entry import read_attributes
from engine.journal.tables import messages

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
