"""encompassingEncounter: the visit that the document is about."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, shown
from transforms.ccda_to_fhir.datatypes.contacts import address, contact_points
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers, key_of
from transforms.ccda_to_fhir.datatypes.names import organization_name
from transforms.ccda_to_fhir.datatypes.nulls import ABSENT_SYSTEM
from transforms.ccda_to_fhir.datatypes.times import period
from transforms.ccda_to_fhir.entry import start
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor, organization
from transforms.ccda_to_fhir.run import Run
from transforms.elements import absent, append, coded, put

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
CPT = "http://www.ama-assn.org/go/cpt"
_VISITS = (
    ("99201", "99215", "AMB", "ambulatory"),
    ("99221", "99223", "IMP", "inpatient encounter"),
    ("99231", "99239", "IMP", "inpatient encounter"),
    ("99281", "99285", "EMER", "emergency"),
)
"""Codes of CPT from one to another, and the class of visit that they are for."""
_CLASSES = {
    "AMB": "ambulatory",
    "EMER": "emergency",
    "FLD": "field",
    "HH": "home health",
    "IMP": "inpatient encounter",
    "ACUTE": "inpatient acute",
    "NONAC": "inpatient non-acute",
    "OBSENC": "observation encounter",
    "PRENC": "pre-admission",
    "SS": "short stay",
    "VR": "virtual",
}


def encompassing_encounter(node: Node, run: Run) -> Resource:
    """The Encounter of the header."""
    encounter = start("Encounter", node, run, profile="us-core-encounter")
    put_kind(encounter, node.get("code"), run)
    put_span(encounter, node, run)
    for each in node.all("responsibleParty"):
        put_participant(encounter, each, coded(PARTICIPATION, "RESP"), run)
    for each in node.all("encounterParticipant"):
        put_participant(encounter, each, coded(PARTICIPATION, each.attr("typeCode") or "PART"), run)
    facility = node.get("location/healthCareFacility")
    if facility is not None:
        put_location(encounter, health_care_facility(facility, run))
        put(encounter, "serviceProvider", organization(facility.get("serviceProviderOrganization"), run))
    put_discharge(encounter, node.get("dischargeDispositionCode"), run)
    return encounter


def put_kind(encounter: Resource, code: Node | None, run: Run) -> None:
    """Put an encounter's code into it: codes of v3-ActCode as the class, the others as the type."""
    concept = codeable_concept(code, run) or {}
    codings = concept.get("coding", [])
    classes = [each for each in codings if each.get("system") == ACT_CODE and each["code"] in _CLASSES]
    others = [each for each in codings if each not in classes]
    own = [{**each, "display": _CLASSES[each["code"]]} for each in classes]
    found = own[0] if own else next(filter(None, map(_class_of_visit, others)), None)
    unknown = {"system": ABSENT_SYSTEM, "code": "unknown", "display": "Unknown"}
    encounter["class"] = found or encounter.get("class") or unknown
    if others or not classes or "text" in concept:
        kind: Element = {}
        put(kind, "coding", others)
        put(kind, "text", concept.get("text"))
        append(encounter, "type", kind)
    if "type" not in encounter and run.options.profile == "us-core":
        encounter["type"] = [{"coding": classes}] if classes else [coded(ABSENT_SYSTEM, "unknown", "Unknown")]


def _class_of_visit(coding: Element) -> Element | None:
    """The class that a code of CPT's evaluation and management says; None of another code."""
    if coding.get("system") != CPT:
        return None
    code = coding["code"]
    for first, last, found, display in _VISITS:
        if first <= code <= last:
            return {"system": ACT_CODE, "code": found, "display": display}
    return None


def put_span(encounter: Resource, node: Node, run: Run) -> None:
    """Put an encounter's period and status into it: by statusCode where that says more than that it was."""
    time = node.get("effectiveTime")
    span = period(time, run)
    is_point = time is not None and bool(time.peek("value"))
    if is_point and span is not None:
        span.pop("end", None)  # when it was, not how long
    put(encounter, "period", span)
    code = node.value("statusCode", "code").lower()
    if code in ("", "completed", "active") and span is not None:
        is_over = is_point or "end" in span or "_end" in span
        encounter["status"] = "finished" if is_over or code == "completed" else "in-progress"
    else:
        encounter["status"] = concept_map("CF-EncounterStatus").code(code) or "unknown"


def put_discharge(encounter: Resource, code: Node | None, run: Run) -> None:
    """Put where a patient was discharged to into an encounter."""
    found = codeable_concept(code, run)
    if found is not None:
        encounter.setdefault("hospitalization", {})["dischargeDisposition"] = found


def put_location(encounter: Resource, reference: Element | None) -> None:
    """Put a place into an encounter."""
    if reference is not None:
        append(encounter, "location", {"location": reference})


def health_care_facility(node: Node, run: Run) -> Element | None:
    """A reference to the Location of a healthCareFacility."""
    resource: Resource = {"resourceType": "Location"}
    numbers = identifiers(node, run)
    put(resource, "identifier", numbers)
    place = node.get("location")
    name = organization_name(place)[0] if place is not None else ""
    if not name:
        owner = node.get("serviceProviderOrganization")
        name = organization_name(owner)[0] if owner is not None else ""
    kind = codeable_concept(node.get("code"), run)
    resource["status"] = "active"
    put_place_name(resource, name or shown(kind), run)
    append(resource, "type", kind)
    home = place.get("addr") if place is not None else None
    put(resource, "address", address(home, run) if home is not None else None)
    put(resource, "managingOrganization", organization(node.get("serviceProviderOrganization"), run))
    if resource.keys() <= {"resourceType", "status", "_name"}:
        return None
    key = key_of(numbers[0]) if numbers else (run.document_key, node.where)
    node.target = run.referred(run.share(resource, *key))
    return run.refer(node.target)


def service_delivery_location(node: Node, run: Run) -> Element | None:
    """A reference to the Location of a participantRole (Service Delivery Location, 2.16.840.1.113883.10.20.22.4.32)."""
    resource: Resource = {"resourceType": "Location"}
    numbers = identifiers(node, run)
    put(resource, "identifier", numbers)
    entity = node.get("playingEntity")
    name = organization_name(entity)[0] if entity is not None else ""
    kind = codeable_concept(node.get("code"), run)
    resource["status"] = "active"
    put_place_name(resource, name or shown(kind), run)
    if entity is not None:
        put(resource, "description", entity.string("desc"))
    append(resource, "type", kind)
    put(resource, "telecom", contact_points(node, run))
    home = node.get("addr")
    put(resource, "address", address(home, run) if home is not None else None)
    if resource.keys() <= {"resourceType", "status", "_name"}:
        return None
    key = key_of(numbers[0]) if numbers else (run.document_key, node.where)
    node.target = run.referred(run.share(resource, *key))
    return run.refer(node.target)


def put_place_name(location: Resource, name: str, run: Run) -> None:
    """Put the name of a place into a Location, which US Core wants to have one."""
    put(location, "name", name)
    if not name and run.options.profile == "us-core":
        location["_name"] = absent("unknown")


def put_participant(encounter: Resource, node: Node, kind: Element | None, run: Run) -> None:
    """Put who took part into an encounter, as `kind`; an organization alone is who provides the service."""
    who = actor(node.get("assignedEntity"), run)
    if who.individual is None:
        if who.organization is not None and "serviceProvider" not in encounter:
            encounter["serviceProvider"] = who.organization
        return
    element: Element = {}
    append(element, "type", kind)
    put(element, "period", period(node.get("time"), run))
    element["individual"] = who.individual
    append(encounter, "participant", element)
