"""What a resource says of itself as a whole: that it was entered in error, is not so, or means something else."""

from __future__ import annotations

from transforms.ccda_to_fhir.extensions import NEGATED
from transforms.fhir_node import Node
from transforms.fhir_to_ccda.run import Run

_STATUSES = ("status", "docStatus", "lifecycleStatus")
_NOT_SO = ("refuted", "entered-in-error", "cancelled", "not-done", "not-taken")


def left_out(resource: Node, run: Run) -> bool:
    """Whether a document must not tell of a resource: it was entered in error, or a modifier changes its meaning.

    A document has no way to take something back, and no reader would see what an extension of FHIR turns round.
    """
    if "entered-in-error" in {resource.peek(name) for name in _STATUSES} | _verified(resource):
        what = "this was entered in error; the document does not tell of it"
        run.leave(resource, what, "the status in FHIR takes it back; a document cannot")
        return True
    if any(each.peek("url") != NEGATED or resource.peek("resourceType") != "Basic" for each in _modifiers(resource)):
        what = "a modifierExtension changes what this means; the document does not tell of it"
        run.leave(resource, what, "a document has no place for the extension, and would say something else without it")
        return True
    return False


def is_denied(resource: Node) -> bool:
    """Whether a modifier says that what a resource tells is not so."""
    return any(each.peek("url") == NEGATED and each.text("valueBoolean") == "true" for each in _modifiers(resource))


def says_so(resource: Node) -> bool:
    """Whether a resource says that something is so: what is refuted, in error or not done is the reason of nothing."""
    is_void = {resource.peek("status")} | _verified(resource)
    return not is_void & set(_NOT_SO) and resource.peek("doNotPerform") != "true" and not _modifiers(resource)


def _verified(resource: Node) -> set[str]:
    return {each.peek("code") for each in resource.one("verificationStatus").all("coding")}


def _modifiers(resource: Node) -> list[Node]:
    return resource.all("modifierExtension")
