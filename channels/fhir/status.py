"""What became of a request that was answered 202, as its status URL says it (R4, async.html)."""

from __future__ import annotations

from channels.ends import Fate
from channels.fhir.answer import Answer
from schemas.fhir.outcome import Issue, IssueSeverity, outcome_of

AGAIN = "5"
"""Seconds after which a client should ask again."""

_WORDS: dict[str, tuple[IssueSeverity, str, str]] = {
    "queued": ("information", "informational", "waits to be delivered"),
    "pending": ("information", "informational", "is delivered; the partner's answer comes later"),
    "deferred": ("warning", "transient", "could not be delivered yet; it is tried again"),
    "delivered": ("information", "informational", "is delivered"),
    "refused": ("error", "processing", "was refused by the partner"),
    "failed": ("error", "processing", "could not be delivered"),
}
_WHOLE: dict[str, tuple[IssueSeverity, str, str]] = {
    "received": ("information", "informational", "The request waits to be processed."),
    "routed": ("information", "informational", "The request is processed."),
    "filtered": ("information", "informational", "The request is processed: no route takes it."),
    "rejected": ("error", "processing", "The request was rejected."),
    "failed": ("error", "processing", "The request could not be processed."),
}


def status_of(fate: Fate) -> Answer:
    """202 with X-Progress while something is still to be done, 200 when not: an OperationOutcome, an issue a route."""
    issues = [Issue(*_WHOLE.get(fate.status, ("information", "informational", f"The request is {fate.status}.")))]
    for route in fate.routes:
        severity, code, what = _WORDS.get(route.status, ("information", "informational", f"is {route.status}"))
        issues.append(Issue(severity, code, f"{route.route}: {what}"))
    if fate.settled:
        return Answer(200, outcome_of(issues))
    done = sum(route.settled for route in fate.routes)
    progress = f"{done} of {len(fate.routes)} done" if fate.routes else fate.status
    return Answer(202, outcome_of(issues), {"x-progress": progress, "retry-after": AGAIN})
