"""What is ordered, intended, promised or proposed, and has not happened: a ServiceRequest."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, concept_or_absent
from transforms.ccda_to_fhir.datatypes.times import put_when
from transforms.ccda_to_fhir.encompassing import service_delivery_location
from transforms.ccda_to_fhir.entry import put_notes, start
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, mood_of, status_of
from transforms.elements import append, put

INTENTS = {"RQO": "order", "INT": "plan", "PRMS": "plan", "ARQ": "plan", "APT": "order", "PRP": "proposal"}
"""How firm each mood is (request-intent)."""
STATUSES = {
    "active": "active",
    "new": "draft",
    "held": "on-hold",
    "suspended": "on-hold",
    "aborted": "revoked",
    "cancelled": "revoked",
    "completed": "completed",
    "nullified": "entered-in-error",
}
"""What has become of a request (request-status)."""
_PRIORITIES = {"R": "routine", "S": "stat", "UR": "urgent", "A": "asap", "EM": "stat", "EL": "routine"}


def planned(node: Node, run: Run) -> Resource:
    """The ServiceRequest of a planned act, observation, procedure or encounter; `doNotPerform` where it is negated."""
    resource = start("ServiceRequest", node, run)
    node.target = resource
    resource["status"] = STATUSES.get(status_of(node), "active")
    resource["intent"] = INTENTS.get(mood_of(node), "plan")
    if is_negated(node):
        resource["doNotPerform"] = True
    put(resource, "priority", _PRIORITIES.get(node.value("priorityCode", "code")))
    resource["code"] = concept_or_absent(node.get("code"), run)
    put_when(resource, "occurrence", node.get("effectiveTime"), run)
    for each in node.all("targetSiteCode"):
        append(resource, "bodySite", codeable_concept(each, run))
    for each in node.all("performer"):
        append(resource, "performer", actor(each.get("assignedEntity"), run).reference)
    for each in node.all("participant"):
        role = each.get("participantRole")
        if each.attr("typeCode") == "LOC" and role is not None:
            append(resource, "locationReference", service_delivery_location(role, run))
    put_notes(resource, node, run)
    put_authors(resource, node, run, "requester", "authoredOn")
    return resource
