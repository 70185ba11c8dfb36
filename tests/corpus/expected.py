"""Bundles that other engines made of the same messages: how much of what they say is in ours.

An expected bundle is one engine's reading. Where it departs from the guide, or takes a choice that the guide leaves
open, ours differs on purpose: `differences.csv` names each class of such facts with the reason and the guide's row.
"""

from __future__ import annotations

import csv
import fnmatch
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from schemas.fhir import dumps
from schemas.hl7v2 import Er7, split_batch
from tests.corpus.examine import NOW
from tests.corpus.facts import Comparison, Fact, Missing, Rules, compare, everything
from tests.corpus.figures import Figure, counted, percent
from tests.corpus.inputs import CORPUS, rows
from transforms.v2_to_fhir import Options, convert

DIFFERENCES = Path(__file__).with_name("differences.csv")
REPORTSTREAM = (
    "https://reportstream.cdc.gov/*",
    "urn:id:*",
)
MICROSOFT = (
    "http://example.com/v2-to-fhir-converter*",
    "http://example.com/id-system*",
    "*/CodeSystem/L",
    "urn:id:*",
)
DATA_TYPES = frozenset(
    (
        "cp",
        "cq",
        "cwe",
        "cx",
        "dt",
        "dtm",
        "ei",
        "eip",
        "hd",
        "id",
        "msg",
        "ndl",
        "pl",
        "xad",
        "xcn",
        "xon",
        "xpn",
        "xtn",
    )
)
"""The data types whose maps ReportStream tests by messages that hold one such field; they name the pairs' folders."""


@dataclass(frozen=True, slots=True)
class Set:
    """Pairs of one engine: what they are called, the options that fit its expectations, what is compared, the floor."""

    name: str
    what: str
    options: Options
    rules: Rules
    floor: float | None


@dataclass(slots=True)
class Score:
    """What a set came to; `explained` and `unexplained` divide the facts that are missing.

    `unused` are the stated differences that are no more, each with how many facts it says too many.
    """

    pairs: int = 0
    comparison: Comparison = field(default_factory=Comparison)
    explained: Counter[Fact] = field(default_factory=Counter)
    unexplained: Counter[Fact] = field(default_factory=Counter)
    unused: Counter[Stated] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)


_RUN = frozenset({"Provenance"})
"""What tells of the run and of the engine, not of the message."""

SETS = (
    Set(
        "reportstream-fields",
        "facts of ReportStream's single-field pairs",
        Options(time_zone="Z"),
        Rules(without=_RUN, private=REPORTSTREAM),
        95.0,
    ),
    Set(
        "reportstream-segments",
        "facts of ReportStream's other pairs",
        Options(time_zone="Z"),
        Rules(without=_RUN, private=REPORTSTREAM),
        None,
    ),
    Set(
        "microsoft",
        "facts of Microsoft's Patient, Encounter, Observation, DiagnosticReport",
        Options(time_zone="Z", bundle="batch"),
        Rules(only=frozenset({"Patient", "Encounter", "Observation", "DiagnosticReport"}), private=MICROSOFT),
        90.0,
    ),
    Set(
        "trusted-intermediary",
        "facts of trusted-intermediary's",
        Options(time_zone="Z"),
        Rules(without=_RUN, private=REPORTSTREAM),
        90.0,
    ),
)


def figures(source: str = "") -> list[Figure]:
    """Two figures for each set whose name holds `source`: the recall as it is, and with explained differences."""
    found = []
    for each in SETS:
        if source not in each.name:
            continue
        score = scored(each)
        total = score.comparison.expected.total()
        hits = score.comparison.found.total()
        explained = score.explained.total()
        of = f"{hits:,} of {total:,} facts in {score.pairs} pairs"
        listed = [
            f"{name}: {score.comparison.found[name]:,} of {count:,}"
            for name, count in sorted(score.comparison.expected.items())
        ]
        found.append(
            Figure(
                f"recall {each.name}", f"{each.what}: found", percent(hits, total), "%", None, False, of, tuple(listed)
            )
        )
        missing: Counter[str] = Counter()
        for fact, count in score.unexplained.items():
            missing[fact.path] += count
        found.append(
            Figure(
                f"explained {each.name}",
                f"{each.what}: found, or missing for a stated reason",
                percent(hits + explained, total),
                "%",
                each.floor,
                of=f"{explained:,} explained, {score.unexplained.total():,} not",
                listed=counted(missing, score.examples),
            )
        )
        found += _strict(each, score)
    return found


def _strict(chosen: Set, score: Score) -> list[Figure]:
    """What must not be: facts without a reason, where the set has a bound, and reasons without their facts."""
    found = []
    if chosen.floor is not None:
        left = score.unexplained.total()
        what = f"{chosen.what}: neither found nor given a reason"
        found.append(Figure(f"unexplained {chosen.name}", what, left, "", 0, is_ceiling=True))
    idle = Counter({f"{each.path} {each.value}: {each.reason}": count for each, count in score.unused.items()})
    what = f"{chosen.what}: given a reason and found"
    found.append(Figure(f"idle {chosen.name}", what, idle.total(), "", 0, is_ceiling=True, listed=counted(idle)))
    return found


def scored(chosen: Set) -> Score:
    """Compare each pair of a set."""
    score = Score()
    left = Counter({each: each.count for each in stated() if each.set == chosen.name})
    for row in rows():
        if row["expected_kind"] != "fhir" or row["class"] == "fhir" or set_of(row) != chosen.name:
            continue
        expected = json.loads((CORPUS / row["expected_path"]).read_text("utf-8-sig"), parse_float=Decimal)
        actual = converted((CORPUS / row["file"]).read_bytes(), chosen.options)
        result = compare(expected, actual, chosen.rules)
        ours = everything(actual, chosen.rules)
        score.pairs += 1
        score.comparison.add(result)
        for each in result.missing:
            explained = _explain(each, ours, left)
            if explained:
                score.explained[each.fact] += explained
            if each.count > explained:
                score.unexplained[each.fact] += each.count - explained
                score.examples.setdefault(each.fact.path, f"{each.fact.value[:60]!r} in {row['file']}")
    score.unused = +left
    return score


def set_of(row: dict[str, str]) -> str:
    """The name of the set that a pair of the manifest belongs to, "" where it belongs to none."""
    file = row["file"]
    if file.startswith("reportstream/mappinginventory/catchall/"):
        folders = file.split("/")[3:-1]
        is_field = bool(DATA_TYPES & set(folders))
        return "reportstream-fields" if is_field else "reportstream-segments"
    if file.startswith("trusted-intermediary/"):
        return "trusted-intermediary"
    if row["source"] == "ms-fhir-converter":
        return "microsoft"
    return ""


def converted(body: bytes, options: Options) -> Any:
    """The bundle of the first message in `body`, as it reads after being written; an empty one where there is none."""
    pieces = [each.body for each in split_batch(body).messages]
    bundle = convert(Er7.parse(pieces[0]), options, NOW).bundle
    return orjson.loads(dumps(bundle or {"resourceType": "Bundle"}))


@dataclass(frozen=True, slots=True)
class Stated:
    """A class of facts that are missing on purpose: `count` in that set at paths and values like these.

    `of` narrows it to resources of theirs that say another fact as well, `path=value`, or with `!` before it say
    none such; `instead` to bundles of ours that say a fact, in which `{value}` is the value that is missing. "" is any.
    """

    set: str
    path: str
    value: str
    of: str
    instead: str
    count: int
    reason: str
    row: str


@cache
def stated() -> tuple[Stated, ...]:
    """What `differences.csv` says; a row without a reason or without a row of the guide explains nothing."""
    with DIFFERENCES.open(newline="") as lines:
        return tuple(
            Stated(
                row["set"],
                row["path"],
                row["value"] or "*",
                row["of"],
                row["instead"],
                int(row["count"]),
                row["reason"],
                row["row"],
            )
            for row in csv.DictReader(lines)
            if row["reason"] and row["row"]
        )


def _explain(missing: Missing, ours: Mapping[str, set[str]], left: Counter[Stated]) -> int:
    """How many of the missing facts the stated differences explain that have a rest, the first in the file first."""
    explained = 0
    for each in left:
        if explained < missing.count and left[each] and explains(each, missing, ours):
            taken = min(missing.count - explained, left[each])
            left[each] -= taken
            explained += taken
    return explained


def explains(stated: Stated, missing: Missing, ours: Mapping[str, set[str]]) -> bool:
    """Whether the missing fact is one of that class; `ours` is all that our bundle says, the values by path."""
    return _is_of(missing, stated) and _is_said(missing, stated, ours)


def _is_of(missing: Missing, stated: Stated) -> bool:
    fact = missing.fact
    if not (_is_like(fact.path, stated.path) and _is_like(fact.value, stated.value)):
        return False
    if not stated.of:
        return True
    wanted = stated.of.removeprefix("!")
    return any(_is_like(f"{fact.path}={fact.value}", wanted) for fact in missing.beside) is (wanted == stated.of)


def _is_said(missing: Missing, stated: Stated, ours: Mapping[str, set[str]]) -> bool:
    """Whether our bundle says what is to be there instead of the missing fact."""
    if not stated.instead:
        return True
    path, _, value = stated.instead.partition("=")
    value = value.replace("{value}", re.sub(r"([*?[])", r"[\1]", missing.fact.value))
    paths = [each for each in ours if _is_like(each, path)] if "*" in path else [path]
    return any(_is_like(each, value) for name in paths for each in ours.get(name, ()))


def _is_like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern)
