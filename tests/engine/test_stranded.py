"""A route that is renamed while its messages wait: they are kept, and the engine says so until the name is back."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from channels.ends import ReceiptCode
from engine.config.site import load_site
from engine.runtime import Engine
from engine.stranded import stranded
from schemas.ids import new_id, utc_now
from schemas.message import Message
from tests.engine.harness import adt

CHANNEL = """\
channel: adt
inbound:
  file: {folder: in}
routes:
  - route: lab
    outbound:
      OUTBOUND
    retry: {first: 50ms, most: 50ms}
"""
AWAY, BACK = "mllp: {connect: '127.0.0.1:1'}", "file: {folder: out, name: '{MSH-10}.hl7'}"


async def test_messages_of_a_renamed_route_are_told_and_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "hie.yaml").write_text("health: none\n")
    file = tmp_path / "channels" / "adt.yaml"
    file.write_text(CHANNEL.replace("OUTBOUND", AWAY))
    engine = Engine(load_site(tmp_path, {}), {})
    await engine.start()
    try:
        now = utc_now()
        message = Message(new_id(now), "adt", "hl7v2", adt("C1", "4711"), now)
        assert (await engine.flows["adt"].acceptor.accept(message)).code is ReceiptCode.ACCEPTED
        async with asyncio.timeout(20):
            while not await stranded(engine.journal, {"adt"}):  # noqa: ASYNC110 - until it is routed
                await asyncio.sleep(0.02)
        caplog.set_level(logging.WARNING)
        file.write_text(CHANNEL.replace("OUTBOUND", AWAY).replace("lab", "laboratory"))
        assert await engine.reload() == []
        assert "1 messages wait in adt/lab" in caplog.text
        caplog.clear()
        file.write_text(CHANNEL.replace("OUTBOUND", BACK))
        await engine.reload()
        assert "wait in" not in caplog.text
        async with asyncio.timeout(20):
            while not (tmp_path / "out" / "C1.hl7").exists():  # noqa: ASYNC110 - until it is delivered
                await asyncio.sleep(0.02)
    finally:
        await engine.stop()
