"""A replay beside a running engine: taken up by itself, under ids that tell a repeat from what is new."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.journal import Journal, Status
from engine.journal.history import History, history
from engine.journal.replay import replay
from engine.journal.search import Search, search
from schemas.ids import utc_now
from schemas.message import Message
from tests.engine.harness import DELIVERED, REFUSED, Hand, Script, adt, at_work, channel, route


class Ids(Script):
    """A partner that also remembers the id of each message it was given."""

    def __init__(self) -> None:
        super().__init__(
            lambda message, attempt: REFUSED if message.get("MSH-10") == "R" and attempt == 1 else DELIVERED
        )
        self.ids: list[str] = []

    async def deliver(self, message: Message):  # type: ignore[no-untyped-def]
        self.ids.append(message.id)
        return await super().deliver(message)


async def settled(journal: Journal, id: str, *statuses: Status) -> History:
    """The history of message `id` once its deliveries are in those states."""
    async with asyncio.timeout(20):
        while True:
            found = await history(journal, id)
            if tuple(each.status for each in found.deliveries) == statuses and not found.message.open:
                return found
            await asyncio.sleep(0.02)


async def test_a_running_engine_takes_up_a_replay_that_another_process_asks_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    hand, partner = Hand(), Ids()
    async with at_work(url, channel(hand, route(partner, in_order="PID-3.1")), hand) as stand:
        await hand.send(adt("R", "4711"))
        await hand.send(adt("A", "4712"))
        await partner.until(lambda: len(partner.tried) == 2)
        refused, delivered = (await journaled(stand.journal))[:2]
        await settled(stand.journal, refused, Status.REFUSED)
        operator = Journal(url)
        await operator.open()
        try:
            child = (await history(operator, refused)).deliveries[0].id
            await replay(operator, child, utc_now())
            await replay(operator, delivered, utc_now())
            again = await settled(operator, refused, Status.DELIVERED)
            twice = await settled(operator, delivered, Status.DELIVERED, Status.DELIVERED)
        finally:
            await operator.close()
    assert [event.kind for event in again.deliveries[0].events] == ["replay"]
    assert partner.ids.count(child) == 2  # the same delivery, as its receiver can tell
    first, second = twice.deliveries
    assert first.id != second.id
    assert (partner.ids.count(first.id), partner.ids.count(second.id)) == (1, 1)
    assert partner.delivered == ["A", "R", "A"] or partner.delivered == ["A", "A", "R"]


async def journaled(journal: Journal) -> list[str]:
    """The ids of the received messages, the oldest first."""

    return [row.id for row in (await search(journal, Search())).rows][::-1]
