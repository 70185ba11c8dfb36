"""Retention takes what is settled and old enough, nothing else, and gives the disk back."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from engine.journal import Event, Journal, State, Status
from engine.journal.history import history
from engine.journal.replay import replay
from engine.journal.retention import Pruned, compact, prune
from engine.journal.search import Search, search
from engine.journal.tables import events, messages, terms
from engine.tidy import watch_age
from tests.engine.journal.stored import BODY, START, delivery, received

DAY = 24 * 60
KEEP = timedelta(days=30)
NOW = START + timedelta(days=60)


def by_channel(channel: str) -> timedelta:
    """The site's retention: a week for the lab, else 30 days."""
    return timedelta(days=7) if channel == "lab" else KEEP


async def pruned(journal: Journal, now: datetime = NOW) -> Pruned:
    """Prune and give the last word of it."""
    told = [each async for each in prune(journal, by_channel, now)]
    assert [each.rows for each in told] == sorted(each.rows for each in told)
    return told[-1]


async def counts(journal: Journal) -> tuple[int, int, int]:
    """How many rows messages, events and terms have."""
    one, two, three = [
        await journal.read(
            lambda connection, of=table: connection.execute(select(func.count()).select_from(of)).scalar()
        )
        for table in (messages, events, terms)
    ]
    return one or 0, two or 0, three or 0


async def test_old_settled_messages_leave_with_all_that_belongs_to_them(journal: Journal) -> None:
    for number in range(40):
        id = await received(
            journal, number, terms=(("visit", "V1"), ("order", f"O{number}")), routes={"practice": Status.DELIVERED}
        )
        await journal.record((), (Event(delivery(id, "practice"), START, "deferred", "no answer"),))
    young = await received(journal, 45 * DAY, terms=(("visit", "V1"),), routes={"practice": Status.DELIVERED})
    last = await pruned(journal)
    assert (last.messages, last.rows) == (40, 80)
    assert await counts(journal) == (2, 0, 1)
    assert [row.id for row in (await search(journal, Search())).rows] == [young]


async def test_a_message_stays_while_one_of_its_deliveries_is_open(journal: Journal) -> None:
    for outcome in (Status.QUEUED, Status.DEFERRED, Status.PENDING):
        id = await received(journal, routes={"practice": Status.DELIVERED, "archive": outcome})
        assert (await pruned(journal)).rows == 0
        open_child = await journal.get(delivery(id, "archive"))
        assert open_child is not None
        assert open_child.body == BODY  # which lies with the received message


async def test_what_is_not_routed_yet_stays(journal: Journal) -> None:
    await received(journal, status=Status.RECEIVED)
    assert (await pruned(journal)).rows == 0


async def test_whatever_its_end_was_a_settled_message_goes(journal: Journal) -> None:
    for status in (Status.FILTERED, Status.FAILED, Status.REJECTED):
        await received(journal, status=status)
    await received(journal, routes={"practice": Status.FAILED, "archive": Status.REFUSED})
    assert (await pruned(journal)).messages == 4


async def test_each_channel_has_its_own_age(journal: Journal) -> None:
    await received(journal, 50 * DAY, channel="lab")
    kept = await received(journal, 50 * DAY, channel="adt")
    assert (await pruned(journal)).messages == 1
    assert [row.id for row in (await search(journal, Search())).rows] == [kept]


async def test_age_counts_from_the_last_thing_that_happened(journal: Journal) -> None:
    id = await received(journal, routes={"practice": Status.FAILED, "archive": Status.DELIVERED})
    await replay(journal, delivery(id, "practice"), NOW - timedelta(days=1))
    assert (await pruned(journal)).rows == 0
    await journal.record((State(delivery(id, "practice"), Status.DELIVERED, False, NOW - timedelta(days=1)),))
    assert (await pruned(journal)).rows == 0
    assert len((await history(journal, id)).deliveries) == 2
    assert (await pruned(journal, NOW + timedelta(days=30))).rows == 3


async def test_the_file_shrinks_by_what_has_gone(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    journal = Journal(f"sqlite:///{file}")
    await journal.open()
    large = BODY + b"ZZZ|" + b"x" * 20_000 + b"\r"
    await asyncio.gather(*(received(journal, number / 60, body=large) for number in range(300)))
    await received(journal, 59 * DAY)
    await journal.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    before = file.stat().st_size
    told = [each async for each in prune(journal, by_channel, NOW)]
    after = file.stat().st_size
    await journal.close()
    assert before > 6_000_000
    assert after < 300_000
    assert abs(before - after - told[-1].bytes) < 20_000
    assert len([each for each in told if each.bytes]) < 10  # many pages at a time, as few transactions as will do


async def test_compacting_gives_back_what_pruning_freed(journal: Journal) -> None:
    large = BODY + bytes(range(256)) * 80
    await asyncio.gather(*(received(journal, number / 60, body=large) for number in range(100)))
    kept = await received(journal, 59 * DAY)
    await pruned(journal)
    await compact(journal)
    assert [row.id for row in (await search(journal, Search())).rows] == [kept]
    if journal.shared:
        question = "select pg_total_relation_size('messages')"
    else:
        question = "select page_count * page_size from pragma_page_count(), pragma_page_size()"
    size = await journal.read(lambda connection: connection.exec_driver_sql(question).scalar())
    assert size is not None
    assert size < 400_000


async def test_pruning_an_empty_journal_does_nothing(journal: Journal) -> None:
    assert await pruned(journal) == Pruned("", 0, 0, 0)


async def test_the_engine_prunes_by_itself_what_it_owns(journal: Journal) -> None:
    old = await received(journal)
    other = await received(journal, channel="lab")
    looked: list[str] = []

    def keep(channel: str) -> timedelta:
        looked.append(channel)
        return KEEP

    done = asyncio.Event()

    def clock() -> datetime:
        if looked:  # the second round: the first is over
            done.set()
        return NOW

    task = asyncio.create_task(watch_age(journal, lambda: {"adt", "adt/x"}, keep, clock, first=0.0, every=0.0))
    await asyncio.wait_for(done.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert set(looked) == {"adt"}
    assert await journal.get(old) is None
    assert await journal.get(other) is not None
