"""The guide's own pairs of C-CDA and FHIR: how many of the FHIR's leaves are in ours, and how many of ours in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from schemas.ccda import Document
from schemas.fhir import dumps
from schemas.fhir.read import read_exact
from tests.corpus.ccda.examine import NOW
from tests.corpus.ccda.inputs import PAIRS, wrapped
from tests.corpus.facts import Fact, Rules, facts_of
from tests.corpus.figures import Figure, counted, percent
from transforms.ccda_to_fhir import Options, convert

WITHOUT = ("CF-participations",)
"""An Organization element by itself, which no document holds."""
_RULES = Rules(private=("urn:hie-engine:*",), ignored=("*.meta.*",))
"""What this engine keeps beyond the guide is no claim of the guide's, for or against."""


@dataclass(slots=True)
class Score:
    """What a pair came to: the leaves of each side, and those that both have."""

    name: str
    expected: Counter[Fact] = field(default_factory=Counter)
    actual: Counter[Fact] = field(default_factory=Counter)

    @property
    def shared(self) -> Counter[Fact]:
        """The leaves that both have."""
        return self.expected & self.actual


def figures() -> list[Figure]:
    """Recall and precision over all pairs, and the recall of the one patient."""
    found = scores()
    if not found:
        return []
    shared = sum(each.shared.total() for each in found)
    expected = sum(each.expected.total() for each in found)
    actual = sum(each.actual.total() for each in found)
    lost = _listed((each.name, each.expected - each.actual) for each in found)
    more = _listed((each.name, each.actual - each.expected) for each in found)
    (patient,) = (each for each in found if each.name == "CF-patient-1")
    return [
        Figure("pairs", "guide's pairs: leaves found", percent(shared, expected), "%", 90.0,
               of=f"{shared:,} of {expected:,} in {len(found)} pairs", listed=lost),
        Figure("pairs", "guide's pairs: leaves of ours that it has", percent(shared, actual), "%", 85.0,
               of=f"{shared:,} of {actual:,}", listed=more),
        Figure("pairs", "guide's patient: leaves found", percent(patient.shared.total(), patient.expected.total()), "%",
               90.0, of=f"{patient.shared.total():,} of {patient.expected.total():,}"),
    ]  # fmt: skip


def _listed(given: Iterable[tuple[str, Counter[Fact]]]) -> tuple[str, ...]:
    return counted(Counter(f"{name}: {fact.path} = {fact.value[:60]}" for name, facts in given for fact in facts))


@cache
def scores() -> list[Score]:
    """Each pair; of our bundle those resources count that are the best match of the pair's, one for each."""
    found = []
    for file in sorted(PAIRS.glob("CF-*-1.xml")):
        name = file.name.removesuffix("-1.xml")
        body = None if name.startswith(WITHOUT) else wrapped(file.read_bytes())
        if body is None:
            continue
        given = json.loads((PAIRS / f"{name}-2.json").read_text(), parse_float=Decimal)
        bundle = convert(Document.parse(body), Options(), NOW).bundle
        ours = [each["resource"] for each in read_exact(dumps(bundle))["entry"]]
        found.append(_score(name, _told([given]), _told(ours)))
    return found


def _told(resources: list[Any]) -> list[tuple[str, Counter[Fact]]]:
    """The leaves of each resource, those that are contained in another included, by type.

    A reference counts by where it stands: what it is called is each side's own affair. Displays and texts are the
    same in any case of letters.
    """
    found = []
    for resource in resources:
        inner = [*resource.get("contained", []), *resource.get("contains", [])]
        own = {key: value for key, value in resource.items() if key not in ("contained", "contains")}
        for each in [own, *inner]:
            leaves: Counter[Fact] = Counter()
            for fact, count in facts_of(each, {}, _RULES).items():
                last = fact.path.rpartition(".")[2]
                value = "" if last == "reference" else fact.value.lower() if last in ("display", "text") else fact.value
                leaves[Fact(fact.path, value)] += count
            found.append((str(each["resourceType"]), leaves))
    return found


def _score(name: str, theirs: list[tuple[str, Counter[Fact]]], ours: list[tuple[str, Counter[Fact]]]) -> Score:
    score = Score(name)
    left = list(ours)
    for resource_type, wanted in theirs:
        score.expected += wanted
        own = [each for each in left if each[0] == resource_type]
        best = max(own, key=lambda each: (each[1] & wanted).total(), default=None)
        if best is not None:
            left = [each for each in left if each is not best]
            score.actual += best[1]
    return score
