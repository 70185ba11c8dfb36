"""What every journal promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from engine.journal import Entry, Event, Journal, JournalError, Keys, State, Status
from engine.journal.database import database_url
from engine.journal.tables import metadata
from engine.journal.waiting import LARGE
from engine.registry.tables import metadata as registry
from schemas.finding import Finding, Severity
from schemas.ids import derived_id, new_id, utc_now
from schemas.message import BINARY, Message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def journal(journal_url: str):
    journal = Journal(journal_url)
    await journal.open()
    yield journal
    await journal.close()


@pytest.fixture
async def elsewhere(journal: Journal, journal_url: str):
    """The same journal, opened by another process: it knows only what is written there."""
    del journal
    other = Journal(journal_url)
    await other.open()
    yield other
    await other.close()


def message(number: int, body: bytes = b"MSH|", **more: object) -> Message:
    return Message(new_id(NOW, number.to_bytes(10, "big")), "adt", "hl7v2", body, NOW, **more)  # type: ignore[arg-type]


def received(one: Message, **more: object) -> Entry:
    return Entry(one, "adt", Status.RECEIVED, True, **more)  # type: ignore[arg-type]


async def test_a_message_comes_back_as_it_went_in(journal: Journal, elsewhere: Journal) -> None:
    finding = Finding("V2-101", "PID-3[1]", "too long", "shorten it", Severity.WARNING)
    one = message(1, bytes(range(256)) * 5, attributes={"mllp.peer": "10.0.0.1", "ward": "Ä"}, findings=(finding,))
    numbers = await journal.append([received(one, order_keys=("A", "ß"))])
    (found,) = await elsewhere.waiting("adt", 0, 10, deferred=True)
    assert found.message == one
    assert (found.seq, found.order_keys, found.status) == (numbers[one.id], ("A", "ß"), Status.RECEIVED)
    assert await journal.get(one.id) == one


async def test_a_child_shares_its_parents_body(journal: Journal, elsewhere: Journal) -> None:
    one = message(1, b"MSH|shared")
    child = one.derive("out/0")
    await journal.append([received(one)])
    await journal.append(
        [Entry(child, "adt/out", Status.QUEUED, True, body_of=one.id)], [State(one.id, Status.ROUTED, False, NOW)]
    )
    for reader in (elsewhere, journal):
        (found,) = await reader.waiting("adt/out", 0, 10, deferred=True)
        assert found.message == child
    assert await journal.waiting("adt", 0, 10, deferred=True) == []


async def test_large_bodies_stay_in_the_journal_until_their_turn(journal: Journal, elsewhere: Journal) -> None:
    one = message(1, b"x" * 300_000)
    await journal.append([received(one)])
    (found,) = await elsewhere.waiting("adt", 0, 10, deferred=True)
    assert not found.loaded
    assert found.message.body == b""
    assert (await elsewhere.load(found)).message == one


async def test_the_same_id_twice_is_one_message(journal: Journal) -> None:
    one = message(1)
    assert one.id in await journal.append([received(one)])
    assert list(await journal.append([received(one), received(message(2))])) == [message(2).id]
    assert len(await journal.waiting("adt", 0, 10, deferred=True)) == 2


async def test_many_writers_are_served_in_the_order_in_which_they_came(journal: Journal) -> None:
    futures = [journal.append([received(message(number))]) for number in range(300)]
    numbers = await asyncio.gather(*futures)
    places = [found[message(number).id] for number, found in enumerate(numbers)]
    assert places == sorted(places)
    waiting = await journal.waiting("adt", 0, 1000, deferred=True)
    assert [one.message.id for one in waiting] == [message(number).id for number in range(300)]


async def test_a_settled_message_cannot_be_reopened_by_a_late_word(journal: Journal) -> None:
    one = message(1)
    await journal.append([received(one)])
    await journal.record([State(one.id, Status.DELIVERED, False, NOW, detail="AA")])
    await journal.record([State(one.id, Status.DEFERRED, True, NOW, NOW, 1, NOW, "late")])
    assert await journal.waiting("adt", 0, 10, deferred=True) == []
    assert await journal.due(["adt"], NOW + timedelta(hours=1), 10) == {}


async def test_what_is_due_comes_by_queue_and_the_longest_due_first(journal: Journal) -> None:
    for number in range(6):
        queue = f"adt/{number % 2}"
        await journal.append([Entry(message(number), queue, Status.QUEUED, True)])
        due = NOW + timedelta(minutes=10 - number)
        await journal.record([State(message(number).id, Status.DEFERRED, True, NOW, due, 3, NOW, "AE", b"MSA|AE")])
    found = await journal.due(["adt/0", "adt/1", "adt/2"], NOW + timedelta(minutes=8), 10)
    assert {queue: [one.message.id for one in rows] for queue, rows in found.items()} == {
        "adt/0": [message(4).id, message(2).id],
        "adt/1": [message(5).id, message(3).id],
    }
    assert (found["adt/0"][0].attempts, found["adt/0"][0].first_attempt) == (3, NOW)
    assert len(await journal.waiting("adt/0", 0, 10, deferred=True)) == 3
    assert await journal.waiting("adt/0", 0, 10, deferred=False) == []


async def test_text_that_no_database_holds_does_not_spoil_the_commit_of_others(
    journal: Journal, elsewhere: Journal
) -> None:
    odd = message(1, attributes={"file.name": "a\0b\udcff"})
    keys = Keys("ADT\0^A01", "1\0\udce9", "P\0", (("visit", "V\0\udc80"),))
    futures = [journal.append([received(odd, keys=keys, detail="\0")]), journal.append([received(message(2))])]
    await asyncio.gather(*futures)
    found, other = await elsewhere.waiting("adt", 0, 10, deferred=True)
    assert found.message.attributes["file.name"] == "a�b?"
    assert other.message.id == message(2).id


async def test_a_repeat_is_the_same_control_id_and_body_on_the_same_channel_since_then(journal: Journal) -> None:
    one = message(1, b"MSH|one")
    await journal.append([received(one, keys=Keys(control_id="C1"))])
    again = message(2, b"MSH|one")
    assert await journal.repeat_of(again, "C1", NOW - timedelta(hours=1)) == one.id
    assert await journal.repeat_of(again, "C1", NOW + timedelta(seconds=1)) is None
    assert await journal.repeat_of(again, "C2", NOW - timedelta(hours=1)) is None
    assert await journal.repeat_of(message(3, b"MSH|two"), "C1", NOW - timedelta(hours=1)) is None


async def test_events_are_kept_in_order(journal: Journal) -> None:
    one = message(1)
    await journal.append([received(one)])
    await journal.record([], [Event(one.id, NOW, "deferred", f"attempt {n}", b"MSA") for n in range(70)])
    query = text("SELECT detail FROM events ORDER BY seq")
    assert await journal.read(lambda connection: list(connection.execute(query).scalars())) == [
        f"attempt {n}" for n in range(70)
    ]


async def test_the_migrations_make_the_tables_that_the_code_declares(journal: Journal) -> None:
    def differences(connection: object) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})  # type: ignore[arg-type]
        return list(compare_metadata(context, [metadata, registry]))

    assert await journal.read(differences) == []


async def test_a_journal_keeps_its_identity(journal_url: str) -> None:
    ids = set()
    for _ in range(2):
        journal = Journal(journal_url)
        await journal.open()
        ids.add(journal.id)
        await journal.close()
    assert len(ids) == 1


async def test_a_journal_of_a_newer_version_is_left_alone(journal_url: str) -> None:
    journal = Journal(journal_url)
    await journal.open()
    await journal.change(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await journal.close()
    with pytest.raises(JournalError, match="newer version"):
        await Journal(journal_url).open()


async def test_two_engines_cannot_work_on_one_sqlite_journal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    first = Journal(url)
    await first.open(exclusive=True)
    with pytest.raises(JournalError, match="another engine"):
        await Journal(url).open(exclusive=True)
    await first.close()
    second = Journal(url)
    await second.open(exclusive=True)
    await second.close()


async def test_a_full_disk_says_so_and_writing_goes_on_when_there_is_room(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path}/journal.db")
    await journal.open()

    def limit(pages: int) -> None:
        raw = journal._engine.raw_connection()
        raw.cursor().execute(f"PRAGMA max_page_count={pages}")
        raw.close()

    await asyncio.to_thread(limit, 1)
    with pytest.raises(JournalError, match="the disk is full") as raised:
        await journal.append([received(message(1, b"x" * 200_000))])
    assert "free space" in raised.value.hint
    await asyncio.to_thread(limit, 1_000_000)
    await journal.append([received(message(2))])
    assert [one.message.id for one in await journal.waiting("adt", 0, 10, deferred=True)] == [message(2).id]
    await journal.close()


@pytest.mark.parametrize(
    ("url", "hint"),
    [("mysql://x", "sqlite:///"), ("nonsense", "sqlite:///"), ("sqlite:////proc/no/journal.db", "folder")],
)
async def test_a_journal_that_cannot_be_opened_says_what_to_do(url: str, hint: str) -> None:
    with pytest.raises(JournalError) as raised:
        await Journal(url).open()
    assert hint in raised.value.hint


def test_children_lie_beside_their_parents_in_the_index() -> None:
    parent = new_id(NOW)
    child = derived_id(parent, "out/0")
    assert child[:12] == parent[:12]
    assert child == derived_id(parent, "out/0") != derived_id(parent, "out/1")
    assert child[12] == "8"
    assert parent[12] == "7"


def test_the_settled_rows_of_a_million_cost_the_open_ones_nothing(tmp_path: Path) -> None:
    """The plans of the hot questions: each is a search in an index that holds open or due rows alone."""
    engine = create_engine(database_url(f"sqlite:///{tmp_path}/plans.db"))
    metadata.create_all(engine)
    questions = {
        "messages_open": "SELECT seq FROM messages WHERE queue = 'q' AND open = 1 AND seq > 5 ORDER BY seq LIMIT 9",
        "messages_due": "SELECT seq FROM messages WHERE queue = 'q' AND due <= 5 ORDER BY due LIMIT 9",
    }
    with engine.connect() as connection:
        for index, question in questions.items():
            plan = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {question}"))]
            assert len(plan) == 1
            assert f"USING INDEX {index}" in plan[0] or f"USING COVERING INDEX {index}" in plan[0]


@pytest.mark.parametrize("size", [LARGE - 1, LARGE, LARGE + 1, 5 << 20])
async def test_a_large_body_is_kept_whole_and_a_second_row_of_its_id_changes_nothing(
    journal: Journal, size: int
) -> None:
    at = utc_now()
    body = bytes(range(256)) * (size // 256 + 1)
    message = Message(new_id(at), "adt", BINARY, body[:size], at)
    entry = Entry(message, "adt", Status.ROUTED, False)
    other = Entry(replace(message, body=b"x" * size), "adt", Status.ROUTED, False)
    small = Entry(Message(new_id(at), "adt", BINARY, b"small", at), "adt", Status.ROUTED, False)
    await asyncio.gather(journal.append([entry, small]), journal.append([other]))
    for kept in (message, small.message):
        found = await journal.get(kept.id)
        assert found is not None
        assert found.body == kept.body
