"""Stranded: messages that wait in queues which no channel has any more: a route or a channel left, or was renamed."""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy import Connection, func, select, true

from engine.journal import Journal, JournalError
from engine.journal.search import distinct
from engine.journal.tables import messages

log = logging.getLogger(__name__)

_QUEUES = 10_000
_COUNTED = 1_000


async def stranded(journal: Journal, queues: Collection[str]) -> dict[str, int]:
    """How many open messages, up to 1,000, wait in each queue that is not in `queues`; raises `JournalError`."""
    return await journal.read(lambda connection: _stranded(connection, queues))


async def tell_stranded(journal: Journal, queues: Collection[str]) -> None:
    """Log each queue whose messages nothing will work now; `queues` are those that are worked."""
    try:
        found = await stranded(journal, queues)
    except JournalError as error:
        log.warning("whether messages wait in queues that are gone is not known: %s", error)
        return
    for queue, count in found.items():
        log.warning(
            "%d%s messages wait in %s, which no running channel has: give the channel and the route their names back, "
            "and they are delivered; or give them up: hie settle %s",
            count,
            " or more" if count == _COUNTED else "",
            queue,
            queue,
        )


def _stranded(connection: Connection, queues: Collection[str]) -> dict[str, int]:
    found = {}
    for queue in distinct(connection, messages.c.queue, _QUEUES):
        if queue not in queues:
            waiting = select(messages.c.seq).where(messages.c.queue == queue, messages.c.open == true())
            count = connection.execute(select(func.count()).select_from(waiting.limit(_COUNTED).subquery())).scalar()
            if count:
                found[queue] = count
    return found
