"""SIGTERM: no new input, what is in flight ends, and nothing is lost or repeated when the engine runs again."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

from tests.e2e.harness import Places, seconds_since, stage


async def test_stop_in_good_order(tmp_path: Path, places: Places) -> None:
    async with stage(tmp_path, places, pace=0.002) as on:
        engine = on.engine()
        await engine.start()
        stops = []
        async with on.load.running():
            for _ in range(2):
                await on.both_take(150)
                asked = time.monotonic()
                assert await engine.stop() == 0
                stops.append(seconds_since(asked))
                await engine.start()
            await on.both_take(50)
        await on.settled()
        repeats = on.judge()
        on.tell("SIGTERM", stopped_within=f"{max(stops)} s")
        assert repeats == 0
        assert max(stops) < 10


async def test_stop_while_the_receiver_does_not_answer(tmp_path: Path, embedded: Places) -> None:
    """A delivery under way is given time, and what is not answered by then is delivered after the next start."""
    async with stage(tmp_path, embedded, pace=0.002) as on:
        engine = on.engine()
        await engine.start()
        async with on.load.running():
            await on.both_take(50)
            on.practice.script = lambda _control_id, _times: "hang"
            await on.load.more(100)
            asked = time.monotonic()
            assert await engine.stop() == 0
            stopped = seconds_since(asked)
            on.practice.script = lambda _control_id, _times: "AA"
            await engine.start()
        await on.settled()
        on.judge()
        on.tell("SIGTERM with a receiver that hangs", stopped_within=f"{stopped} s")
        assert stopped < 10


async def test_stop_in_the_middle_of_a_reload(tmp_path: Path, embedded: Places) -> None:
    """What the channel that is being replaced has in flight ends, as it does at any other time."""
    async with stage(tmp_path, embedded, pace=0.002) as on:
        engine = on.engine()
        await engine.start()
        sound = on.site.channel_file.read_text()
        async with on.load.running():
            for number in range(2):
                await on.both_take(30)
                on.site.channel_file.write_text(f"{sound}# {number}\n")
                engine.signal(signal.SIGHUP)
                await asyncio.sleep(on.chance.random() * 0.1)
                assert await engine.stop() == 0
                await engine.start()
        await on.settled()
        repeats = on.judge()
        on.tell("SIGTERM in a reload")
        assert repeats == 0
