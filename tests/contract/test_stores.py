"""What every store promises an end: the journal's, on SQLite and on PostgreSQL, and the one in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels.store import Kept, MemoryStore, Store
from engine.journal import Journal
from engine.journal.keeping import JournalStore, forget_expired
from engine.journal.tables import kept

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore(clock)
        return
    url = f"sqlite:///{tmp_path}/journal.db"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgresql_database"))
    journal = Journal(url)
    await journal.open()
    yield JournalStore(journal, clock)
    await journal.close()


def note(key: str, value: str = "v", due: datetime | None = None, expires: datetime = NOW + HOUR) -> Kept:
    return Kept("note", key, value, expires, due)


async def test_what_is_put_is_there_until_it_expires_and_the_last_put_counts(store: Store, clock: Clock) -> None:
    await store.put(note("a", "1"), note("b", "2"), note("a", "3", NOW))
    assert await store.get("note", "a") == note("a", "3", NOW)
    await store.put(note("b", "4"))
    assert [kept and kept.value for kept in (await store.get("note", "b"), await store.get("other", "b"))] == [
        "4",
        None,
    ]
    clock.time += HOUR
    assert await store.get("note", "a") is None


async def test_a_change_sees_what_is_there_and_may_take_it_away(store: Store, clock: Clock) -> None:
    seen: list[Kept | None] = []

    def look(kept: Kept | None) -> Kept | None:
        seen.append(kept)
        return note("a", "1") if kept is None else None

    assert await store.change("note", "a", look) == note("a", "1")
    assert await store.change("note", "a", look) is None
    assert seen == [None, note("a", "1")]
    assert await store.get("note", "a") is None
    await store.put(note("a"))
    clock.time += HOUR
    await store.change("note", "a", look)
    assert seen[2:] == [None]


async def test_changes_at_one_moment_do_not_lose_each_other(store: Store) -> None:
    def one_more(kept: Kept | None) -> Kept:
        return note("count", "1" if kept is None else str(int(kept.value) + 1))

    await asyncio.gather(*(store.change("note", "count", one_more) for _ in range(20)))
    assert await store.get("note", "count") == note("count", "20")


async def test_what_is_due_is_given_once_until_its_next_time(store: Store, clock: Clock) -> None:
    minute = timedelta(minutes=1)
    late, later = note("late", due=NOW - minute), note("later", due=NOW)
    await store.put(
        later, late, note("not yet", due=NOW + minute), note("never"), Kept("other", "x", "", NOW + HOUR, NOW)
    )
    await store.put(note("gone", due=NOW - minute, expires=NOW))
    assert await store.due("note", NOW + 2 * minute, 1) == [late]
    assert await store.due("note", NOW + 2 * minute, 9) == [later]
    assert await store.due("note", NOW + 2 * minute, 9) == []
    clock.time = NOW + 2 * minute
    assert {kept.key for kept in await store.due("note", NOW + HOUR, 9)} == {"late", "later", "not yet"}


async def test_two_who_ask_at_one_moment_get_nothing_twice(store: Store) -> None:
    await store.put(*(note(f"{n:03}", due=NOW) for n in range(60)))
    given = await asyncio.gather(*(store.due("note", NOW + HOUR, 20) for _ in range(5)))
    keys = [kept.key for some in given for kept in some]
    assert len(keys) == len(set(keys)) >= 20
    rest = [kept.key for _ in range(5) for kept in await store.due("note", NOW + HOUR, 20)]
    assert sorted(keys + rest) == [f"{n:03}" for n in range(60)]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_what_has_expired_leaves_the_database(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> None:
    url = f"sqlite:///{tmp_path}/j.db" if backend == "sqlite" else str(request.getfixturevalue("postgresql_database"))
    journal = Journal(url)
    await journal.open()
    store = JournalStore(journal, clock)
    await store.put(*(note(f"{n}", expires=NOW) for n in range(1200)), note("stays"))
    assert await forget_expired(journal, NOW) == 1200
    assert [row.key for row in await journal.read(lambda connection: connection.execute(kept.select()).all())] == [
        "stays"
    ]
    await journal.close()
