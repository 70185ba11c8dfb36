"""What is counted of bundles, whatever they were made of: resources that are valid, references that resolve."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import orjson

from tests.corpus import validity
from tests.corpus.figures import Figure, counted, percent
from tests.corpus.references import dangling, standing_alone
from tests.corpus.validity import Failure

_MOST_REMEMBERED = 50_000
_seen: dict[tuple[str, bytes], list[Failure]] = {}


@dataclass(slots=True)
class Counted:
    """What was counted of the bundle of one input; `state` says what became of that."""

    name: str
    state: str
    _: KW_ONLY
    resources: Counter[str] = field(default_factory=Counter)
    failures: Counter[Failure] = field(default_factory=Counter)
    bad_resources: int = 0
    references: int = 0
    dangling: list[str] = field(default_factory=list)

    def count(self, bundle: Any, wanted: set[str]) -> None:
        """Count the references of a bundle, and its resources by what the validators say of each."""
        self.references, self.dangling = dangling(bundle)
        for resource in standing_alone(bundle):
            self.resources[resource["resourceType"]] += 1
            self.fail(checked(resource, wanted))

    def fail(self, failures: list[Failure]) -> None:
        """Count what the validators say against one resource."""
        self.failures.update(failures)
        self.bad_resources += bool(failures)


def checked(resource: Any, wanted: set[str]) -> list[Failure]:
    """What the validators say against a resource; the same content is checked once."""
    text = orjson.dumps(resource)
    failures: list[Failure] = []
    for name, check in (("structure", validity.structure), ("profile", validity.profile)):
        if name not in wanted:
            continue
        key = (name, hashlib.sha1(text).digest())
        if key not in _seen:
            if len(_seen) > _MOST_REMEMBERED:
                _seen.clear()
            _seen[key] = check(resource)
        failures += _seen[key]
    return failures


def valid(examined: Sequence[Counted]) -> list[Figure]:
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


def references(examined: Sequence[Counted]) -> list[Figure]:
    """How many references lead to a resource of their bundle."""
    total = sum(each.references for each in examined)
    lost = Counter(path for each in examined for path in each.dangling)
    examples = {path: each.name for each in reversed(examined) for path in each.dangling}
    found = percent(total - lost.total(), total)
    of, listed = f"{total:,} references", counted(lost, examples)
    return [Figure("references", "references that resolve", found, "%", 100.0, of=of, listed=listed)]
