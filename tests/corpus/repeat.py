"""The same input, the same output: digests of all bundles, made in another process with another order of hashing.

    python -m tests.corpus.repeat [SOURCE]

prints a JSON object of the digest of each message's bundle.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.corpus.examine import Examined, examine
from tests.corpus.figures import Figure, percent
from tests.corpus.inputs import ROOT, corpus, samples

SEEDS = ("1", "4711")


def digests(source: str, *, is_samples: bool = False) -> dict[str, str]:
    """The digest of each message's bundle, by the message's name."""
    inputs = samples() if is_samples else corpus(source)
    return {each.name: examine(each, None, ()).digest for each in inputs}


def elsewhere(source: str, seed: str, *, is_samples: bool = False) -> subprocess.Popen[bytes]:
    """Another process that prints `digests`, with `seed` for the order of its sets."""
    command = [sys.executable, "-m", "tests.corpus.repeat", "samples" if is_samples else "corpus", source]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)


def figure(examined: list[Examined], others: list[subprocess.Popen[bytes]]) -> Figure:
    """How many messages came to the same bytes each time."""
    results = []
    for process in others:
        output, _ = process.communicate()
        results.append(json.loads(output))
    counted = [each for each in examined if each.digest]
    changed = [
        each.name
        for each in counted
        if not each.repeats or any(result.get(each.name) != each.digest for result in results)
    ]
    return Figure(
        "repeat",
        "same input, same output, byte for byte",
        percent(len(counted) - len(changed), len(counted)),
        "%",
        100.0,
        of=f"{len(counted):,} messages, twice here and in {len(results)} other processes",
        listed=tuple(changed),
    )


def main() -> None:
    """Print the digests that the command line asks for."""
    kind, source = sys.argv[1:3]
    print(json.dumps(digests(source, is_samples=kind == "samples")))


if __name__ == "__main__":
    main()
