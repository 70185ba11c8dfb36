"""A stage that a defect ends: nothing is lost, the probe is told, and the work goes on by itself."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.ends import ReceiptCode
from engine import stages, steady
from engine.config.site import load_site
from engine.deliver import Deliverer
from engine.feed import Feed
from engine.ownership import Ownership
from engine.routing import Routing
from engine.runtime import Engine
from engine.steady import steadily
from schemas.ids import new_id, utc_now
from schemas.message import Message
from tests.engine.harness import adt
from tests.services import free_port

CHANNEL = """\
channel: adt
inbound:
  file: {folder: in}
routes:
  - route: lab
    outbound:
      file: {folder: out, name: "{MSH-10}.hl7"}
    in_order: PID-3.1
"""
DEFECTS = [
    (Routing, "of", "adt", "what is being routed"),
    (Deliverer, "_take", "adt/lab", "what is being taken in"),
    (Deliverer, "_settle", "adt/lab", "what has just been delivered"),
    (Feed, "take", "adt", "the feed of both"),
]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "adt.yaml").write_text(CHANNEL)
    (tmp_path / "hie.yaml").write_text(f"health: {{listen: 127.0.0.1:{free_port()}}}\n")
    return tmp_path


async def accepted(engine: Engine, control_id: str) -> None:
    now = utc_now()
    message = Message(new_id(now), "adt", "hl7v2", adt(control_id, "4711"), now)
    assert (await engine.flows["adt"].acceptor.accept(message)).code is ReceiptCode.ACCEPTED


async def until_there(*files: Path) -> None:
    async with asyncio.timeout(20):
        while not all(file.exists() for file in files):  # noqa: ASYNC110 - files tell nobody
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("owner", "method", "queue", "_what"), DEFECTS)
async def test_a_stage_that_a_defect_ended_goes_on_with_all_its_messages(
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: type,
    method: str,
    queue: str,
    _what: str,
) -> None:
    monkeypatch.setattr(stages, "_FIRST", 0.4)
    engine = Engine(load_site(site, {}), {})
    await engine.start()
    health = engine.site.settings.health
    assert health is not None
    async with httpx.AsyncClient(base_url=f"http://{health.listen}") as client:
        await accepted(engine, "C0")
        await until_there(site / "out" / "C0.hl7")
        with monkeypatch.context() as patch:
            broken = asyncio.Event()

            def defect(*_: Any) -> Any:
                broken.set()
                raise RuntimeError("PID|1||4711")

            patch.setattr(owner, method, defect)
            patch.setattr(Routing, "is_quick", queue != "adt")  # else nothing waits for the router
            for number in range(1, 4):
                await accepted(engine, f"C{number}")
            await asyncio.wait_for(broken.wait(), 10)
            async with asyncio.timeout(10):
                while not engine.flows["adt"].stages.failing:  # noqa: ASYNC110 - a task's end is seen a moment later
                    await asyncio.sleep(0)
            answer = await client.get("/health")
            assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
            assert queue in answer.json()["not_working"]
        await until_there(*(site / "out" / f"C{number}.hl7" for number in range(1, 4)))
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["not_working"]) == (200, [])
        assert f'hie_stages_ended_total{{queue="{queue}"}}' in (await client.get("/metrics")).text
    assert f"the work on {queue} was ended by a defect; it begins again in 0.4 s" in caplog.text
    await engine.stop()


async def test_the_pause_grows_while_a_stage_fails_and_is_short_again_after_good_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stages, "_FIRST", 0.01)
    monkeypatch.setattr(stages, "_MOST", 0.04)
    fails = 4
    begun = asyncio.Event()

    async def start(_queue: str, ended: stages.Ended) -> stages.Stop:
        nonlocal fails
        fails -= 1
        if fails == 2:
            raise OSError("no such share")  # it may also fail to begin
        if fails >= 0:
            raising = asyncio.create_task(_raise())
            raising.add_done_callback(ended)
        else:
            begun.set()
        return _nothing

    kept = stages.Stages(start)
    await kept.work("adt")
    await asyncio.wait_for(begun.wait(), 10)
    assert [line.rpartition(" in ")[2] for line in caplog.messages] == ["0.01 s", "0.02 s", "0.04 s", "0.04 s"]
    assert kept.ended == {"adt": 4}
    monkeypatch.setattr(stages, "_STEADY", 0.0)
    caplog.clear()
    fails = 1
    await kept.leave("adt")
    await kept.work("adt")
    async with asyncio.timeout(10):
        while not kept.failing:  # noqa: ASYNC110 - a task's end is seen a moment later
            await asyncio.sleep(0)
    assert "again in 0.01 s" in caplog.text
    await kept.leave("adt")
    assert not kept.failing


async def test_a_queue_that_is_given_up_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_FIRST", 0.01)
    starts = 0

    async def start(_queue: str, _ended: stages.Ended) -> stages.Stop:
        nonlocal starts
        starts += 1
        raise OSError("no such share")

    kept = stages.Stages(start)
    await kept.work("adt")
    assert kept.failing == {"adt"}
    await kept.leave("adt")
    assert (starts, kept.failing) == (1, frozenset())
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "adt again"]


async def test_ownership_and_its_like_go_on_after_a_defect(
    site: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(steady, "_FIRST", 0.02)
    caplog.set_level(logging.ERROR)
    failed = asyncio.Event()
    own_all = Ownership._own_all

    async def once(self: Ownership) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("PID|1||4711")
        await own_all(self)

    monkeypatch.setattr(Ownership, "_own_all", once)
    engine = Engine(load_site(site, {}), {})
    await engine.start()
    await accepted(engine, "C1")
    await until_there(site / "out" / "C1.hl7")
    assert failed.is_set()
    assert "ownership was ended by a defect; it begins again in 0.02 s" in caplog.text
    await engine.stop()


async def test_work_that_is_done_is_not_begun_again() -> None:
    done = 0

    async def work() -> None:
        nonlocal done
        done += 1

    await steadily("work", work)
    assert done == 1


async def _raise() -> None:
    raise RuntimeError("a defect")


async def _nothing() -> None:
    pass
