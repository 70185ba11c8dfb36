"""What no segment has a place for: reported by FHIR path; and what needs none, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.finding import Severity
from transforms.fhir_leaves import leaves_of, reasons
from transforms.fhir_to_v2.run import NOT_CARRIED, Run

left_out = reasons(
    (r"Provenance\.", "how the resources came to be, which a message says by its header"),
    (r".*data-absent-reason", "why a required element is missing; a message leaves the field empty"),
    (
        r".*\.(reference|type)\Z(?<=\.reference)",
        "which resource belongs to which; the order of the segments says the same",
    ),
    (r"Basic\.code\.text\Z", "the name of a local segment, which is written as that segment"),
)
"""Why an element needs no field."""


def unread(run: Run) -> Iterator[tuple[str, str, str]]:
    """Each populated element that was not read: its path, its path from its resource on, and why it may be left out."""
    for resource in run.resources:
        for path, plain, read in leaves_of(resource):
            if not read:
                yield path, plain, left_out(plain)


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
