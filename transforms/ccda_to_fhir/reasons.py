"""Why something was done: the problem of the document that an Indication names, else what it says itself."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.codes import concept_or_absent
from transforms.ccda_to_fhir.entry import taken
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import says_so
from transforms.elements import append

INDICATION = "2.16.840.1.113883.10.20.22.4.19"


def indications(node: Node, resource: Resource) -> Iterator[Node]:
    """Each Indication within `node`: why `resource` was done, given or ordered."""
    yield from taken(node, resource, INDICATION, types=("RSON",), names=("observation",))


def put_reasons(resource: Resource, node: Node, run: Run) -> None:
    """Put each Indication within `node` into `resource` once all entries are read, as reasonReference or reasonCode."""
    for each in indications(node, resource):
        run.later(lambda indication=each: _put_reason(resource, indication, run))  # type: ignore[misc]


def _put_reason(resource: Resource, indication: Node, run: Run) -> None:
    concept = concept_or_absent(indication.get("value"), run)
    known = run.known_by(indication)
    if known is not None and known["resourceType"] == "Condition" and says_so(known):
        append(resource, "reasonReference", run.refer(known))
    else:
        append(resource, "reasonCode", concept)
