"""What the MLLP ends cost by themselves: a client in another process, an engine that accepts at once.

    python -m bench.mllp_speed [in|out|codec] [--connections 32] [--messages 50000]

`in` prints the CPU microseconds of the inbound end for each message (framing, Message, task, ACK, sockets); `out` those
of the outbound end (framing, sockets, matching the ACK).
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from timeit import timeit
from typing import Any

import uvloop

from channels.ends import EndContext, Outcome, OutcomeCode, Receipt, ReceiptCode
from channels.mllp.answer import Answers
from channels.mllp.framing import FrameReader, frame
from channels.mllp.inbound import MllpInbound
from channels.mllp.outbound import MllpOutbound
from schemas.ids import new_id, utc_now
from schemas.message import HL7V2, Message
from schemas.values import Address

ACCEPTED = Receipt(ReceiptCode.ACCEPTED)


def sample(number: int = 1) -> bytes:
    """A synthetic ADT^A01 of about 1.1 KB."""
    lines = [
        f"MSH|^~\\&|ADT1|STANNE|HIE|HUB|20250301120000||ADT^A01^ADT_A01|MSG{number:08d}|P|2.5.1",
        "EVN|A01|20250301120000|||CLERK^Carla",
        "PID|1||4711^^^STANNE^MR||Testperson^Tilda^T||19700101|F|||1 Sample Street^^Sampleton^NY^10001^USA||5550100",
        "PV1|1|I|W1^101^1^STANNE||||1234^Example^Edgar^^^Dr|||MED|||||||1234^Example^Edgar|IN|V100|||||||||||||||||||||STANNE",
    ]
    lines += [f"OBX|{n}|ST|{8000 + n}-1^Observation {n}^LN||synthetic value {n}|unit|0-10|N|||F" for n in range(1, 11)]
    return ("\r".join(lines) + "\r").encode()


def send_all(port: int, connections: int, messages: int) -> None:
    """A plain client: each connection sends the next message after its ACK."""

    class Sender(asyncio.Protocol):
        def __init__(self, share: int, done: Callable[[], None]) -> None:
            self.left, self.done, self.data = share, done, frame(sample())

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            transport.write(self.data)

        def data_received(self, data: bytes) -> None:
            assert data.endswith(b"\x1c\r"), data
            self.left -= 1
            if self.left:
                self.transport.write(self.data)
            else:
                self.transport.close()
                self.done()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        waiting = [loop.create_future() for _ in range(connections)]
        share = messages // connections
        for future in waiting:
            await loop.create_connection(lambda f=future: Sender(share, lambda: f.set_result(None)), "127.0.0.1", port)
        await asyncio.gather(*waiting)

    uvloop.run(run())


def acknowledge_all(listening: socket.socket) -> None:
    """A plain receiver: AA to every frame."""

    class Receiver(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.reader = transport, FrameReader(1 << 20)

        def data_received(self, data: bytes) -> None:
            for body in self.reader.feed(data):
                assert isinstance(body, bytes)
                control_id = body.split(b"|", 10)[9]
                self.transport.write(b"\x0bMSH|^~\\&|A|B|C|D|2025||ACK|1|P|2.5.1\rMSA|AA|%b\r\x1c\r" % control_id)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Receiver, sock=listening)
        await server.serve_forever()

    uvloop.run(run())


def context() -> EndContext:
    return EndContext("bench", Path(), utc_now, lambda: new_id(utc_now()), print)


async def accept(message: Message) -> Receipt:
    return ACCEPTED


async def inbound(connections: int, messages: int) -> None:
    end = MllpInbound(context(), listen=Address("127.0.0.1", 0))
    ready = asyncio.Event()
    serving = asyncio.create_task(end.serve(accept, ready.set))
    await ready.wait()
    client = multiprocessing.Process(target=send_all, args=(end.port, connections, messages))
    client.start()
    await measured("in", messages, asyncio.to_thread(client.join))
    serving.cancel()


async def outbound(connections: int, messages: int) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    partner = multiprocessing.Process(target=acknowledge_all, args=(listening,), daemon=True)
    partner.start()
    end = MllpOutbound(context(), connect=f"127.0.0.1:{listening.getsockname()[1]}")
    bodies = [Message(f"{n:032x}", "bench", HL7V2, sample(n), datetime.now(UTC)) for n in range(messages)]
    queue = iter(bodies)

    async def worker() -> None:
        for message in queue:
            outcome: Outcome = await end.deliver(message)
            assert outcome.code is OutcomeCode.DELIVERED, outcome

    async def workers() -> None:
        await asyncio.gather(*(worker() for _ in range(connections)))

    await measured("out", messages, workers())
    await end.close()
    partner.terminate()


async def measured(name: str, messages: int, work: Coroutine[Any, Any, None]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    await work
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{name:<6} {messages / wall:>9,.0f} messages/s  {cpu / messages * 1e6:>6.1f} us CPU a message")


def codec() -> None:
    body, now = sample(), datetime.now(UTC)
    framed, reader, answers = frame(body), FrameReader(1 << 20), Answers("auto")
    print(f"sample {len(body)} bytes")
    for name, work in {
        "read a frame": lambda: reader.feed(framed),
        "write a frame": lambda: frame(body),
        "make an ACK": lambda: answers.to(body, ACCEPTED, "0" * 20, now),
    }.items():
        print(f"{name:<14} {timeit(work, number=20_000) / 20_000 * 1e6:>6.2f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=["in", "out", "codec"])
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--messages", type=int, default=50_000)
    options = parser.parse_args()
    if options.what in ("codec", None):
        codec()
    if options.what in ("in", None):
        uvloop.run(inbound(options.connections, options.messages))
    if options.what in ("out", None):
        uvloop.run(outbound(options.connections, options.messages))


if __name__ == "__main__":
    main()
