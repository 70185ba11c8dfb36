"""MLLP in, given any bytes at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from channels.mllp import MllpInbound
from channels.mllp.answer import Answers, Mode
from channels.mllp.connection import Connection
from channels.mllp.framing import FrameReader, Junk, Oversized, Unfinished
from channels.mllp.inbound import Reception
from schemas.values import Address
from tests.channels.desk import ACCEPTED, NOW, Desk, adt
from tests.channels.mllp import Transport, framed

TOKENS = st.sampled_from(
    [
        b"\x0b",
        b"\x1c\r",
        b"\x1c",
        b"\r",
        b"MSH|",
        b"^~\\&|",
        b"|",
        b"M\0S\0H\0|\0",
        b"A01",
        b"\\",
        b"\xff\xfe",
        b"x" * 300,
    ]
) | st.sampled_from([framed(adt(1)), framed(adt(2).replace(b"|", b"|||||")), framed(adt(3)[:40])])


@given(
    st.lists(TOKENS | st.binary(max_size=8), max_size=40), st.sampled_from(["auto", "original", "enhanced", "always"])
)
@settings(max_examples=100, deadline=None)
def test_no_bytes_bring_a_connection_out_of_step(parts: list[bytes], mode: Mode) -> None:
    """Every frame is answered, in order, whatever it holds."""

    async def run() -> None:
        desk = Desk()
        end = MllpInbound(
            desk.context(Path()), listen=Address("127.0.0.1", 0), limit=1000, pipeline=3, acknowledge=mode
        )
        connection = Connection(Reception(end, desk.accept, asyncio.get_running_loop()))
        transport = Transport()
        connection.connection_made(transport)
        for part in parts:
            connection.data_received(part)
            await asyncio.sleep(0)
        connection.eof_received()
        await asyncio.wait_for(transport.closed.wait(), 10)
        events = FrameReader(1000)
        seen = [
            event
            for event in [*events.feed(b"".join(parts)), *events.close()]
            if not isinstance(event, Junk | Unfinished)
        ]
        answered = [Answers(mode).to(each.body, ACCEPTED, each.id[-20:], NOW) for each in desk.messages]
        assert [m.body for m in desk.messages] == [event for event in seen if isinstance(event, bytes)]
        if not any(isinstance(event, Oversized) for event in seen):
            assert transport.written == b"".join(answered)
        connection.connection_lost(None)

    asyncio.run(run())
