"""Tickets a second from put to handle, on each backbone: `python -m bench.backbone_speed [embedded|AMQP-URL ...]`.

Put and handle run in one process and one event loop, so a figure is what both cost together. RabbitMQ's quorum queues
confirm what is on the disk; `in batches of 1` is the load of a quiet engine, `of 50` of one that is busy.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import uvloop

from engine.backbone import Backbone, backbone_at

TICKETS = 200_000
WINDOW = 5_000  # put and not yet handled


async def flow(backbone: Backbone, queue: str, tickets: int, batch: int) -> float:
    """Seconds until `tickets`, put `batch` at a time, have all been handled."""
    handled = 0
    room = asyncio.Event()
    done = asyncio.Event()

    async def handle(batch: list[str]) -> None:
        nonlocal handled
        handled += len(batch)
        room.set()
        if handled >= tickets:
            done.set()

    subscription = backbone.consume(queue, handle, prefetch=500)
    start = time.perf_counter()
    for first in range(0, tickets, batch):
        while first - handled > WINDOW:
            room.clear()
            await room.wait()
        backbone.put(queue, [f"{number}:0190a1b2c3d4e5f60718293a4b5c6d7e" for number in range(first, first + batch)])
        await asyncio.sleep(0)
    await asyncio.wait_for(done.wait(), 60)
    seconds = time.perf_counter() - start
    await subscription.cancel()
    return seconds


async def answer_times(backbone: Backbone, queue: str, rounds: int = 500) -> list[float]:
    """Seconds from put to handle of single tickets on an otherwise idle backbone, sorted."""
    times: list[float] = []
    handled = asyncio.Event()

    async def handle(_batch: list[str]) -> None:
        handled.set()

    subscription = backbone.consume(queue, handle, prefetch=500)
    for number in range(rounds + 20):
        handled.clear()
        start = time.perf_counter()
        backbone.put(queue, [f"{number}:0190a1b2c3d4e5f60718293a4b5c6d7e"])
        await asyncio.wait_for(handled.wait(), 60)
        if number >= 20:
            times.append(time.perf_counter() - start)
    await subscription.cancel()
    return sorted(times)


async def measure(address: str) -> None:
    """Print the figures of one backbone."""
    backbone = backbone_at(address, site=f"bench-{os.getpid()}")
    name = address.partition(":")[0]
    await backbone.open()
    if not backbone.up:
        sys.exit(f"{name}: no answer; `python -m tests.services start` starts a broker and prints its URL")
    for batch in (1, 50):
        seconds = await flow(backbone, f"speed-{batch}", TICKETS, batch)
        print(f"{name:10} in batches of {batch:3}: {TICKETS / seconds:10,.0f} tickets/s")
    times = await answer_times(backbone, "answer")
    print(f"{name:10} one at a time: {1000 * times[len(times) // 2]:.2f} ms median, {1000 * times[-5]:.2f} ms p99")
    await backbone.close()


async def main(addresses: list[str]) -> None:
    """Measure each address in turn."""
    for address in addresses:
        await measure(address)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:] or ["embedded"]))
