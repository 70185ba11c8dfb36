"""The command line of the figures: which are wanted, of which inputs, in how many processes, and how they are shown."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.corpus.figures import Figure, table

G = TypeVar("G")
E = TypeVar("E")


def options_of(prog: str, description: str, measures: Sequence[str], arguments: list[str] | None) -> argparse.Namespace:
    """What a command line asks for: `only` of `measures`, `source`, `json`, `all`, `samples`, `processes`."""
    parser = argparse.ArgumentParser(prog=prog, description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", nargs="+", choices=measures, default=list(measures), metavar="MEASURE")
    parser.add_argument("--source", default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--processes", type=int, default=min(4, os.cpu_count() or 1))
    return parser.parse_args(arguments)


def shown(
    options: argparse.Namespace,
    inputs: Sequence[G],
    what: str,
    corpus: Path,
    measured: Callable[[], list[Figure]],
) -> int:
    """Print the figures that `measured` gives of `inputs`, of which `what` is the plural; the exit status."""
    if not inputs:
        print(f"no {what} at {corpus}; HIE_CORPUS names the corpus's folder", file=sys.stderr)
        return 2
    start = time.monotonic()
    figures = measured()
    seconds = time.monotonic() - start
    failed = [each for each in figures if not each.holds]
    if options.json:
        print(json.dumps({"seconds": round(seconds, 1), "figures": [each.as_json() for each in figures]}, indent=1))
    else:
        print(table(figures, 1_000_000 if options.all else 40))
        print(f"{len(figures)} figures of {len(inputs):,} {what} in {seconds:.0f} s; {len(failed)} out of bounds")
    return 1 if failed else 0


def each_of(inputs: Sequence[G], examine: Callable[[G], E], processes: int, what: str = "") -> list[E]:
    """What `examine` finds of each input, in several processes where that pays; progress is told of `what`, if any."""
    found = []
    for one in _mapped(inputs, examine, processes):
        found.append(one)
        if what:
            _progress(f"{len(found):,} of {len(inputs):,} {what}", is_milestone=len(found) % 100 == 0)
    if what and sys.stderr.isatty():
        print("\r" + " " * 40, end="\r", file=sys.stderr, flush=True)
    return found


def _mapped(inputs: Sequence[G], examine: Callable[[G], E], processes: int) -> Iterator[E]:
    if processes <= 1 or len(inputs) < 8:
        yield from map(examine, inputs)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(examine, inputs, chunksize=8)


def _progress(text: str, *, is_milestone: bool) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}", end="", file=sys.stderr, flush=True)
    elif is_milestone:
        print(text, file=sys.stderr, flush=True)
