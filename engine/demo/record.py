"""What the demo knows in the end: what the hospital was answered, and what the journal says of every message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from channels.worklist import ON_THE_LIST
from engine.demo.stage import DemoError
from engine.journal import Journal
from engine.journal.history import History, history
from engine.journal.tables import messages

DAILY = "notifications/daily"
"""What waits there is told at a time of day."""
_PATIENCE = 20.0  # seconds
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that the hospital sent over MLLP, and MSA-1 and MSA-3 (or the error's text) of the answer."""

    sample: str
    body: bytes
    code: str
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the answer was AA or CA."""
        return self.code in ("AA", "CA")


async def told(journal: Journal) -> list[History]:
    """The whole history of every message in the journal, in the order in which they were received."""
    received = select(messages.c.id).where(messages.c.parent.is_(None)).order_by(messages.c.seq)
    ids = await journal.read(lambda connection: list(connection.execute(received).scalars()))
    return [await history(journal, id) for id in ids]


async def settled(journal: Journal, received: int) -> None:
    """Return once `received` messages are in the journal and nothing waits any more, but for a person or a time of day;
    raises `DemoError`."""

    def ask(connection: Connection) -> bool:
        counted = select(func.count()).select_from(messages)
        roots = connection.execute(counted.where(messages.c.parent.is_(None))).scalar() or 0
        unsettled = counted.where(
            messages.c.open, messages.c.detail.not_like(f"{ON_THE_LIST}%"), messages.c.queue != DAILY
        )
        return roots >= received and not connection.execute(unsettled).scalar()

    await until(lambda: journal.read(ask), "everything is delivered")


async def until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` (a function, or one that gives an awaitable) holds; raises `DemoError`."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        holds = condition()
        if asyncio.iscoroutine(holds):
            holds = await holds
        if holds:
            return
        await asyncio.sleep(_LOOK)
    raise DemoError(f"waited {_PATIENCE:.0f} s until {what}, in vain")
