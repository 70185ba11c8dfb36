"""A panel of a million members: how long it takes to load, how long a look-up, and how well it matches:
`python -m bench.registry_speed [MEMBERS]`.

The members are made up (tests/transforms/matching/people.py). A sample of them is recorded anew, each with up to two
slips, and looked up as the steps do it: what might be this person by the database, then the decision. Others are asked
about who are no members.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random

from engine.journal import Entry, Journal, Status
from engine.registry.loader import load
from engine.registry.reads import DatabaseRegistry
from engine.registry.roster_load import RosterLoading
from engine.registry.rosters import Member
from schemas.message import HL7V2, Message
from tests.transforms.matching.people import Human, population, recorded, twins
from transforms.matching import Model, Person, Verdict, decide

ASKED = 5_000
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def enrolled(people: list[Human]) -> Iterator[Member]:
    """The roster of `people`."""
    for human in people:
        yield Member(str(human.number), human.person(), None, None)


async def enrol(journal: Journal, people: list[Human]) -> tuple[float, float, list[float]]:
    """Seconds that the whole roster took, those of its longest transaction, and how long each sender waited."""
    work = RosterLoading("panel/bench", lambda: "1", enrolled(people), NOW)
    start = time.perf_counter()
    held: list[float] = []
    waits: list[float] = []
    sending = asyncio.create_task(send(journal, waits))

    def told(seconds: float) -> bool:
        held.append(seconds)
        return True

    await load(journal, work, told)
    sending.cancel()
    return time.perf_counter() - start, max(held), waits


async def send(journal: Journal, waits: list[float]) -> None:
    """Have a message journaled every few milliseconds, as a sender waits for it; note how many seconds that took."""
    for number in count():
        message = Message(f"{number:032x}", "bench", HL7V2, b"MSH|", NOW)
        before = time.perf_counter()
        await journal.append([Entry(message, "bench", Status.ROUTED, False, settled=NOW)])
        waits.append(time.perf_counter() - before)
        await asyncio.sleep(0.01)


def ask(registry: DatabaseRegistry, persons: list[tuple[str, Person]]) -> tuple[list[float], Counter[str]]:
    """Milliseconds for each of `persons` (with whom it is, "" for nobody), and how often which answer was right."""
    took, answers = [], Counter[str]()
    for member, person in persons:
        before = time.perf_counter()
        found = registry.members(person, NOW.date())
        decision = decide(person, [(each.member, each.person) for each in found], Model())
        took.append((time.perf_counter() - before) * 1_000)
        if decision.verdict is Verdict.MATCH:
            answers["right" if decision.member == member else "somebody else"] += 1
        else:
            answers[decision.verdict.value] += 1
    return took, answers


def show(what: str, took: list[float], answers: Counter[str]) -> None:
    """Print one line of figures."""
    centiles = statistics.quantiles(took, n=1000)
    counts = ", ".join(f"{name} {100 * number / len(took):.2f} %" for name, number in sorted(answers.items()))
    print(f"{what:24} median {centiles[499]:.2f} ms, p99 {centiles[989]:.2f}, p99.9 {centiles[998]:.2f}; {counts}")


async def measure(size: int) -> None:
    """Load, ask, print."""
    random = Random(7)
    people = population(size + ASKED, random)
    members, strangers = people[:size], people[size:]
    gc.collect()
    gc.freeze()  # as the engine does: a collection that walks through a million people would be timed instead
    gc.set_threshold(20_000, 20, 20)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(f"sqlite:///{folder}/journal.db")
        await journal.open()
        seconds, longest, waits = await enrol(journal, members)
        megabytes = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6  # noqa: ASYNC240
        rate = size / seconds
        print(f"{size:,} loaded in {seconds:.0f} s ({rate:,.0f} a second), {megabytes:,.0f} MB", flush=True)
        centiles = statistics.quantiles(waits, n=1000)
        print(
            f"the longest transaction: {longest * 1_000:.0f} ms; a sender waited {centiles[499] * 1_000:.1f} ms at the "
            f"median, p99 {centiles[989] * 1_000:.0f}, {max(waits) * 1_000:.0f} at most of {len(waits):,} times",
            flush=True,
        )
        registry = DatabaseRegistry(journal.reading)
        sample = random.sample(members, min(ASKED, size))
        show("members, with slips", *ask(registry, [(str(h.number), recorded(h, random).person()) for h in sample]))
        show("members, as enrolled", *ask(registry, [(str(h.number), h.person()) for h in sample]))
        show("strangers", *ask(registry, [("", human.person()) for human in strangers]))
        pairs = twins(members)
        wrong = [decide(one.person(), [(str(two.number), two.person())], Model()) for one, two in pairs]
        matched = sum(each.verdict is Verdict.MATCH for each in wrong)
        print(f"twins: {matched} of {len(pairs):,} pairs taken for one")
        await journal.close()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
