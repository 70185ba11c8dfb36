"""kill -9 under load: nothing acknowledged is lost, no order is broken."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e.harness import Places, Stage, seconds_since, stage


async def kill_at_random(on: Stage, rounds: int) -> None:
    """Under load, kill the engine at a random moment and start it again, `rounds` times."""
    engine = on.engine()
    await engine.start()
    pauses: list[float] = []
    async with on.load.running():
        for _ in range(rounds):
            await on.load.more(1)
            # Now and then the next kill comes before deliveries have begun again.
            if on.chance.random() < 0.8:
                await on.both_take(20)
            await asyncio.sleep(on.chance.random() * 0.6)
            engine.kill()
            killed = time.monotonic()
            await engine.start()
            await on.load.more(1)
            pauses.append(seconds_since(killed))
    await on.settled()
    on.judge()
    on.tell("kill -9", rounds=rounds, slowest_first_ack_after_a_kill=f"{max(pauses)} s")


async def test_kill_9_embedded(tmp_path: Path, embedded: Places) -> None:
    async with stage(tmp_path, embedded) as on:
        await kill_at_random(on, 5)


async def test_kill_9_shared(tmp_path: Path, shared: Places) -> None:
    async with stage(tmp_path, shared, pace=0.01) as on:
        await kill_at_random(on, 3)


@pytest.mark.soak
async def test_kill_9_embedded_fifty_times(tmp_path: Path, embedded: Places) -> None:
    async with stage(tmp_path, embedded, pace=0.002) as on:
        await kill_at_random(on, 50)


@pytest.mark.soak
async def test_kill_9_shared_twenty_times(tmp_path: Path, shared: Places) -> None:
    async with stage(tmp_path, shared, pace=0.01) as on:
        await kill_at_random(on, 20)
