"""What no part of the document has a place for: reported by FHIR path; and what needs none, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from schemas.finding import Severity
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run

_ID = "the id of a resource, which means nothing beyond its server"
_PROFILE = "about the resource as a record: profile, version, when it was stored"
_NARRATIVE = "the narrative, which says in prose what the elements say"
_BUNDLE = "how the resources travel together"
_ABSENT = "why a required element is missing; the document has a nullFlavor"
_REFERENCE = "which resource belongs to which; the document has the one within the other, or a reference by id"
_PATIENT = "whose it is: the document is about one patient"

LEFT_OUT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"\w+\.(id|implicitRules|language)\Z", _ID),
        (r"\w+(\.contained)?\.(id|resourceType)\Z", _ID),
        (r"\w+(\.contained)?\.meta\.(?!security|tag)", _PROFILE),
        (r"(.*\.)?text\.(status|div)\Z", _NARRATIVE),
        (r"\w+\.text\.extension", _NARRATIVE),
        (r"Bundle\.(?!entry\.resource)", _BUNDLE),
        (r"MessageHeader\.", _BUNDLE),
        (r".*data-absent-reason", _ABSENT),
        (r"\w+\.(subject|patient|beneficiary)\.", _PATIENT),
        (r".*\.(reference|type)\Z(?<=\.reference)", _REFERENCE),
        (r".*\.unit\Z", "how a unit is written for a reader; the document has its code"),
        (r".*\.(name|address)\.text\Z", "what the parts of a name or an address say"),
        (r"Identifier\.|.*\.identifier\.(use|type\.)", "what kind of number it is, for which an id has no place"),
        (r"(Patient|Practitioner|Organization|PractitionerRole|RelatedPerson|Location)\.active\Z", _PROFILE),
        (r"Composition\.status\Z", "a document is final; what it says is what it says"),
    )
)
"""The elements that the document does not need, by path from the resource on, and why."""
_QUIET = frozenset(("Provenance", "Bundle", "MessageHeader", "OperationOutcome"))


_SHARED = frozenset(("Organization", "Practitioner", "Device", "Location", "Endpoint"))
"""What others refer to: it needs no place where only the message's header does."""


def _referred(run: Run) -> set[str]:
    """The paths of the resources that one refers to which tells of the patient."""
    found: set[str] = set()
    for resource in run.resources:
        if resource.peek("resourceType") not in _QUIET:
            for each in resource.references():
                found.add(run.find(each).path)
    return found


def leaves_of(resource: Node) -> Iterator[tuple[str, str, bool]]:
    """The primitive values of a resource: path, path from the resource on without indexes, whether it was read."""
    kind = resource.peek("resourceType") or "Resource"
    for path, _, read in resource.leaves():
        plain = re.sub(r"\[\d+\]", "", path[len(resource.path) :])
        yield path, kind + plain, read


@lru_cache(maxsize=4096)
def left_out(plain: str) -> str:
    """Why an element (its path from its resource on, without indexes) needs no place in a document, "" if it does."""
    return next((reason for pattern, reason in LEFT_OUT if pattern.match(plain)), "")


def report_unread(run: Run) -> None:
    """Say what no part of the document tells of, once for each element of a resource type."""
    if run.options.unmapped == "ignore":
        return
    seen: set[str] = set()
    referred = _referred(run)
    for resource in run.resources:
        kind = resource.peek("resourceType")
        if resource.path not in run.done:
            if kind not in _QUIET and (kind not in _SHARED or resource.path in referred):
                what = f"no part of this document tells of this {kind[:30]}; it is left out"
                run.tell(NOT_CARRIED, resource.path, what)
            continue
        for path, plain, read in leaves_of(resource) if resource.path not in run.left else ():
            if not read and not left_out(plain) and plain not in seen:
                seen.add(plain)
                run.tell(NOT_CARRIED, path, "no part of the document is made of this element", "", Severity.INFORMATION)
