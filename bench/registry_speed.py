"""A panel of a million members: how long it takes to load, how long a look-up, and how well it matches:
`python -m bench.registry_speed [MEMBERS]`.

The members are made up (tests/transforms/matching/people.py). A sample of them is recorded anew, each with up to two
slips, and looked up as the steps do it: what might be this person by the database, then the decision. Others are asked
about who are no members.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from engine.journal import Journal
from engine.registry.reads import DatabaseRegistry
from engine.registry.roster_load import RosterLoading
from engine.registry.rosters import Member
from tests.transforms.matching.people import Human, population, recorded, twins
from transforms.matching import Model, Person, Verdict, decide

ASKED = 5_000
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def enrolled(people: list[Human]) -> Iterator[Member]:
    """The roster of `people`."""
    for human in people:
        yield Member(str(human.number), human.person(), None, None)


async def load(journal: Journal, people: list[Human]) -> tuple[float, float]:
    """Seconds that the whole roster took, and those of its longest transaction."""
    work = RosterLoading("panel/bench", "1", enrolled(people), NOW)
    start, longest = time.perf_counter(), 0.0
    for step in work.steps():
        before = time.perf_counter()
        await journal.change(step)
        longest = max(longest, time.perf_counter() - before)
    return time.perf_counter() - start, longest


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
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(f"sqlite:///{folder}/journal.db")
        await journal.open()
        seconds, longest = await load(journal, members)
        megabytes = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6  # noqa: ASYNC240
        rate = size / seconds
        print(f"{size:,} loaded in {seconds:.0f} s ({rate:,.0f} a second), {megabytes:,.0f} MB", flush=True)
        print(f"the longest transaction, for which a sender waits: {longest * 1_000:.0f} ms", flush=True)
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
