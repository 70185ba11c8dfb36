"""Every figure of the conversions from C-CDA, on the corpus or the samples: `python -m tests.corpus.ccda`.

    --only MEASURE...   converted, valid, references, said, back, pairs, speed
    --source NAME       only documents whose path holds NAME
    --json              one JSON object in the place of the table
    --all               every line of what stands in the way, not the first 40 of each figure
    --samples           the documents of samples/ccda in the place of the corpus

Exit status 1 when a figure does not keep its bound, 2 for a usage error or where there is no corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter

from tests.corpus import validity
from tests.corpus.__main__ import as_json
from tests.corpus.ccda import back, pairs
from tests.corpus.ccda.examine import Examined, examine_all
from tests.corpus.ccda.inputs import CORPUS, Input, corpus, samples
from tests.corpus.figures import Figure, counted, percent, table

MEASURES = ("converted", "valid", "references", "said", "back", "pairs", "speed")
BOUNDS = {
    "section narrative": 100.0,
    "entry text": 99.0,
    "originalText": 99.0,
    "translations": 99.0,
    "negated allergy": 100.0,
    "negated problem": 100.0,
    "refused immunization": 100.0,
    "negated medication": 100.0,
    "negated procedure": 100.0,
    "severity": 95.0,
    "period": 97.0,
    "route": 97.0,
    "dose": 97.0,
    "indication": None,
    "authors": 98.0,
    "notes": 100.0,
    "result value": 99.0,
    "interpretation": 99.0,
    "reference range": None,
    "abatement": None,
    "encounter diagnosis": None,
}
"""What is measured of what documents say, and the least percentage of it that bundles have to say."""


def main(arguments: list[str] | None = None) -> int:
    """Print the figures that the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.ccda", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), metavar="MEASURE")
    parser.add_argument("--source", default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--samples", action="store_true")
    parser.add_argument("--processes", type=int, default=min(4, os.cpu_count() or 1))
    options = parser.parse_args(arguments)
    inputs = samples() if options.samples else corpus(options.source)
    if not inputs:
        print(f"no documents at {CORPUS}; HIE_CORPUS names the corpus's folder", file=sys.stderr)
        return 2
    start = time.monotonic()
    figures = measured(inputs, set(options.only), options.processes)
    seconds = time.monotonic() - start
    failed = [each for each in figures if not each.holds]
    if options.json:
        print(json.dumps({"seconds": round(seconds, 1), "figures": [as_json(each) for each in figures]}, indent=1))
    else:
        print(table(figures, 1_000_000 if options.all else 40))
        print(f"{len(figures)} figures of {len(inputs):,} documents in {seconds:.0f} s; {len(failed)} out of bounds")
    return 1 if failed else 0


def measured(inputs: list[Input], only: set[str], processes: int) -> list[Figure]:
    """The figures of `only`."""
    wanted = {"said", "back"} & only
    if "valid" in only:
        wanted |= {"structure", "profile"} if validity.has_definitions() else {"structure"}
    figures: list[Figure] = []
    if only - {"pairs"}:
        examined = examine_all(inputs, wanted, processes, lambda done: _progress(done, len(inputs)))
        makers = {
            "converted": conversions,
            "valid": valid,
            "references": references,
            "said": sayings,
            "back": returns,
            "speed": speeds,
        }
        figures = [figure for name, made in makers.items() if name in only for figure in made(examined)]
    return [*figures, *(pairs.figures() if "pairs" in only else [])]


def conversions(examined: list[Examined]) -> list[Figure]:
    """How many well-formed documents came to a bundle, with what failed within, and twice to the same."""
    formed = [each for each in examined if each.state != "not well-formed"]
    raised = [each for each in formed if each.state == "raised"]
    failed = Counter(what for each in formed for what in each.defects)
    first = {what: each.name for each in reversed(formed) for what in each.defects}
    unread = len(examined) - len(formed)
    whole = sum(not each.is_part for each in formed)
    return [
        Figure(
            "converted",
            "well-formed documents converted",
            percent(len(formed) - len(raised), len(formed)),
            "%",
            100.0,
            of=f"{whole:,} documents and {len(formed) - whole:,} parts; {unread} more that are no document",
            listed=counted(Counter(each.detail for each in raised), {each.detail: each.name for each in raised}),
        ),
        Figure("converted", "templates that failed", failed.total(), "", 0, True, listed=counted(failed, first)),
        Figure(
            "converted",
            "the same bundle the second time",
            percent(sum(each.repeats for each in formed), len(formed)),
            "%",
            100.0,
        ),
    ]  # fmt: skip


def valid(examined: list[Examined]) -> list[Figure]:
    """How many resources no validator says anything against."""
    resources = sum((each.resources for each in examined), Counter[str]())
    failures: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for each in examined:
        for failure, count in each.failures.items():
            failures[str(failure)] += count
            examples.setdefault(str(failure), each.name)
    bad = sum(each.bad_resources for each in examined)
    who = "fhir.resources and pyrofile-validator" if validity.has_definitions() else "fhir.resources alone"
    found = percent(resources.total() - bad, resources.total())
    of = f"{resources.total():,} resources by {who}"
    return [Figure("valid", "resources valid R4", found, "%", 100.0, of=of, listed=counted(failures, examples))]


def references(examined: list[Examined]) -> list[Figure]:
    """How many references lead to a resource of their bundle."""
    total = sum(each.references for each in examined)
    lost = Counter(path for each in examined for path in each.dangling)
    examples = {path: each.name for each in reversed(examined) for path in each.dangling}
    found = percent(total - lost.total(), total)
    of = f"{total:,} references"
    listed = counted(lost, examples)
    return [Figure("references", "references that resolve", found, "%", 100.0, of=of, listed=listed)]


def sayings(examined: list[Examined]) -> list[Figure]:
    """How much of what documents say bundles say, measure by measure."""
    figures = []
    for measure, bound in BOUNDS.items():
        said = [(one, each.name) for each in examined for one in each.said if one.measure == measure]
        held = sum(one.is_held for one, _ in said)
        lost = Counter(f"{name} {one.where}" for one, name in said if not one.is_held)
        of = f"{held:,} of {len(said):,}"
        figures.append(Figure("said", measure, percent(held, len(said)), "%", bound, of=of, listed=counted(lost)))
    return figures


def returns(examined: list[Examined]) -> list[Figure]:
    """How many of the documents made of the bundles are valid, and what comes back to FHIR."""
    found = [(each.returned, each.name) for each in examined if each.returned is not None]
    return back.figures([each for each, _ in found], [name for _, name in found])


def speeds(examined: list[Examined]) -> list[Figure]:
    """How long whole documents take, median and 95th percentile, as this machine is."""
    times = sorted(each.milliseconds for each in examined if each.state == "converted" and not each.is_part)
    if not times:
        return []
    checked = sorted(each.validation for each in examined if each.state == "converted" and not each.is_part)
    middle, high = times[len(times) // 2], times[int(len(times) * 0.95)]
    return [
        Figure("speed", "C-CDA to FHIR, median", middle, "ms", 50.0, is_ceiling=True, of=f"{len(times)} documents"),
        Figure("speed", "C-CDA to FHIR, 95th percentile", high, "ms", 200.0, is_ceiling=True),
        Figure("speed", "validation of a document, median", checked[len(checked) // 2], "ms", 20.0, is_ceiling=True),
    ]


def _progress(done: int, total: int) -> None:
    if done % 100 == 0:
        print(f"{done:,} of {total:,} documents", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
