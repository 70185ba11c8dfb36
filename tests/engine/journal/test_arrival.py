"""What is routed as it arrives: journaled with its children in one commit, and never ahead of what came before."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy.dialects import postgresql

from engine.journal import Entry, Journal, JournalError, State, Status, Work
from engine.journal.statements import _first_open
from schemas.message import Message
from tests.engine.journal.test_journal import NOW, message, received


@pytest.fixture
async def journal(journal_url: str):
    journal = Journal(journal_url)
    await journal.open()
    yield journal
    await journal.close()


def child(one: Message, label: str = "out", queue: str = "adt/out") -> Entry:
    return Entry(one.derive(label), queue, Status.QUEUED, True, body_of=one.id)


def arriving(one: Message, done: asyncio.Future[Work], *children: Entry) -> Work:
    routed = Entry(one, "adt", Status.ROUTED, False, settled=NOW)
    return Work(done.set_result, (received(one),), routed=(routed, *(children or (child(one),))))


async def submit(journal: Journal, *units: Work | Message) -> list[Work]:
    """Have `units` committed together, a message as one that arrives."""
    waiting: list[asyncio.Future[Work]] = []
    for unit in units:
        waiting.append(asyncio.get_running_loop().create_future())
        work = arriving(unit, waiting[-1]) if isinstance(unit, Message) else unit
        work.done = waiting[-1].set_result
        journal.submit(work)
    return await asyncio.gather(*waiting)


async def open_in(journal: Journal, queue: str = "adt") -> list[str]:
    """The ids of what waits, in order."""
    return [one.message.id for one in await journal.waiting(queue, 0, 100, deferred=True)]


def ignored(_work: Work) -> None:
    raise AssertionError("replaced by `submit`")


async def test_one_commit_holds_the_message_and_its_children(journal: Journal) -> None:
    one, other = message(1), message(2)
    first, second = await submit(journal, one, other)
    for work, sent in ((first, one), (second, other)):
        assert not isinstance(work.result, JournalError)
        assert [entry.status for entry in work.entries] == [Status.ROUTED, Status.QUEUED]
        assert {sent.id, sent.derive("out").id} <= work.result.keys()
    assert await open_in(journal) == []
    assert await open_in(journal, "adt/out") == [one.derive("out").id, other.derive("out").id]


async def test_behind_what_is_not_routed_yet_it_waits_for_the_router(journal: Journal) -> None:
    before, one, other, after = (message(number) for number in range(1, 5))
    _, second = await submit(journal, Work(ignored, (received(before),)), one)  # in the same commit
    (third,) = await submit(journal, other)  # and in the next
    assert [entry.status for entry in (*second.entries, *third.entries)] == [Status.RECEIVED] * 2
    assert await open_in(journal) == [before.id, one.id, other.id]
    assert await open_in(journal, "adt/out") == []
    settled = [State(each.id, Status.ROUTED, False, NOW) for each in (before, one, other)]
    await journal.append([child(each) for each in (before, one, other)], settled)
    await submit(journal, after)
    assert await open_in(journal, "adt/out") == [each.derive("out").id for each in (before, one, other, after)]


async def test_another_channel_does_not_wait(journal: Journal) -> None:
    before = message(1)
    elsewhere = Entry(before, "lab", Status.RECEIVED, True)
    _, second = await submit(journal, Work(ignored, (elsewhere,)), message(2))
    assert [entry.status for entry in second.entries] == [Status.ROUTED, Status.QUEUED]


async def test_what_is_in_the_journal_already_is_not_routed_once_more(journal: Journal) -> None:
    """A file that a crash left behind is offered again: with the same id, and perhaps other routes."""
    one, other = message(1), message(2)
    await submit(journal, one)
    done: asyncio.Future[Work] = asyncio.get_running_loop().create_future()
    again, second = await submit(journal, arriving(one, done, child(one, "new")), other)
    assert not isinstance(again.result, JournalError)
    assert again.result.keys() & {one.id, one.derive("new").id} == set()
    assert [entry.status for entry in second.entries] == [Status.RECEIVED], "it is taken for one that came later"
    assert await open_in(journal) == [other.id]
    assert await open_in(journal, "adt/out") == [one.derive("out").id]


async def test_children_that_the_database_refuses_do_not_cost_the_message(journal: Journal) -> None:
    one, other = message(1), message(2)
    done: asyncio.Future[Work] = asyncio.get_running_loop().create_future()
    refused = child(one)._replace(order_keys=(object(),))  # type: ignore[arg-type]
    first, second = await submit(journal, arriving(one, done, refused), other)
    assert not isinstance(first.result, JournalError)
    assert [entry.status for entry in first.entries] == [Status.RECEIVED]
    assert [entry.status for entry in second.entries] == [Status.RECEIVED], "it came later"
    assert await open_in(journal) == [one.id, other.id]


async def test_postgresql_asks_the_index_of_what_waits_and_not_every_message(postgresql_database: str) -> None:
    """A long backlog behind a channel must not be walked for each message that the channel accepts."""
    journal = Journal(postgresql_database)
    await journal.open()
    await journal.close()
    with psycopg.connect(postgresql_database, autocommit=True) as connection:
        # half of it open, and in another queue: what makes the planner expect open messages in every queue
        connection.execute(
            "insert into messages (id, queue, status, open, format, size, received, attempts)"
            " select lpad(n::text, 32, '0'), case when n % 2 = 0 then 'adt' else 'adt/out' end, 'queued', n % 2 = 1,"
            " 'hl7v2', 1, 0, 0 from generate_series(1, 20000) n"
        )
        plan = connection.execute(
            "explain " + _first_open(postgresql.dialect(paramstyle="format")), ("adt",)
        ).fetchall()  # type: ignore[arg-type]
    assert any("messages_open" in line for (line,) in plan), plan
