"""Recognising repeats: many senders at once, in their order, and what becomes of a repeat whose first one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from channels.ends import ReceiptCode
from engine.journal import Journal, JournalError, Work
from engine.journal.tables import messages
from engine.repeats import Repeats, repeat_key
from schemas.message import Message
from tests.engine.harness import Hand, Script, adt, at_work, channel, route

HOUR = timedelta(hours=1)


async def test_many_at_once_are_looked_up_together_and_keep_their_order(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script, in_order="true"), repeats=HOUR), hand):
        questions = 0
        read = Journal.read

        async def counted(journal: Journal, question: Callable[[Any], Any]) -> Any:
            nonlocal questions
            questions += 1
            return await read(journal, question)

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "read", counted)
            bodies = [adt(f"C{number}", f"P{number % 7}") for number in range(300)]
            receipts = await asyncio.gather(*(hand.send(body) for body in bodies))
        assert [(receipt.code, receipt.reason) for receipt in receipts] == [(ReceiptCode.ACCEPTED, "")] * 300
        assert questions < 100, "each message was looked up by itself"
        receipts = await asyncio.gather(*(hand.send(body) for body in bodies))
        assert all(receipt.reason.startswith("a repeat of") for receipt in receipts)
        await script.until(lambda: len(script.delivered) == 300)
        assert script.delivered == [f"C{number}" for number in range(300)]


async def test_a_repeat_of_what_could_not_be_journaled_is_told_to_try_again_as_well(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script), repeats=HOUR), hand) as stand:
        full: asyncio.Queue[Work] = asyncio.Queue()
        with monkeypatch.context() as patch:
            patch.setattr(stand.journal, "submit", full.put_nowait)
            sending = [asyncio.create_task(hand.send(adt("1", "A"))) for _ in range(3)]
            work = await asyncio.wait_for(full.get(), 10)
            await stand.journal.read(lambda _: None)  # by then the three are looked up
            work.result = JournalError("the disk is full", "free some")
            work.done(work)
            receipts = await asyncio.gather(*sending)
        assert [(receipt.code, receipt.reason) for receipt in receipts] == [
            (ReceiptCode.FAILED, "the disk is full")
        ] * 3
        assert (await hand.send(adt("1", "A"))).reason == "", "it was never journaled, so this is the first"
        await script.until(lambda: script.delivered == ["1"])


async def test_two_processes_that_get_the_same_at_one_moment_take_it_once(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_repeats: Repeats, batch: Sequence[object]) -> list[None]:
        return [None] * len(batch)  # neither sees what the other is about to journal

    monkeypatch.setattr(Repeats, "_found", nothing)
    hands, script = (Hand(), Hand()), Script()
    async with (
        at_work(postgresql_database, channel(hands[0], route(script), repeats=HOUR), hands[0]) as stand,
        at_work(postgresql_database, channel(hands[1], route(script), repeats=HOUR), hands[1]) as other,
    ):
        for queue in sorted(other.flow.queues):
            await other.flow.leave(queue)  # a queue has one owner
        bodies = [adt(f"C{number}", "A") for number in range(40)]
        receipts = await asyncio.gather(*(hand.send(body) for body in bodies for hand in hands))
        assert {receipt.code for receipt in receipts} == {ReceiptCode.ACCEPTED}
        told = [receipt.reason for receipt in receipts]
        assert all(sorted(bool(reason) for reason in told[at : at + 2]) == [False, True] for at in range(0, 80, 2))
        await script.until(lambda: len(script.delivered) == 40)
        ids = await stand.journal.read(
            lambda connection: set(connection.execute(select(messages.c.id).where(messages.c.queue == "adt")).scalars())
        )
        assert len(ids) == 40
        assert {reason.rpartition(" ")[2] for reason in told if reason} <= ids
        # After the window the same is another message.
        assert repeat_key(message_at(0), "1", HOUR) == repeat_key(message_at(59), "1", HOUR)
        assert repeat_key(message_at(0), "1", HOUR) != repeat_key(message_at(60), "1", HOUR)


def message_at(minute: int) -> Message:
    return Message("1" * 32, "adt", "hl7v2", b"MSH|", datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minute))


async def test_a_sender_that_goes_away_does_not_take_its_message_along(journal_url: str) -> None:
    """What is being committed when its connection ends is routed, with `repeats` and without."""
    for window in (None, HOUR):
        hand, script = Hand(), Script()
        name = "1" if window is None else "2"
        async with at_work(journal_url, channel(hand, route(script), repeats=window), hand) as stand:
            submitted = asyncio.Event()
            submit = stand.journal.submit

            def noticed(*given: Any, **more: Any) -> Any:
                submitted.set()  # noqa: B023
                return submit(*given, **more)  # noqa: B023

            stand.journal.submit = noticed  # type: ignore[method-assign]
            sending = asyncio.create_task(hand.send(adt(name, "A")))
            await submitted.wait()
            sending.cancel()
            await script.until(lambda: script.delivered == [name])  # noqa: B023
