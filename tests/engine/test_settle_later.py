"""A partner that says later what became of a delivery: told once, by whichever process, and not lost by a restart."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from channels.ends import Outcome, OutcomeCode
from channels.store import Kept
from engine.fates import settle
from engine.journal import Journal, Status
from engine.journal.history import Record, history
from engine.journal.keeping import JournalStore
from schemas.ids import new_id, utc_now
from schemas.message import HL7V2, Message
from tests.engine.harness import Hand, Script, adt, at_work, channel, route

FAR = datetime(2999, 1, 1, tzinfo=UTC)
TOLD = Outcome(OutcomeCode.DELIVERED, "dispatched", b"the notice")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.db"
    return str(request.getfixturevalue("postgresql_database"))


def pending(until: datetime) -> Outcome:
    return Outcome(OutcomeCode.PENDING, "waits for its notice", until=until)


async def the_delivery(journal: Journal) -> Record:
    """The one delivery of the one message in `journal`."""
    (id,) = await journal.read(lambda connection: connection.exec_driver_sql(
        "select id from messages where parent is null").scalars().all())  # fmt: skip
    (delivery,) = (await history(journal, id)).deliveries
    return delivery


async def until_it_is(journal: Journal, status: Status) -> Record:
    async with asyncio.timeout(20):
        while (delivery := await the_delivery(journal)).status is not status:  # noqa: ASYNC110 - another thread writes
            await asyncio.sleep(0.01)
    return delivery


async def test_a_pending_delivery_is_left_alone_until_it_is_told_of_even_by_a_restart(url: str) -> None:
    script = Script(lambda _message, _attempt: pending(FAR))
    hand = Hand()
    async with at_work(url, channel(hand, route(script)), hand) as stand:
        await hand.send(adt("1", "4711"))
        before = await until_it_is(stand.journal, Status.PENDING)
    assert (before.due, before.detail) == (FAR, "waits for its notice")
    journal = Journal(url)  # another process
    await journal.open()
    tell = partial(settle, journal, utc_now, before.id)
    assert await tell(Outcome(OutcomeCode.PENDING, "processed", b"first", until=FAR - timedelta(days=1)))
    assert (await the_delivery(journal)).due == FAR - timedelta(days=1)
    assert [await tell(TOLD), await tell(TOLD), await tell(pending(FAR))] == [True, False, False]
    after = await the_delivery(journal)
    assert (after.status, after.open, after.due, after.detail, after.reply) == (
        Status.DELIVERED, False, None, "dispatched", b"the notice")  # fmt: skip
    assert [(fact.kind, fact.detail, fact.reply) for fact in after.events] == [
        ("pending", "waits for its notice", b""), ("pending", "processed", b"first")]  # fmt: skip
    await journal.close()
    async with at_work(url, channel(hand, route(script)), hand) as stand:
        await hand.send(adt("2", "4712"))
        await script.until(lambda: "2" in script.attempts)
    assert script.attempts == {"1": 1, "2": 1}


async def test_at_its_time_the_end_is_asked_again(url: str) -> None:
    refused = Outcome(OutcomeCode.REFUSED, "no notice in time")
    script = Script(lambda _message, attempt: pending(utc_now()) if attempt == 1 else refused)
    hand = Hand()
    async with at_work(url, channel(hand, route(script)), hand) as stand:
        await hand.send(adt("1", "4711"))
        delivery = await until_it_is(stand.journal, Status.REFUSED)
    assert (delivery.attempts, delivery.detail) == (2, "no notice in time")


async def test_a_notice_that_is_faster_than_the_outcome_counts(url: str) -> None:
    script = Script(lambda _message, _attempt: pending(FAR))
    script.gate.clear()
    hand = Hand()
    async with at_work(url, channel(hand, route(script)), hand) as stand:
        await hand.send(adt("1", "4711"))
        async with asyncio.timeout(20):
            while not script.under_way:  # noqa: ASYNC110 - the delivery is at the gate
                await asyncio.sleep(0)
        delivery = await the_delivery(stand.journal)
        assert await settle(stand.journal, utc_now, delivery.id, TOLD)
        script.gate.set()
        await script.until(lambda: script.attempts == {"1": 1})
    journal = Journal(url)
    await journal.open()
    assert (await the_delivery(journal)).status is Status.DELIVERED
    await journal.close()


async def test_what_is_to_be_sent_again_goes_at_once(url: str) -> None:
    script = Script(lambda _message, attempt: pending(FAR) if attempt == 1 else TOLD)
    hand = Hand()
    async with at_work(url, channel(hand, route(script)), hand) as stand:
        await hand.send(adt("1", "4711"))
        delivery = await until_it_is(stand.journal, Status.PENDING)
        assert await settle(stand.journal, utc_now, delivery.id, Outcome(OutcomeCode.DEFERRED, "lost on the way"))
        await until_it_is(stand.journal, Status.DELIVERED)


async def test_a_received_message_itself_is_nothing_to_be_told_of(url: str) -> None:
    hand = Hand()
    async with at_work(url, channel(hand), hand) as stand:
        await hand.send(adt("1", "4711"))
        (id,) = await stand.journal.read(
            lambda connection: connection.exec_driver_sql("select id from messages").scalars().all()
        )
        assert not await settle(stand.journal, utc_now, id, TOLD)
        assert not await settle(stand.journal, utc_now, "0" * 32, TOLD)


async def test_what_an_end_keeps_about_a_message_is_durable_with_it_and_only_with_it(url: str) -> None:
    hand = Hand()
    async with at_work(url, channel(hand, route(Script())), hand) as stand:
        assert hand.accept is not None
        store = JournalStore(stand.journal, utc_now)
        for body, key in ((adt("1", "4711"), "taken"), (b"MSH|^~\\&|no type", "refused")):
            now = utc_now()
            message = Message(new_id(now), "adt", HL7V2, body, now)
            await hand.accept(message, [Kept("seen", key, message.id, FAR)])
        assert await store.get("seen", "taken") is not None
        assert await store.get("seen", "refused") is None
