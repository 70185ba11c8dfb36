"""What no segment has a place for: reported by FHIR path; and what needs none, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from schemas.finding import Severity
from transforms.fhir_node import Node
from transforms.fhir_to_v2.run import NOT_CARRIED, Run

_ID = "the id of a resource, which means nothing beyond its server"
_PROFILE = "about the resource as a record: profile, version, when it was stored"
_NARRATIVE = "the narrative, which says in prose what the elements say"
_PROVENANCE = "how the resources came to be, which a message says by its header"
_BUNDLE = "how the resources travel together"
_ABSENT = "why a required element is missing; a message leaves the field empty"
_REFERENCE = "which resource belongs to which; the order of the segments says the same"

LEFT_OUT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"\w+\.(id|implicitRules)\Z", _ID),
        (r"\w+(\.contained)?\.(id|resourceType)\Z", _ID),
        (r"\w+(\.contained)?\.meta\.(?!security|tag)", _PROFILE),
        (r"(.*\.)?text\.(status|div)\Z", _NARRATIVE),
        (r"Provenance\.", _PROVENANCE),
        (r"Bundle\.(?!entry\.resource)", _BUNDLE),
        (r".*data-absent-reason", _ABSENT),
        (r".*\.(reference|type)\Z(?<=\.reference)", _REFERENCE),
        (r"Basic\.code\.text\Z", "the name of a local segment, which is written as that segment"),
        (r"(Patient|Practitioner|Organization|PractitionerRole|RelatedPerson|Location)\.active\Z", _PROFILE),
    )
)
"""The elements that no field needs, by path from the resource on, and why."""


def unread(run: Run) -> Iterator[tuple[str, str, str]]:
    """Each populated element that was not read: its path, its path from its resource on, and why it may be left out."""
    for resource in run.resources:
        for path, plain, read in leaves_of(resource):
            if not read:
                yield path, plain, left_out(plain)


def leaves_of(resource: Node) -> Iterator[tuple[str, str, bool]]:
    """The primitive values of a resource: path, path from the resource on without indexes, whether it was read."""
    kind = resource.peek("resourceType") or "Resource"
    for path, _, read in resource.leaves():
        plain = re.sub(r"\[\d+\]", "", path[len(resource.path) :])
        yield path, kind + plain, read


@lru_cache(maxsize=4096)
def left_out(plain: str) -> str:
    """Why an element (its path from its resource on, without indexes) needs no place in a message, "" where it does."""
    return next((reason for pattern, reason in LEFT_OUT if pattern.match(plain)), "")


def report_unread(run: Run) -> None:
    """Say which elements no segment has a place for, once for each element of a resource type."""
    if run.options.unmapped == "ignore":
        return
    for resource in run.resources:
        if resource.path not in run.done and resource.peek("resourceType") not in ("Provenance", "Bundle"):
            what = f"no segment of this message tells of this {resource.peek('resourceType')[:30]}; it is left out"
            run.tell(NOT_CARRIED, resource.path, what, "a message of another type may carry it")
    seen: set[str] = set()
    for path, plain, reason in unread(run):
        owner = ".".join(path.split(".")[:3]) if path.startswith("Bundle.") else path.partition(".")[0]
        if not reason and plain not in seen and owner in run.done:
            seen.add(plain)
            run.tell(NOT_CARRIED, path, "no field is made of this element", "", Severity.INFORMATION)
