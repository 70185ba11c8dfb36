"""A step asks the registry what was told; what it tells is journaled with its message, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from channels.ends import ReceiptCode
from engine.channel import Channel
from engine.journal import Journal
from engine.journal.tables import messages, notices
from engine.registry.reads import DatabaseRegistry
from engine.registry.site import SiteRegistry
from schemas.ids import utc_now
from schemas.message import Message
from tests.engine.harness import Hand, Script, adt, at_work, channel, no_registry, route
from transforms.registry import Registry
from transforms.step import Step

KEY = "visit 9"


def tell(message: Message, *, registry: Registry) -> Message | None:
    """Tell riverside of the visit, unless it was told."""
    if registry.told("riverside", KEY, message.id):
        return None
    facts = {"subscriber.id": "riverside", "notice.key": KEY, "notice.kind": "new", "notice.event": "admit"}
    return message.derive("tell", attributes={**facts, "notice.digest": "d", "notice.patient": "7"})


def telling(hand: Hand, script: Script, registry: SiteRegistry) -> Channel:
    return channel(hand, replace(route(script), steps=(Step("tell", tell, (), {"registry": registry}),)))


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one after the other"])
async def test_the_same_is_told_once(journal_url: str, at_once: bool) -> None:
    journal = Journal(journal_url)
    await journal.open()
    registry = no_registry()
    registry.use(DatabaseRegistry(journal.reading))
    hand, script = Hand(), Script()
    async with at_work(journal_url, telling(hand, script, registry), hand, journal, registry):
        if at_once:
            receipts = await asyncio.gather(*(hand.send(adt(f"M{n}", "7")) for n in range(5)))
        else:
            receipts = [await hand.send(adt(f"M{n}", "7")) for n in range(5)]
        await script.until(lambda: len(script.delivered) >= 1)
    assert len(script.delivered) == 1
    assert [outcome.code for outcome in receipts] == [ReceiptCode.ACCEPTED] * 5
    rows = await journal.read(lambda connection: connection.execute(select(notices)).all())
    assert [(row.subscriber, row.key, row.patient_id, row.queue, row.end) for row in rows] == [
        ("riverside", KEY, "7", "adt/out", "script")
    ]
    await journal.close()


async def test_what_shall_wait_is_delivered_when_its_time_has_come(journal_url: str) -> None:
    """Quiet hours: the child waits in the journal, and others pass."""
    hand, script = Hand(), Script()
    soon = utc_now() + timedelta(seconds=1.5)

    def wait(message: Message) -> Message:
        return message.derive(
            "w", attributes={"deliver.after": soon.isoformat()} if "M1" in message.get("MSH-10") else {}
        )

    async with at_work(journal_url, channel(hand, replace(route(script), steps=(Step("wait", wait),))), hand):
        await hand.send(adt("M1", "7"))
        await hand.send(adt("M2", "7"))
        await script.until(lambda: len(script.delivered) == 2)
        assert utc_now() >= soon
    assert script.delivered == ["M2", "M1"]


async def test_what_is_withheld_stands_in_the_journal_with_the_reason(journal_url: str) -> None:
    hand, script = Hand(), Script()

    def withhold(message: Message) -> Message:
        return message.derive(
            "w", attributes={"deliver.withheld": "superseded"} if "M1" in message.get("MSH-10") else {}
        )

    journal = Journal(journal_url)
    await journal.open()
    steps = (Step("withhold", withhold),)
    async with at_work(journal_url, channel(hand, replace(route(script), steps=steps)), hand, journal):
        await hand.send(adt("M1", "7"))
        await hand.send(adt("M2", "7"))
        await script.until(lambda: script.delivered == ["M2"])
    query = select(messages.c.status, messages.c.open, messages.c.detail).where(messages.c.parent.is_not(None))
    rows = await journal.read(lambda connection: connection.execute(query.order_by(messages.c.seq)).all())
    assert tuple(rows[0]) == ("filtered", False, "superseded")
    assert [row.status for row in rows] == ["filtered", "delivered"]
    await journal.close()
