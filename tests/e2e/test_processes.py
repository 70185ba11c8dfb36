"""Several engine processes on one journal: one killed, one added, one frozen, one stopped in good order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

from engine.ownership import _DEAD
from tests.e2e.engines import Engine
from tests.e2e.harness import Places, Stage, seconds_since, stage

QUEUES = {"adt", "adt/practice", "adt/ward"}


async def queues(engine: Engine) -> set[str]:
    """The queues that `engine` works."""
    health = await engine.health()
    return set(health["queues"]) if health else set()


async def shared_out(*engines: Engine, seconds: float = 30, each: bool = True) -> None:
    """Wait until each queue belongs to exactly one of `engines`, and with `each`, every one of them has some."""
    async with asyncio.timeout(seconds):
        while True:
            have = [await queues(engine) for engine in engines]
            if (all(have) or not each) and sorted(queue for some in have for queue in some) == sorted(QUEUES):
                return
            await asyncio.sleep(0.1)


async def add(on: Stage, name: str, *others: Engine) -> Engine:
    """Add a process that works some queue beside `others`. Names are drawn by lot, so that one may get none."""
    engine = on.engine(name)
    for _ in range(12):
        await engine.start()
        with contextlib.suppress(TimeoutError):
            await shared_out(*others, engine, seconds=3)
            return engine
        assert await engine.stop() == 0
    raise AssertionError("twelve processes in a row were given no queue to work")


async def test_one_of_two_processes_is_killed_and_another_added_under_load(tmp_path: Path, shared: Places) -> None:
    async with stage(tmp_path, shared, connections=8, pace=0.002) as on:
        first = on.engine("first")
        await first.start()
        async with on.load.running():
            await on.both_take(50)
            second = await add(on, "second", first)
            on.load.drop()
            await on.both_take(300)
            assert await second.metric("hie_received_total") > 0, "the second process was given no connection"
            victim = first if "adt" in await queues(first) else second
            other = second if victim is first else first
            victim.kill()
            killed = time.monotonic()
            await on.load.more(20)
            accepted_again = seconds_since(killed)
            await shared_out(other)
            await on.both_take(20)
            takeover = seconds_since(killed)
            await victim.start()
            await on.both_take(50)
        await on.settled()
        on.judge()
        on.tell(
            "one of two killed",
            accepted_again=f"after {accepted_again} s",
            delivered_again=f"after {takeover} s",
        )
        assert takeover < _DEAD, "the other process is on the same machine, and need not wait for beats"


async def test_process_that_was_frozen_does_not_disturb_its_successor(tmp_path: Path, shared: Places) -> None:
    """A process stands still for longer than others wait for it, as a machine that pauses, and then goes on."""
    async with stage(tmp_path, shared, connections=8, pace=0.02) as on:
        frozen, other = on.engine("frozen"), on.engine("other")
        on.load.patience = 2.0  # the frozen one's connections stay open and silent
        await frozen.start()
        async with on.load.running():
            await on.both_take(50)
            await other.start()
            await on.both_take(50)
            frozen.signal(signal.SIGSTOP)
            stood_still = time.monotonic()
            await other.until(lambda health: set(health["queues"]) == QUEUES)
            takeover = seconds_since(stood_still)
            await on.both_take(50)
            frozen.signal(signal.SIGCONT)
            await on.both_take(300)
            await shared_out(frozen, other, each=False)
            await on.both_take(50)
        await on.settled()
        on.judge()
        on.tell("one of two frozen", taken_over_after=f"{takeover} s")
