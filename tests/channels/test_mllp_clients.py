"""MLLP ends against other people's software: python-hl7, Node's simple-hl7 and node-hl7-client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hl7.client import MLLPClient

from channels.ends import OutcomeCode
from channels.mllp import MllpInbound, MllpOutbound
from schemas.message import HL7V2, Message
from schemas.values import Address
from tests.channels.desk import NOW, Desk, adt
from tests.channels.mllp import field
from tests.channels.node import node


@asynccontextmanager
async def listening(desk: Desk) -> AsyncIterator[int]:
    end = MllpInbound(desk.context(Path()), listen=Address("127.0.0.1", 0))
    async with desk.serving(end):
        yield end.port


async def test_python_hl7_sends() -> None:
    def send(port: int) -> list[bytes]:
        with MLLPClient("127.0.0.1", port) as client:
            return [client.send_message(adt(number)) for number in range(1, 4)]

    desk = Desk()
    async with listening(desk) as port:
        answers = await asyncio.to_thread(send, port)
    assert [field(answer.strip(b"\x0b"), b"MSA", 1) for answer in answers] == ["AA"] * 3
    assert [field(answer, b"MSA", 2) for answer in answers] == ["MSG00001", "MSG00002", "MSG00003"]
    assert [m.body for m in desk.messages] == [adt(1), adt(2), adt(3)]


@pytest.mark.parametrize("script", ["simple_hl7_send.js", "node_hl7_client_send.js"])
async def test_node_clients_send(node_clients: Path, script: str, tmp_path: Path) -> None:
    sample = tmp_path / "adt.hl7"
    sample.write_bytes(adt(1))
    desk = Desk()
    async with listening(desk) as port, node(node_clients / script, str(port), str(sample), "5") as output:
        async with asyncio.timeout(20):
            printed = (await output.read()).decode().splitlines()
    assert printed == [f"AA C{number}" for number in range(1, 6)]
    assert [m.get("MSH-10") for m in desk.messages] == [f"C{number}" for number in range(1, 6)]
    assert {m.get("PID-3.1") for m in desk.messages} == {"4711"}


async def test_simple_hl7_receives(node_clients: Path) -> None:
    async with node(node_clients / "simple_hl7_receive.js") as output, asyncio.timeout(20):
        port = int(await output.readline())
        end = MllpOutbound(Desk().context(Path()), connect=f"127.0.0.1:{port}")
        outcomes = [await end.deliver(Message(f"{n:032x}", "c", HL7V2, adt(n), NOW)) for n in range(1, 6)]
        received = [(await output.readline()).decode().strip() for _ in range(5)]
        await end.close()
    assert [o.code for o in outcomes] == [OutcomeCode.DELIVERED] * 5
    assert received == [f"MSG{n:05d} ADT^A01" for n in range(1, 6)]
