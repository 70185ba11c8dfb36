"""What a probe is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from engine import runtime
from engine.config.site import load_site
from engine.runtime import Engine
from tests.services import free_port

CHANNEL = """\
channel: adt
inbound:
  mllp: {{listen: 127.0.0.1:{port}}}
routes:
  - route: files
    outbound:
      file: {{folder: out}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "adt.yaml").write_text(CHANNEL.format(port=free_port()))
    (tmp_path / "hie.yaml").write_text(f"health: {{listen: 127.0.0.1:{free_port()}}}\n")
    return tmp_path


async def test_a_probe_learns_what_is_wrong(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(load_site(site, {}), {})
    await engine.start()
    health = engine.site.settings.health
    assert health is not None
    async with httpx.AsyncClient(base_url=f"http://{health.listen}") as client:
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "well")
        assert answer.json()["queues"] == ["adt", "adt/files"]

        with monkeypatch.context() as patch:

            async def silent(_seconds: float) -> bool:
                return False

            patch.setattr(engine.journal, "answers", silent)
            answer = await client.get("/health")
            # Restarting the engine would not help, so that a probe must not ask for it.
            assert (answer.status_code, answer.json()["journal_answers"]) == (200, False)

        (site / "channels" / "adt.yaml").write_text("channel: adt\ninbound: nonsense\n")
        answer = await client.post("/reload")
        assert [f["code"] for f in answer.json()["findings"]]
        answer = await client.get("/health")
        assert (answer.status_code, answer.json()["channels"]) == (503, ["adt"])
        assert answer.json()["configuration_errors"]

        await engine.flows["adt"].stop_listening()
        assert (await client.get("/health")).json()["not_listening"] == ["adt"]
        assert "hie_received_total" in (await client.get("/metrics")).text
    await engine.stop()


async def test_a_journal_that_does_not_answer_is_noticed_in_time(site: Path) -> None:
    engine = Engine(load_site(site, {}), {})
    await engine.start()
    assert await engine.journal.answers(10)
    hold = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_connection: object) -> None:
        asyncio.run_coroutine_threadsafe(hold.wait(), loop).result()

    readers = [asyncio.create_task(engine.journal.read(slow)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not await engine.journal.answers(0.05)
    hold.set()
    await asyncio.gather(*readers)
    await engine.stop()


async def test_an_address_that_is_taken_is_named(site: Path) -> None:
    first = Engine(load_site(site, {}), {})
    await first.start()
    other = Engine(load_site(site, {"HIE_DATA": str(site / "other")}), {})
    with pytest.raises(OSError, match=r"in use|health cannot listen"):
        await other.start()
    await other.stop()
    await first.stop()


async def test_an_inbound_end_that_ended_is_started_again(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_AGAIN", 0.05)
    engine = Engine(load_site(site, {}), {})
    await engine.start()
    flow = engine.flows["adt"]
    await flow.stop_listening()
    listens = flow.listen
    failures = 0

    async def listen() -> None:
        nonlocal failures
        if failures < 2:
            failures += 1
            raise OSError("in use")
        await listens()
        heard.set()

    heard = asyncio.Event()
    monkeypatch.setattr(flow, "listen", listen)
    await asyncio.wait_for(heard.wait(), 10)
    assert flow.listening
    await engine.stop()
