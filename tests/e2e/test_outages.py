"""What stands around the engine goes away under load and comes back: broker, database, receivers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e.harness import Places, seconds_since, stage
from tests.e2e.load import Sent
from tests.services import Postgres, RabbitMq


async def test_broker_killed(tmp_path: Path, postgresql_database: str, own_rabbitmq: RabbitMq) -> None:
    """Two processes go on without the broker, and use it again when it is back."""
    places = Places(postgresql_database, own_rabbitmq.url)
    async with stage(tmp_path, places, pace=0.03) as on:  # a broker takes long to start beside a load that takes all
        one, other = on.engine("one"), on.engine("other")
        await asyncio.gather(one.start(), other.start())
        async with on.load.running():
            await on.both_take(50)
            await asyncio.to_thread(own_rabbitmq.kill)
            killed = time.monotonic()
            await on.load.more(100)
            accepted = seconds_since(killed)
            await on.both_take(200)
            delivered = seconds_since(killed)
            await asyncio.to_thread(own_rabbitmq.start)
            for engine in (one, other):
                await engine.until(lambda health: health["backbone_up"])
            await on.both_take(100)
        await on.settled()
        on.judge()
        on.tell("broker killed", accepted_100_after=f"{accepted} s", delivered_200_after=f"{delivered} s")


async def test_database_restarted(tmp_path: Path, rabbitmq_vhost: str, own_postgresql: Postgres) -> None:
    """PostgreSQL stops in good order, and is killed: AE or silence meanwhile, and then on without a restart."""
    async with stage(tmp_path, Places(own_postgresql.url, rabbitmq_vhost), pace=0.02) as on:
        engine = on.engine()
        await engine.start()
        async with on.load.running():
            for down in (own_postgresql.stop, own_postgresql.kill):
                await on.both_take(50)
                await asyncio.to_thread(down)
                before = on.load.count
                refused = on.load.answers["AE"]
                await on.load.until(lambda so_far=refused: on.load.answers["AE"] >= so_far + 6)  # type: ignore[misc]
                assert on.load.count <= before + len(on.load.acknowledged), "acknowledged without a database"
                await asyncio.to_thread(own_postgresql.start)
                back = time.monotonic()
                await on.both_take(50)
                print(f"delivering {seconds_since(back)} s after the database was back")
        await on.settled()
        on.judge()
        on.tell("database restarted twice")


async def receiver_gone(folder: Path, places: Places, seconds: float) -> None:
    """The practice is away for a while: the ward gets its messages all the same, and the practice later."""
    async with stage(folder, places, pace=0.005) as on:
        engine = on.engine()
        await engine.start()
        async with on.load.running():
            await on.both_take(50)
            await on.practice.stop()
            had = len(on.practice.taken)
            away = time.monotonic()
            await on.ward.more(100)
            await on.load.more(100)
            await asyncio.sleep(max(0.0, seconds - seconds_since(away)))
            assert len(on.practice.taken) == had
            await on.practice.start()
            back = time.monotonic()
            await on.practice.more(1)
            resumed = seconds_since(back)
            await on.practice.more(50)
        await on.settled()
        on.judge()
        on.tell("receiver gone", away=f"{seconds} s", back_in_use_after=f"{resumed} s")
        assert on.ward.repeats == 0, "the ward was never away"
        assert on.practice.repeats <= 8, "more repeats than deliveries were under way"


async def test_receiver_gone(tmp_path: Path, places: Places) -> None:
    await receiver_gone(tmp_path, places, 2)


@pytest.mark.soak
async def test_receiver_gone_for_a_minute(tmp_path: Path, places: Places) -> None:
    await receiver_gone(tmp_path, places, 60)


MOODS = {11: ("AE", 2), 29: ("AE", 1), 37: ("close", 2), 42: ("AE", 2), 53: ("hang", 1)}
"""What a receiver does, and how often, before it takes the message of a number."""


async def test_receiver_that_errs_hangs_and_hangs_up(tmp_path: Path, embedded: Places) -> None:
    """AE, no answer, a closed connection: each is tried again, and no later message of the patient overtakes."""
    async with stage(tmp_path, embedded, pace=0.002) as on:

        def moody(control_id: str, times: int) -> str:
            sent = Sent.of(control_id)
            mood, often = MOODS.get(sent.number % 60, ("AA", 0)) if sent.connection < 3 else ("AA", 0)
            return mood if times <= often and (mood != "hang" or sent.connection == 0) else "AA"

        on.practice.script = on.ward.script = moody
        engine = on.engine()
        await engine.start()
        async with on.load.running():
            await on.load.until(lambda: all(len(many) >= 60 for many in on.load.acknowledged.values()))
        await on.settled()
        on.judge()
        tried = sum(times - 1 for receiver in on.receivers for times in receiver.times.values())
        on.tell("moody receivers", tried_again=tried)
        assert tried >= 44
        assert on.practice.repeats == on.ward.repeats == 0, "what was answered AA came again"
