"""A journal that cannot be written: AE and never AA, and on it goes when there is room."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg

from tests.e2e.disks import failing_disk, small_disk
from tests.e2e.engines import Engine
from tests.e2e.harness import Places, Stage, seconds_since, stage


async def only_errors(on: Stage, count: int) -> None:
    """Wait for the first AE, and then for `count` answers, all of them AE."""
    first = on.load.answers["AE"]
    await on.load.until(lambda: on.load.answers["AE"] > first)
    at_most = on.load.count + len(on.load.acknowledged)  # those already on their way
    target = on.load.answers["AE"] + count
    await on.load.until(lambda: on.load.answers["AE"] >= target)
    assert on.load.count <= at_most, "acknowledged what the journal could not take"


@asynccontextmanager
async def under_load(folder: Path, places: Places, pace: float) -> AsyncIterator[tuple[Stage, Engine]]:
    """An engine that takes and delivers; when the block ends, everything acknowledged must come to be delivered."""
    async with stage(folder, places, pace=pace) as on:
        engine = on.engine()
        await engine.start()
        async with on.load.running():
            await on.both_take(50)
            yield on, engine
        await on.settled()
        on.judge()


async def test_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with under_load(tmp_path, Places(f"sqlite:///{disk.folder}/journal.db"), 0.002) as (on, engine):
            disk.fail(engine)
            await only_errors(on, 30)
            disk.mend(engine)
            freed = time.monotonic()
            await on.load.more(50)
            on.tell("full disk", disk=disk.kind, accepting_again_after=f"{seconds_since(freed)} s")
            await on.both_take(50)
            disk.fail(engine)
            await only_errors(on, 10)
            engine.kill()
            disk.mend(engine)
            await engine.start()


async def test_disk_that_becomes_read_only(tmp_path: Path) -> None:
    with failing_disk(tmp_path / "disk") as disk:
        async with under_load(tmp_path, Places(f"sqlite:///{disk.folder}/journal.db"), 0.002) as (on, engine):
            disk.fail(engine)
            await only_errors(on, 30)
            engine.kill()
            disk.mend(engine)
            await engine.start()
            await on.both_take(20)
            on.tell("read-only disk", disk=disk.kind)


def mode(journal: str, bits: int) -> None:
    """Change the mode of a SQLite journal's file."""
    Path(journal.removeprefix("sqlite:///")).chmod(bits)


async def test_journal_whose_file_is_read_only(tmp_path: Path, embedded: Places) -> None:
    """An engine that may not write its journal says so, acknowledges nothing, and works once it may."""
    async with stage(tmp_path, embedded) as on:
        engine = on.engine()
        await engine.start()
        async with on.load.running():
            await on.both_take(20)
        await on.settled()
        assert await engine.stop() == 0
        mode(embedded.journal, 0o400)
        # Root may write whatever the mode says, unless it gives up that power.
        unprivileged = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
        powerless = on.engine("powerless", command=unprivileged)
        powerless.launch()
        before = on.load.count
        async with on.load.running():
            await asyncio.wait_for(powerless.ended(), 30)
            assert on.load.count == before, "acknowledged what the journal could not take"
            assert "the engine cannot start: the journal cannot be written" in powerless.tail()
            mode(embedded.journal, 0o600)
            powerless.launch()
            await on.load.more(100)
        await on.settled()
        on.judge()


async def test_database_that_becomes_read_only(tmp_path: Path, shared: Places) -> None:
    """As when a standby was taken for the primary: AE, and on without a restart when it may be written again."""
    name = shared.journal.rpartition("/")[2]

    def switch(state: str) -> None:
        with psycopg.connect(shared.journal, autocommit=True) as connection:
            connection.execute("set default_transaction_read_only = off")
            connection.execute(f"alter database {name} set default_transaction_read_only = {state}")  # type: ignore[arg-type]
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )

    async with under_load(tmp_path, shared, 0.005) as (on, _engine):
        switch("on")
        await only_errors(on, 30)
        switch("off")
        writable = time.monotonic()
        await on.load.more(20)
        on.tell("read-only database", accepting_again_after=f"{seconds_since(writable)} s")
        await on.both_take(20)
