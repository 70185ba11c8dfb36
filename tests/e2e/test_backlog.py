"""A backlog for a partner who is away: acceptance, memory, what is due and search do not feel how long it is."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from engine.journal import Entry, Journal, Keys, Status
from engine.journal.search import Search, search
from schemas.ids import derived_id, new_id, utc_now
from schemas.message import HL7V2, Message
from tests.e2e.harness import Places, stage
from tests.e2e.load import Sent

_AT_ONCE = 500
_SENDERS = 40
"""Connections, from number 50, that the backlog came from; with their patients they make 200 orders."""
_QUICK = 0.050  # seconds


def backlog(count: int) -> list[Sent]:
    """`count` messages as `_SENDERS` connections would have sent them in turn."""
    return [Sent(50 + number % _SENDERS, 1 + number // _SENDERS) for number in range(count)]


async def fill(url: str, count: int) -> float:
    """Journal `count` messages that are routed and wait for the practice; the seconds that this took."""
    journal = Journal(url)
    await journal.open(exclusive=True)
    began = time.monotonic()
    sent = backlog(count)
    for start in range(0, count, _AT_ONCE * 4):
        await asyncio.gather(
            *(
                journal.append([entry for each in sent[at : at + _AT_ONCE] for entry in entries(each)])
                for at in range(start, min(start + _AT_ONCE * 4, count), _AT_ONCE)
            )
        )
    taken = time.monotonic() - began
    await journal.close()
    return taken


def entries(sent: Sent) -> tuple[Entry, Entry]:
    """The rows of a message that was received and routed to the practice."""
    now = utc_now()
    root = Message(new_id(now), "adt", HL7V2, sent.body, now)
    child = Message(derived_id(root.id, "practice/0"), "adt", HL7V2, sent.body, now, root.id)
    keys = Keys("ADT^A08", sent.control_id, sent.patients[0])
    return (
        Entry(root, "adt", Status.ROUTED, False, keys, settled=now),
        Entry(child, "adt/practice", Status.QUEUED, True, order_keys=sent.patients, body_of=root.id),
    )


async def timed(ask: Callable[[], Awaitable[object]], times: int = 9) -> tuple[float, float]:
    """The median and the worst time of asking, in seconds, after a first time that does not count."""
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - began)
    return statistics.median(took[1:]), max(took[1:])


async def questions(url: str, sent: Sent) -> dict[str, tuple[float, float]]:
    """How long what is due and an operator's questions take, asked beside the engine."""
    journal = Journal(url)
    await journal.open()
    queues = ["adt", "adt/practice", "adt/ward"]
    wanted = {
        "by control id": Search(control_id=sent.control_id),
        "by patient": Search(patient_id=sent.patients[0]),
        "failed": Search(status=Status.FAILED),
        "waiting on a route": Search(route="adt/practice", status=Status.QUEUED),
        "newest": Search(),
    }
    took = {"due": await timed(lambda: journal.due(queues, utc_now(), 500))}
    for name, each in wanted.items():
        took[name] = await timed(lambda each=each: search(journal, each))  # type: ignore[misc]
    await journal.close()
    return took


async def accept_before(folder: Path, places: Places, count: int, more: int) -> None:
    """With a backlog of `count` accept `more`, look at speed and memory, then let the practice come back."""
    filled = await fill(places.journal, count)
    async with stage(folder, places, connections=8) as on:
        await on.practice.stop()
        engine = on.engine()
        await engine.start()
        tenth = more // 10
        rates, costs, sizes = [], [], []
        async with on.load.running(120):
            await on.load.more(tenth)  # the engine warms up, and reads as much of the backlog as it will
            for _ in range(10):
                began, cost = time.monotonic(), engine.cpu()
                await on.load.more(tenth, 120)
                rates.append(tenth / (time.monotonic() - began))
                costs.append((engine.cpu() - cost) / tenth * 1e6)
                sizes.append(engine.memory())
            took = await questions(places.journal, Sent(50, 1))
        on.tell(
            "backlog",
            of=f"{count} filled in {filled:.1f} s",
            accepted=f"{rates[0]:.0f}/s in the first tenth and {rates[-1]:.0f}/s in the last",
            cost=f"{costs[0]:.0f} and {costs[-1]:.0f} µs of CPU a message",
            memory=f"{sizes[0]:.0f} and {sizes[-1]:.0f} MB",
            questions="; ".join(
                f"{name} {middle * 1e3:.1f} (worst {worst * 1e3:.1f}) ms" for name, (middle, worst) in took.items()
            ),
        )
        # What a message costs the engine says more than messages a second do on a machine that others use as well.
        assert statistics.median(costs[-3:]) < statistics.median(costs[:3]) * 1.5, f"dearer and dearer: {costs} µs"
        assert sizes[-1] - sizes[0] < 30, f"memory grows with what is accepted: {sizes} MB"
        assert sizes[-1] < 200
        slow = {name: middle for name, (middle, _) in took.items() if middle > _QUICK}
        assert not slow, f"medians beyond {_QUICK} s: {slow}"

        await on.practice.start()
        wanted = count // 20
        began = time.monotonic()
        await on.practice.more(wanted, 120)
        print(f"delivered {wanted / (time.monotonic() - began):.0f}/s, {engine.memory():.0f} MB")
        last: dict[str, int] = {}
        for sent in map(Sent.of, on.practice.taken):
            assert all(sent.number > last.get(key, 0) for key in sent.patients), f"{sent.control_id} came out of order"
            last.update(dict.fromkeys(sent.patients, sent.number))
        assert not on.practice.repeats
        assert engine.memory() < 200


async def test_backlog(tmp_path: Path, embedded: Places) -> None:
    await accept_before(tmp_path, embedded, 50_000, 1_500)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_backlog_of_a_million(tmp_path: Path, places: Places) -> None:
    await accept_before(tmp_path, places, 1_000_000, 50_000)
