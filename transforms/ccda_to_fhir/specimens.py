"""What was looked at: the specimen of a result."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.nulls import absent_concept
from transforms.ccda_to_fhir.datatypes.quantities import quantity
from transforms.ccda_to_fhir.datatypes.times import put_when
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.run import Run
from transforms.elements import append, put

COLLECTION = "2.16.840.1.113883.10.20.22.4.415"
COLLECTION_CODE = "17636008"
CONDITION = "2.16.840.1.113883.10.20.22.4.414"


def put_specimens(resource: Resource, node: Node, run: Run, *, many: bool) -> None:
    """Put the specimens that `node` names into `resource`; where it has room for one, further ones stay unread."""
    for each in node.all("specimen"):
        role = each.get("specimenRole")
        if role is None or (not many and "specimen" in resource):
            continue
        reference = run.refer(_specimen(role, run))
        if many:
            append(resource, "specimen", reference)
        else:
            resource["specimen"] = reference


def put_collection(resource: Resource, procedure: Node, run: Run) -> Resource:
    """The Specimen that a collection procedure tells of: the one of `resource`, else one of its own."""
    held = resource.get("specimen")
    reference = held[0] if isinstance(held, list) else held
    role = procedure.get("participant/participantRole")
    if reference is not None:
        specimen = run.referred(reference)
    elif role is not None:
        specimen = _specimen(role, run)
    else:
        specimen = run.make("Specimen", procedure)
        specimen.setdefault("type", absent_concept(""))
        specimen["subject"] = run.refer(run.patient)
    if reference is None:
        append(resource, "specimen", run.refer(specimen))
    procedure.target = specimen
    collection: Element = specimen.setdefault("collection", {})
    put_when(collection, "collected", procedure.get("effectiveTime"), run)
    put(collection, "bodySite", codeable_concept(procedure.get("targetSiteCode"), run))
    put(collection, "method", codeable_concept(procedure.get("methodCode"), run))
    if not collection:
        del specimen["collection"]
    return specimen


def _specimen(role: Node, run: Run) -> Resource:
    """The Specimen of a specimenRole, or of the role of a participant who is one."""
    resource = run.make("Specimen", role)
    role.target = resource
    append(resource, "identifier", *identifiers(role, run))
    resource["subject"] = run.refer(run.patient)
    entity = role.get("specimenPlayingEntity") or role.get("playingEntity")
    if entity is not None:
        _put_entity(resource, entity, run)
    if "type" not in resource and run.options.profile == "us-core":
        resource["type"] = absent_concept("")
    return resource


def _put_entity(resource: Resource, entity: Node, run: Run) -> None:
    put(resource, "type", codeable_concept(entity.get("code"), run))
    name = entity.string("name")
    if name and "type" not in resource:
        resource["type"] = {"text": name}
    elif name:
        append(resource, "note", {"text": name})
    amount = quantity(entity.get("quantity"), run)
    if amount is not None:
        resource["collection"] = {"quantity": amount}
    description = entity.string("desc")
    append(resource, "note", {"text": description} if description else None)
