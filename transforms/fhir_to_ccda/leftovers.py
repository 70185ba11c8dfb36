"""What no part of the document has a place for: reported by FHIR path; and what needs none, with the reason."""

from __future__ import annotations

from schemas.finding import Severity
from transforms.fhir_leaves import BUNDLE, ID, NARRATIVE, leaves_of, reasons
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run

left_out = reasons(
    (r"\w+\.language\Z", ID),
    (r"\w+\.text\.extension", NARRATIVE),
    (r"MessageHeader\.", BUNDLE),
    (r".*data-absent-reason", "why a required element is missing; the document has a nullFlavor"),
    (r"\w+\.(subject|patient|beneficiary)\.", "whose it is: the document is about one patient"),
    (
        r".*\.(reference|type)\Z(?<=\.reference)",
        "which resource belongs to which; the document has the one within the other, or a reference by id",
    ),
    (r".*\.unit\Z", "how a unit is written for a reader; the document has its code"),
    (r".*\.(name|address)\.text\Z", "what the parts of a name or an address say"),
    (r"Identifier\.|.*\.identifier\.(use|type\.)", "what kind of number it is, for which an id has no place"),
    (r"Composition\.status\Z", "a document is final; what it says is what it says"),
)
"""Why an element needs no place in a document."""
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
