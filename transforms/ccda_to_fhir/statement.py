"""What a statement of a document says of itself: that it is so, is not so, is to come, or was taken back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from schemas.fhir import Resource
from transforms.ccda_to_fhir.node import Node

PLANNED = frozenset(("INT", "RQO", "PRMS", "PRP", "ARQ", "APT", "GOL", "PERM", "SLOT"))
"""The moods of what has not happened."""
_TAKEN_BACK = ("nullified", "aborted", "cancelled", "obsolete")
_WRAPPERS = ("act", "organizer")
_NONE = re.compile(r"(?:no|none|nil|not|denie[sd]|nka|nkda|negative)\b", re.ASCII | re.IGNORECASE)
_NOT_SO = ("refuted", "unconfirmed", "entered-in-error", "cancelled", "not-done")


def wrapper_of(node: Node) -> Node | None:
    """The act or organizer that `node` is directly within, None where it stands for itself."""
    link = node.parent
    if link is None or link.name not in ("entryRelationship", "component"):
        return None
    return link.parent if link.parent is not None and link.parent.name in _WRAPPERS else None


def is_negated(node: Node) -> bool:
    """Whether `node`, or an act or organizer that it is within, says that it is not so (negationInd)."""
    return any(map(is_denied, _outward(node)))


def is_denied(node: Node) -> bool:
    """Whether `node` itself, or what relates it to the statement around it, says that it is not so (negationInd).

    Systems that write that no allergy is known deny the entryRelationship as often as the observation.
    """
    link = node.parent
    if node.flag("negationInd"):
        return True
    return link is not None and link.name == "entryRelationship" and link.flag("negationInd")


def mood_of(node: Node) -> str:
    """The moodCode of `node`, without one that of the act or organizer that it is within; "" where none has one."""
    return next(filter(None, (each.attr("moodCode") for each in _outward(node))), "")


def is_planned(node: Node) -> bool:
    """Whether the mood of `node` is one of what has not happened."""
    return mood_of(node) in PLANNED


def status_of(node: Node) -> str:
    """The statusCode of `node`, in lower case.

    `nullified` where an act or organizer that it is within is so; `unknown` where `node` has a nullFlavor, and so
    leaves open what it speaks of.
    """
    if any(each.value("statusCode", "code").lower() == "nullified" for each in _outward(node)):
        return "nullified"
    return "unknown" if node.null else node.value("statusCode", "code").lower()


def is_stated(node: Node) -> bool:
    """Whether `node` says that something is so: not denied, not to come, not taken back, not left open."""
    status = status_of(node)
    return not is_negated(node) and not is_planned(node) and status not in _TAKEN_BACK and status != "unknown"


def is_said_of(inner: Node, outer: Node, *, to_come: bool = False) -> bool:
    """Whether `inner`, directly within `outer`, says of that what is so, or with `to_come` what is to be.

    What `outer` denies or takes back of itself its own resource says: a refusal has its reason. A status that both
    have takes nothing back from `outer`.
    """
    if is_denied(inner) or inner.null or (is_planned(inner) and not to_come):
        return False
    status = inner.value("statusCode", "code").lower()
    return status not in _TAKEN_BACK or status == outer.value("statusCode", "code").lower()


def _outward(node: Node) -> Iterator[Node]:
    """`node`, and the acts and organizers that it is within, the nearest first."""
    here: Node | None = node
    while here is not None:
        yield here
        here = wrapper_of(here)


def says_none(text: str) -> bool:
    """Whether a text begins as those do that say that there is none: `No known allergies`, `NKDA`, `Denies`."""
    return _NONE.match(text.strip()) is not None


def says_so(resource: Resource) -> bool:
    """Whether a resource says that something is so: nothing that is refuted, in error or not done is a reason."""
    verified = [each.get("code") for each in resource.get("verificationStatus", {}).get("coding", ())]
    return not any(each in _NOT_SO for each in (resource.get("status"), *verified))
