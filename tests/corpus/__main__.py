"""Every figure of the conversions, on the corpus and the samples: `make corpus`, or `python -m tests.corpus`.

    --only MEASURE...   converted, valid, references, facts, account, back, speed, repeat
    --source NAME       only messages and pairs whose source's name holds NAME
    --json              one JSON object in the place of the table
    --all               every line of what stands in the way, not the first 40 of each figure
    --samples           the messages of samples/ in the place of the corpus

Exit status 1 when a figure does not keep its bound, 2 for a usage error or where there is no corpus.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable

from tests.corpus import back, expected, repeat, speed, validity
from tests.corpus.command import options_of, shown
from tests.corpus.counted import references, valid
from tests.corpus.examine import Examined, examine_all
from tests.corpus.figures import Figure, counted, percent
from tests.corpus.inputs import CORPUS, Input, corpus, samples

MEASURES = ("converted", "valid", "references", "facts", "account", "back", "speed", "repeat")
_EXAMINED = {"converted", "valid", "references", "account", "back", "repeat"}


def main(arguments: list[str] | None = None) -> int:
    """Print the figures that the command line asks for; the exit status."""
    options = options_of("python -m tests.corpus", __doc__ or "", MEASURES, arguments)
    inputs = samples() if options.samples else corpus(options.source)
    return shown(options, inputs, "messages", CORPUS, lambda: measured(options, inputs))


def measured(options: argparse.Namespace, inputs: list[Input]) -> list[Figure]:
    """The figures that `options` ask for; speed first, while nothing else runs."""
    only = set(options.only)
    figures = speed.figures() if "speed" in only else []
    if only & _EXAMINED:
        others = []
        if "repeat" in only:
            others = [repeat.elsewhere(options.source, seed, is_samples=options.samples) for seed in repeat.SEEDS]
        measures = [
            name
            for name, asked in (("structure", "valid"), ("profile", "valid"), ("account", "account"), ("back", "back"))
            if asked in only
        ]
        if not validity.has_definitions():
            measures = [each for each in measures if each != "profile"]
        examined = examine_all(inputs, measures, options.processes, "messages")
        figures = [*examined_figures(examined, only), *figures]
        if others:
            figures.append(repeat.figure(examined, others))
    if "facts" in only and not options.samples:
        figures += expected.figures(options.source)
    return figures


def examined_figures(examined: list[Examined], only: Iterable[str]) -> list[Figure]:
    """What the examined messages come to."""
    makers = {
        "converted": conversions,
        "valid": valid,
        "references": references,
        "account": accounts,
        "back": returns,
    }
    return [figure for name, made in makers.items() if name in only for figure in made(examined)]


def returns(examined: list[Examined]) -> list[Figure]:
    """How many fields came back from FHIR the same."""
    return back.figures([each.returned for each in examined], [each.name for each in examined])


def conversions(examined: list[Examined]) -> list[Figure]:
    """How many well-formed messages were converted without an exception, and how many came to a bundle."""
    formed = [each for each in examined if each.state != "not well-formed"]
    states = Counter(each.state for each in examined)
    raised, raised_in = _grouped(formed, "raised")
    refused, refused_in = _grouped(formed, "refused")
    return [
        Figure(
            "converted",
            "well-formed messages converted without an exception",
            percent(len(formed) - states["raised"], len(formed)),
            "%",
            100.0,
            of=f"{len(formed):,} messages; {states['not well-formed']} more without a header that can be read",
            listed=counted(raised, raised_in),
        ),
        Figure(
            "converted",
            "of these, came to a bundle",
            percent(states["converted"], len(formed)),
            "%",
            of=f"{states['converted']:,}; {states['refused']} refused with a finding",
            listed=counted(refused, refused_in),
        ),
    ]


def accounts(examined: list[Examined]) -> list[Figure]:
    """How many populated elements were mapped or kept, and how many are spoken of at all."""
    uses = sum((each.uses for each in examined), Counter[str]())
    unmapped: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for each in examined:
        unmapped.update(each.unmapped)
        for name in each.unmapped:
            examples.setdefault(name, each.name)
    carried = uses["mapped"] + uses["kept"]
    silent = uses["not in the report"]
    shown = ", ".join(f"{count:,} {use}" for use, count in sorted(uses.items()))
    return [
        Figure(
            "account",
            "populated elements mapped or kept",
            percent(carried, uses.total()),
            "%",
            90.0,
            of=shown,
            listed=counted(unmapped, examples),
        ),
        Figure(
            "account",
            "populated elements accounted for in the report",
            percent(uses.total() - silent, uses.total()),
            "%",
            100.0,
            of=f"{uses.total():,} elements counted in the messages",
        ),
    ]


def _grouped(examined: list[Examined], state: str) -> tuple[Counter[str], dict[str, str]]:
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for each in examined:
        if each.state == state:
            counts[each.detail] += 1
            examples.setdefault(each.detail, each.name)
    return counts, examples


if __name__ == "__main__":
    sys.exit(main())
