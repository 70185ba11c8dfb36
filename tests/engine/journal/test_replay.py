"""Replay: what an operator has routed or delivered again, beside an engine that runs or before one starts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from engine.journal import Journal, State, Status
from engine.journal.history import UnknownIdError, history
from engine.journal.replay import ReplayError, replay
from tests.engine.journal.stored import START, delivery, received

NOW = START + timedelta(hours=1)


async def test_a_delivery_waits_again_as_if_it_were_new(journal: Journal) -> None:
    id = await received(journal, routes={"practice": Status.FAILED})
    child = delivery(id, "practice")
    replayed = await replay(journal, child, NOW)
    assert (replayed.id, replayed.channel, replayed.route, replayed.was) == (child, "adt", "practice", Status.FAILED)
    (again,) = (await journal.due(["adt/practice"], NOW, 10))["adt/practice"]
    assert (again.message.id, again.status, again.attempts, again.first_attempt) == (child, Status.QUEUED, 0, None)
    assert again.message.body == (await journal.get(id)).body  # type: ignore[union-attr]


async def test_the_outcome_before_a_replay_is_kept(journal: Journal) -> None:
    id = await received(journal, routes={"practice": Status.DELIVERED})
    await replay(journal, delivery(id, "practice"), NOW)
    (record,) = (await history(journal, id)).deliveries
    assert (record.status, record.settled, record.detail, record.reply) == (Status.QUEUED, None, "", b"")
    (event,) = record.events
    assert (event.at, event.kind, event.reply) == (NOW, "replay", b"MSA|AA|1\r")
    assert event.detail == "was delivered at 2026-03-01T08:00:00+00:00: it is delivered"


async def test_a_received_message_is_routed_again(journal: Journal) -> None:
    for was in (Status.ROUTED, Status.FILTERED, Status.FAILED):
        await is_routed_again(journal, was)


async def is_routed_again(journal: Journal, was: Status) -> None:
    """Replay a message that was in that state, twice."""
    id = await received(journal, status=was, detail="why")
    for times in (1, 2):
        replayed = await replay(journal, id, NOW)
        assert (replayed.route, replayed.was) == ("", was)
        (again,) = (await journal.due(["adt"], NOW, 10))["adt"]
        assert (again.message.id, again.status, again.attempts) == (id, Status.RECEIVED, times)
        await journal.record((State(id, was, False, NOW, attempts=times, detail="why"),))
    assert [event.detail.split(" at ")[0] for event in (await history(journal, id)).message.events] == [
        f"was {was}"
    ] * 2


async def test_what_is_on_its_way_is_left_alone(journal: Journal) -> None:
    for status, reason in (
        (Status.QUEUED, "waits for its first delivery already"),
        (Status.DEFERRED, "is not given up yet; it is tried again at 2026-03-01T08:10:00"),
    ):
        id = await received(journal, routes={"practice": status})
        with pytest.raises(ReplayError, match=reason):
            await replay(journal, delivery(id, "practice"), NOW)
        (record,) = (await history(journal, id)).deliveries
        assert (record.status, record.events) == (status, ())


async def test_what_was_refused_on_the_way_in_stays_refused(journal: Journal) -> None:
    id = await received(journal, status=Status.REJECTED)
    with pytest.raises(ReplayError, match="have it corrected and sent again"):
        await replay(journal, id, NOW)


async def test_an_unknown_id_is_told(journal: Journal) -> None:
    with pytest.raises(UnknownIdError, match="no message has an id that begins with"):
        await replay(journal, "0" * 32, NOW)


async def test_of_two_replays_at_once_one_is_told_that_it_waits_already(journal: Journal, journal_url: str) -> None:
    id = await received(journal, routes={"practice": Status.FAILED})
    other = Journal(journal_url)
    await other.open()
    try:
        results = await asyncio.gather(
            *(replay(each, delivery(id, "practice"), NOW) for each in (journal, other) * 5), return_exceptions=True
        )
    finally:
        await other.close()
    assert [isinstance(result, ReplayError) for result in results].count(False) == 1
    (record,) = (await history(journal, id)).deliveries
    assert len(record.events) == 1
