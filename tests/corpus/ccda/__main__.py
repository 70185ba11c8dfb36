"""Every figure of the conversions from C-CDA, on the corpus or the samples: `python -m tests.corpus.ccda`.

    --only MEASURE...   converted, valid, references, said, back, pairs, speed
    --source NAME       only documents whose path holds NAME
    --json              one JSON object in the place of the table
    --all               every line of what stands in the way, not the first 40 of each figure
    --samples           the documents of samples/ccda in the place of the corpus

Exit status 1 when a figure does not keep its bound, 2 for a usage error or where there is no corpus.
"""

from __future__ import annotations

import sys
from collections import Counter

from tests.corpus import validity
from tests.corpus.ccda import back, pairs
from tests.corpus.ccda.examine import Examined, examine_all
from tests.corpus.ccda.inputs import CORPUS, Input, corpus, samples
from tests.corpus.command import options_of, shown
from tests.corpus.counted import references, valid
from tests.corpus.figures import Figure, counted, percent

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
    options = options_of("python -m tests.corpus.ccda", __doc__ or "", MEASURES, arguments)
    inputs = samples() if options.samples else corpus(options.source)
    return shown(
        options,
        inputs,
        "documents",
        CORPUS,
        lambda: measured(inputs, set(options.only), options.processes, "documents"),
    )


def measured(inputs: list[Input], only: set[str], processes: int, what: str = "") -> list[Figure]:
    """The figures of `only`; progress is told of `what`, if anything."""
    wanted = {"said", "back"} & only
    if "valid" in only:
        wanted |= {"structure", "profile"} if validity.has_definitions() else {"structure"}
    figures: list[Figure] = []
    if only - {"pairs"}:
        examined = examine_all(inputs, wanted, processes, what)
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


if __name__ == "__main__":
    sys.exit(main())
