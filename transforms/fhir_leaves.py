"""The primitive values of FHIR resources that are converted, and what became of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from transforms.accounting import Use
from transforms.fhir_node import Node
from transforms.fhir_resources import Resources

ID = "the id of a resource, which means nothing beyond its server"
NARRATIVE = "the narrative, which says in prose what the elements say"
BUNDLE = "how the resources travel together"
_PROFILE = "about the resource as a record: profile, version, when it was stored"
_ALWAYS = (
    (r"\w+\.(id|implicitRules)\Z", ID),
    (r"\w+(\.contained)?\.(id|resourceType)\Z", ID),
    (r"\w+(\.contained)?\.meta\.(?!security|tag)", _PROFILE),
    (r"(.*\.)?text\.(status|div)\Z", NARRATIVE),
    (r"Bundle\.(?!entry\.resource)", BUNDLE),
    (r"(Patient|Practitioner|Organization|PractitionerRole|RelatedPerson|Location)\.active\Z", _PROFILE),
)
"""What no other standard needs of a resource, by path from the resource on."""

Reasons = Callable[[str], str]
"""Why an element (its path from its resource on, without indexes) needs no place in what is made, "" where it does."""


def reasons(*more: tuple[str, str]) -> Reasons:
    """The reasons that always hold, and `more`: patterns of paths, and why."""
    table = [(re.compile(pattern), reason) for pattern, reason in (*_ALWAYS, *more)]

    @lru_cache(maxsize=4096)
    def reason_of(plain: str) -> str:
        return next((reason for pattern, reason in table if pattern.match(plain)), "")

    return reason_of


def leaves_of(resource: Node) -> Iterator[tuple[str, str, bool]]:
    """The primitive values of a resource: path, path from the resource on without indexes, whether it was read."""
    kind = resource.peek("resourceType") or "Resource"
    for path, _, read in resource.leaves():
        plain = re.sub(r"\[\d+\]", "", path[len(resource.path) :])
        yield path, kind + plain, read


def uses_of(resource: Node, run: Resources, left_out: Reasons, failure: str, unmade: str) -> Iterator[Use]:
    """What became of each element of a resource, in its order.

    An element counts as mapped when a map has read it for something that is written. `failure` says why nothing was
    made at all, `unmade` that nothing is made of an element.
    """
    for path, plain, read in leaves_of(resource):
        reason = left_out(plain)
        if failure:
            yield Use(path, "unmapped", (), failure)
        elif read and resource.path in run.done:
            yield Use(path, "mapped")
        elif reason:
            yield Use(path, "left out", (), reason)
        else:
            yield Use(path, "unmapped", (), unmade)
