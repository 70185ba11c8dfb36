"""A day of ADT messages through matching and out: `python -m bench.notifications_day [MESSAGES [MEMBERS]]`.

Made-up visits at sixteen hospitals (bench/day/visits.py) are sent over MLLP to an engine of its own process, on the
embedded default, whose panels hold the members of a payer and of two practices. What the subscribers hear is compared
with what they must hear by what really happened (bench/day/oracle.py). Exit status 1 where something differs.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import uvloop

from bench.day.compare import Compared, compare
from bench.day.oracle import expected
from bench.day.partners import Hospitals, Subscribers
from bench.day.people import region, write_rosters
from bench.day.site import DOUBTFUL, channel, write_subscribers
from bench.day.visits import FACILITIES, Sent, visits
from engine.bench.process import connect, cpu, memory, running
from engine.ports import free_ports

GOAL = 1_500
"""Messages a second."""

_MESSAGES, _MEMBERS = 500_000, 1_000_000
_A_VISIT = 4  # messages of a visit, less than there are on average
_QUEUES = ("day", "day/payer", "day/fhir", "day/folder")
_OPEN = "SELECT count(*) FROM messages WHERE open AND queue = ?"
_LEFT = """\
SELECT child.attributes ->> '$."match.panel"', parent.control_id
FROM messages child JOIN messages parent ON parent.id = child.parent WHERE child.queue = ?"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: seconds, messages a second, microseconds a message, MB."""

    messages: int
    triggers: Counter[str]
    members: int
    loading: float
    acknowledged: float
    delivered: float
    processor: float
    median: float
    p99: float
    refused: int
    memory: list[float]
    most: float
    backlog: int
    notices: int
    left: int
    failed: int
    compared: Compared

    @property
    def is_right(self) -> bool:
        """Whether every subscriber heard what it must hear, once, and nothing else."""
        return not self.compared.differences and not self.refused and not self.failed


def measure(messages: int, members: int, seed: int = 11) -> Figures:
    """Make a day of that size up, and run it."""
    with tempfile.TemporaryDirectory(prefix="hie-day-") as folder:
        return uvloop.run(_measure(messages, members, Random(seed), Path(folder)))


def make_day(messages: int, members: int, random: Random, site: Path) -> tuple[list[Sent], int]:
    """The messages, visit by visit, and the size of the panels, whose files are written."""
    people = region(members, messages // _A_VISIT, len(FACILITIES), random)
    size = write_rosters(people, tuple(facility.oid for facility in FACILITIES), site)
    day: list[Sent] = []
    for made in visits(iter(people.patients), random):
        day += made
        if len(day) >= messages:
            break
    return day, size


def write_feeds(day: list[Sent], folder: Path) -> list[Path]:
    """What each hospital sends, in the order of the day."""
    feeds = []
    for number, facility in enumerate(FACILITIES):
        own = sorted((sent for sent in day if sent.facility == number), key=lambda sent: sent.at)
        if own:
            feeds.append(folder / f"{facility.name}.er7")
            feeds[-1].write_bytes(b"".join(sent.body for sent in own))
    return feeds


async def _measure(messages: int, members: int, random: Random, folder: Path) -> Figures:
    site = folder / "site"
    site.mkdir()
    # Of a million people nothing is garbage: to look for it would take longer than to make them up.
    gc.disable()
    day, size = make_day(messages, members, random, site)
    feeds = write_feeds(day, folder)
    truth = expected(day)
    count = len(day)
    triggers = Counter(sent.body[sent.body.index(b"ADT^") + 4 :][:3].decode() for sent in day)
    del day
    gc.enable()
    gc.collect()
    gc.freeze()
    subscribers = Subscribers()
    payer, practice = await subscribers.listen()
    write_subscribers(site, payer, practice)
    (port,) = free_ports(1)
    own = {"day": channel(port)}
    env = dict(os.environ)
    hospitals = Hospitals(port, feeds)
    try:
        began = time.perf_counter()
        async with running(site, own, "", "embedded", env) as engine:
            _, writer = await connect(port, engine, began, patience=60 + members / 1_000)
            loading = time.perf_counter() - began
            writer.close()
        # The engine of the day is another one, whose memory is that of the day alone.
        async with running(site, own, "", "embedded", env) as engine:
            _, writer = await connect(port, engine, time.perf_counter(), patience=60 + members / 1_000)
            writer.close()
            before = cpu(engine.pid)
            watch = asyncio.create_task(_watch(engine.pid, hospitals, count))
            await hospitals.send()
            memories = await watch
            journal = site / "journal.db"
            backlog = await asyncio.to_thread(_open_deliveries, journal)
            while await asyncio.to_thread(_open_deliveries, journal):  # noqa: ASYNC110 - the engine is another process
                await asyncio.sleep(0.1)
            ended = time.perf_counter()
            used = cpu(engine.pid) - before
            most = memory(engine.pid)
        subscribers.read_files(site / "var" / "out")
        notices, left, failed = _journaled(journal)
    finally:
        subscribers.close()
    centiles = statistics.quantiles(hospitals.latencies, n=100)
    return Figures(
        messages=count,
        triggers=triggers,
        members=size,
        loading=loading,
        acknowledged=count / (hospitals.ended - hospitals.started),
        delivered=count / (ended - hospitals.started),
        processor=used / count * 1e6,
        median=centiles[49] * 1e3,
        p99=centiles[98] * 1e3,
        refused=hospitals.refused + count - hospitals.answered,
        memory=memories,
        most=most,
        backlog=backlog,
        notices=notices,
        left=len(left),
        failed=failed,
        compared=compare(truth, subscribers, left),
    )


async def _watch(pid: int, hospitals: Hospitals, messages: int) -> list[float]:
    """The engine's memory after each quarter of the messages."""
    found: list[float] = []
    for quarter in (1, 2, 3, 4):
        while hospitals.answered < messages * quarter // 4 and not hospitals.ended:  # noqa: ASYNC110 - it is looked at
            await asyncio.sleep(0.05)
        found.append(memory(pid, "VmRSS"))
    return found


def _open_deliveries(journal: Path) -> int:
    """How many deliveries, and messages to be routed, are open besides what is left to a person."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as connection:
        return sum(
            connection.execute(_OPEN, (f"day{way}",)).fetchone()[0] for way in ("", "/payer", "/fhir", "/folder")
        )


def _journaled(journal: Path) -> tuple[int, set[tuple[str, str]], int]:
    """How many notices the journal has, what is left to a person, and how many messages or deliveries failed."""
    with sqlite3.connect(f"file:{journal}?mode=ro", uri=True) as connection:
        notices = connection.execute("SELECT count(*) FROM notices").fetchone()[0]
        left = {(panel, control_id) for panel, control_id in connection.execute(_LEFT, (DOUBTFUL,))}
        query = "SELECT count(*) FROM messages WHERE status IN ('failed', 'refused')"
        return notices, left, connection.execute(query).fetchone()[0]


def show(found: Figures) -> None:
    """Print the figures."""
    kinds = ", ".join(f"{name} {100 * count / found.messages:.1f} %" for name, count in found.triggers.most_common())
    print(f"{found.messages:,} messages ({kinds})")
    print(f"{found.members:,} members of three panels, loaded in {found.loading:.0f} s with the start")
    print(f"acknowledged {found.acknowledged:,.0f} a second, delivered {found.delivered:,.0f}")
    print(f"goal {GOAL:,}: {found.delivered / GOAL:.2f} of it; {found.processor:.0f} µs of the engine's processor time")
    print(f"ACK after {found.median:.1f} ms at the median, p99 {found.p99:.1f}; {found.backlog} open at the last ACK")
    quarters = ", ".join(f"{each:.0f}" for each in found.memory)
    print(f"memory after each quarter {quarters} MB, {found.most:.0f} at its highest")
    compared = found.compared
    print(f"{compared.heard:,} notices heard, {compared.expected:,} must be; the journal has {found.notices:,}")
    print(f"{found.left:,} messages left to a person")
    print(f"differences: {sum(compared.differences.values())}; {found.refused} refused, {found.failed} failed")
    for what, count in compared.differences.most_common(40):
        print(f"    {count:6} {what}")
    print("registered with slips, notices by what came of them:")
    for what, count in compared.doubtful.most_common():
        print(f"    {count:6} {what}")


def main(arguments: list[str]) -> int:
    """Run the day; 1 where something differs."""
    messages = int(arguments[0]) if arguments else _MESSAGES
    members = int(arguments[1]) if len(arguments) > 1 else _MEMBERS
    found = measure(messages, members)
    show(found)
    return 0 if found.is_right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
