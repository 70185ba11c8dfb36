"""Garbage, half frames, dawdlers and connections by the thousand: the engine stays up and stays small."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from tests.channels.mllp import connected
from tests.e2e.harness import Places, Stage, stage
from tests.e2e.load import END, START, Sent

_GROWTH = 25.0  # MB


def garbage(chance: random.Random) -> bytes:
    """Bytes that are mostly no message: noise, broken frames, headers cut or bent, separators everywhere."""
    noise = chance.randbytes(chance.randrange(1, 3000))
    body = bytearray(Sent(chance.randrange(90), chance.randrange(1000)).body)
    for _ in range(chance.randrange(40)):
        body[chance.randrange(len(body))] = chance.choice(b"|^~\\&\r\n\x00\x0b\x1c\xffMSH")
    return chance.choice(
        [
            noise,
            START + noise,
            START + noise + END,
            START + bytes(body) + END,
            START + bytes(body)[: chance.randrange(len(body))] + END,
            START * 50 + END * 50,
            noise.replace(b"\r", b"\x1c\r").replace(b"\n", START),
            START + b"MSH" + noise + END,
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise,
        ]
    )


async def throw(on: Stage, gate: asyncio.Semaphore) -> None:
    """Throw garbage down one connection and go away, politely or not."""
    async with gate, asyncio.timeout(20):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", on.site.inbound)
            for _ in range(on.chance.randrange(1, 5)):
                writer.write(garbage(on.chance))
                await writer.drain()
            if on.chance.random() < 0.5:
                writer.write_eof()
                await reader.read()
            writer.transport.abort() if on.chance.random() < 0.5 else writer.close()
        except ConnectionError:
            pass  # it may well hang up on us


async def open_and_close(on: Stage, count: int) -> None:
    """`count` connections open at the same time, then all closed; none sends anything."""
    opened = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", on.site.inbound) for _ in range(count)), return_exceptions=True
    )
    for each in opened:
        if not isinstance(each, BaseException):
            each[1].transport.abort()


async def good_message(on: Stage, number: int) -> None:
    async with connected(on.site.inbound) as sender:
        assert f"\rMSA|AA|{Sent(99, number).control_id}".encode() in await sender.ask(Sent(99, number).body)


async def test_garbage_dawdlers_and_a_thousand_connections(tmp_path: Path, embedded: Places) -> None:
    async with stage(tmp_path, embedded) as on:
        engine = on.engine()
        await engine.start()
        gate = asyncio.Semaphore(50)
        sizes = []
        dawdlers = [await asyncio.open_connection("127.0.0.1", on.site.inbound) for _ in range(200)]
        for number, (_, writer) in enumerate(dawdlers):
            writer.write(START + Sent(50, 1).body[: number * 2])
        for round_ in range(1, 5):
            await asyncio.gather(*(throw(on, gate) for _ in range(150)))
            for _, writer in dawdlers:
                writer.write(b"|")
            for _ in range(2):
                await open_and_close(on, 500)
            await good_message(on, round_)
            sizes.append(engine.memory())
        for _, writer in dawdlers:
            writer.close()
        async with connected(on.site.inbound) as sender:
            sender.write(START + b"MSH|^~\\&|" + bytes(20 << 20) + END)
            answer = await sender.answer()
            assert b"\rMSA|AR|" in answer, "a message beyond the limit"
        await good_message(on, 9)
        await on.practice.until(lambda: {Sent(99, n).control_id for n in (1, 2, 3, 4, 9)} <= on.practice.bodies.keys())
        health = await engine.health()
        assert health is not None
        assert health["status"] == "well"
        assert "Traceback" not in engine.log.read_text(errors="replace"), engine.tail()
        on.tell("hostile bytes", memory=[round(size) for size in sizes])
        assert sizes[-1] - sizes[0] < _GROWTH, f"memory grew: {sizes} MB"
