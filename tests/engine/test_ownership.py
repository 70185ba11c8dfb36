"""Each queue belongs to one of the living processes at a time, whoever comes, goes or dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from engine import ownership
from engine.host import place_of
from engine.journal import Journal, JournalError
from engine.ownership import Living, Ownership, preferred

QUEUES = {f"channel-{number}" for number in range(12)}


def test_a_process_is_dead_when_its_beat_stands_still() -> None:
    living = Living()
    assert living.update({"a": 1, "b": 1}, 0.0) == {"a", "b"}
    assert living.update({"a": 2, "b": 1}, 5.0) == {"a", "b"}
    assert living.update({"a": 3, "b": 1}, 6.5) == {"a"}
    assert living.update({"a": 3, "b": 2}, 7.0) == {"a", "b"}
    assert living.update({"b": 3}, 8.0) == {"b"}


@given(st.sets(st.text(min_size=1), min_size=1, max_size=5), st.text())
def test_a_process_that_comes_takes_queues_and_moves_no_others(names: set[str], newcomer: str) -> None:
    for queue in QUEUES:
        before = preferred(queue, names)
        after = preferred(queue, names | {newcomer})
        assert after in {before, newcomer}


def test_queues_spread_over_the_processes() -> None:
    shares = [preferred(f"channel-{number}", ["a", "b", "c"]) for number in range(300)]
    assert all(70 < shares.count(name) < 130 for name in "abc")


class Process:
    """An engine process as far as ownership goes; `overlaps` is where two worked one queue at once."""

    working: dict[str, str]
    overlaps: list[str]

    def __init__(self, journal: Journal, name: str, working: dict[str, str], overlaps: list[str]) -> None:
        self.ownership = Ownership(journal, name, lambda: QUEUES, self.gained, self.lost)
        self.working = working
        self.overlaps = overlaps
        self.task = asyncio.create_task(self.ownership.run())

    async def gained(self, queue: str) -> None:
        if queue in self.working:
            self.overlaps.append(queue)
        self.working[queue] = self.ownership.name

    async def lost(self, queue: str) -> None:
        await asyncio.sleep(0)
        if self.working.get(queue) == self.ownership.name:
            del self.working[queue]

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for happens in the database, through other tasks
            await asyncio.sleep(0.02)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "_BEAT", 0.05)
    monkeypatch.setattr(ownership, "_FENCE", 1.0)
    monkeypatch.setattr(ownership, "_DEAD", 2.0)


@pytest.mark.usefixtures("quick")
async def test_processes_share_take_over_and_give_back(postgresql_database: str) -> None:
    journal = Journal(postgresql_database)
    await journal.open()
    working: dict[str, str] = {}
    overlaps: list[str] = []
    first = Process(journal, "first", working, overlaps)
    await until(lambda: working == dict.fromkeys(QUEUES, "first"))
    second = Process(journal, "second", working, overlaps)
    shared = {queue: preferred(queue, ["first", "second"]) for queue in QUEUES}
    assert set(shared.values()) == {"first", "second"}
    await until(lambda: working == shared)
    # Killed: it neither beats nor gives anything up.
    await second.end()
    for queue in second.ownership.owned:
        del working[queue]
    await until(lambda: working == dict.fromkeys(QUEUES, "first"))
    # Stopped in order: what it had is free at once.
    third = Process(journal, "third", working, overlaps)
    await until(lambda: working == {queue: preferred(queue, ["first", "third"]) for queue in QUEUES})
    await third.end()
    await third.ownership.release()
    await until(lambda: working == dict.fromkeys(QUEUES, "first"))
    assert overlaps == []
    await first.end()
    await journal.close()


@pytest.mark.usefixtures("quick")
async def test_processes_that_start_at_one_moment_share_at_once(
    postgresql_database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_DEAD", 1000.0)  # four in one loop may be slow on a busy machine, and are not dead
    journals = [Journal(postgresql_database) for _ in range(4)]
    for journal in journals:
        await journal.open()
    working: dict[str, str] = {}
    overlaps: list[str] = []
    names = ["a", "b", "c", "d"]
    all_of_them = [Process(journal, name, working, overlaps) for journal, name in zip(journals, names, strict=True)]
    await until(lambda: working == {queue: preferred(queue, names) for queue in QUEUES})
    assert (overlaps, caplog.messages) == ([], [])
    for process, journal in zip(all_of_them, journals, strict=True):
        await process.end()
        await journal.close()


async def test_one_that_comes_while_another_looks_does_not_look_dead(postgresql_database: str) -> None:
    journal = Journal(postgresql_database)
    await journal.open()
    mine = Ownership(journal, "mine", lambda: QUEUES, asyncio.sleep, asyncio.sleep)  # type: ignore[arg-type]
    looks: list[str] = []

    def come(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("SELECT"):
            return
        looks.append(statement)
        if len(looks) == 2:
            with psycopg.connect(postgresql_database) as other:
                other.execute("insert into processes (name, beat) values ('other', 1)")
                other.execute("insert into owners (queue, process) values ('channel-1', 'other')")

    event.listen(journal._engine, "before_cursor_execute", come)
    for _ in range(2):
        view = await journal.change(mine._beat)
        assert {name for name in view.owner.values() if name} <= view.beats.keys()
    assert view.owner == {"channel-1": "other"}
    await journal.close()


@pytest.mark.usefixtures("quick")
async def test_a_process_that_ended_on_this_machine_is_replaced_at_once(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_DEAD", 1000.0)
    program = await asyncio.create_subprocess_exec("/bin/sleep", "1000")
    started = place_of(program.pid)
    journal = Journal(postgresql_database)
    await journal.open()
    working: dict[str, str] = {}
    first = Process(journal, "first", working, [])
    await until(lambda: working == dict.fromkeys(QUEUES, "first"))
    with monkeypatch.context() as patch:
        patch.setattr(ownership, "here", lambda: started)
        second = Process(journal, "second", working, [])
    await until(lambda: working == {queue: preferred(queue, ["first", "second"]) for queue in QUEUES})
    await second.end()
    for queue in second.ownership.owned:
        del working[queue]
    program.kill()
    await until(lambda: working == dict.fromkeys(QUEUES, "first"))
    assert await program.wait() == -signal.SIGKILL
    await first.end()
    await journal.close()


@pytest.mark.usefixtures("quick")
async def test_a_process_that_cannot_reach_the_journal_stops_its_work(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(postgresql_database)
    await journal.open()
    working: dict[str, str] = {}
    process = Process(journal, "only", working, [])
    await until(lambda: len(working) == len(QUEUES))
    assert process.ownership.holds()

    async def out_of_reach(*_: object) -> None:
        raise JournalError("the journal's database does not answer", "check that it runs")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "change", out_of_reach)
        await until(lambda: not process.ownership.holds() and not working)
    await until(lambda: len(working) == len(QUEUES))
    await process.end()
    await journal.close()
