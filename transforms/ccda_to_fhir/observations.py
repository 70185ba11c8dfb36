"""What every observation has in common, whichever template it keeps: status, code, time, value, range, who."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, coding, concept_or_absent, concepts, shown
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers
from transforms.ccda_to_fhir.datatypes.nulls import absent_concept
from transforms.ccda_to_fhir.datatypes.quantities import bounds, quantity
from transforms.ccda_to_fhir.datatypes.times import put_when
from transforms.ccda_to_fhir.datatypes.values import put_value
from transforms.ccda_to_fhir.entry import put_notes, start
from transforms.ccda_to_fhir.extensions import NEGATED
from transforms.ccda_to_fhir.narrative import entry_narrative, joined, text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.provenance import authors_of, put_authors
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, status_of
from transforms.elements import OWN, R5, US_CORE, absent, add_extension, append, coded, put

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
FURTHER_VALUE = f"{OWN}ccda-value"
"""A value behind the first, of which R4 has one; a component would have to be of another code (obs-7)."""


def observation_of(node: Node, run: Run, category: str = "", profile: str = "") -> Resource:
    """The Observation of `node`, in that category of FHIR's (`laboratory`, `vital-signs`, `social-history`).

    A negated one has no value and counts as cancelled: what it denies stands in an extension alone.
    """
    resource = start("Observation", node, run, profile=profile)
    node.target = resource
    resource["status"] = result_status(node)
    if category:
        append(resource, "category", coded(CATEGORY, category, category.replace("-", " ").title()))
    resource["code"] = concept_or_absent(node.get("code"), run)
    put_when(resource, "effective", node.get("effectiveTime"), run)
    _put_values(resource, node, run)
    put(resource, "interpretation", concepts(node.all("interpretationCode"), run))
    put(resource, "method", codeable_concept(node.get("methodCode"), run))
    put(resource, "bodySite", codeable_concept(node.get("targetSiteCode"), run))
    for each in node.all("referenceRange"):
        append(resource, "referenceRange", reference_range(each, run))
    for each in node.all("performer"):
        append(resource, "performer", actor(each.get("assignedEntity"), run).reference)
    put_notes(resource, node, run)
    put_authors(resource, node, run, "", "")
    if "performer" not in resource:
        for author in authors_of(node, run):
            who = author.actor.reference
            if who is not None and run.referred(who)["resourceType"] != "Device":
                append(resource, "performer", who)
    if profile:
        supply_value(resource, run)
    return resource


def result_status(node: Node, codes: str = "CF-ResultStatus") -> str:
    """The status of a result or report; `final` where nothing else is said, `unknown` where that is left open."""
    code = status_of(node)
    return concept_map(codes).code(code) or ("unknown" if code in ("obsolete", "unknown") else "final")


def component_of(observation: Node, resource: Resource, run: Run) -> Element:
    """The component of `resource` that says what `observation` does, which becomes no resource of its own."""
    observation.target = resource
    status_of(observation)
    append(resource, "identifier", *identifiers(observation, run))
    put(resource, "text", joined(resource.get("text"), entry_narrative(observation.get("text"), run)))
    component: Element = {"code": concept_or_absent(observation.get("code"), run)}
    value = observation.get("value")
    if not put_value(component, value, run) and value is not None:
        component["dataAbsentReason"] = absent_concept(value.null or "UNK")
    put(component, "interpretation", concepts(observation.all("interpretationCode"), run))
    for each in observation.all("referenceRange"):
        append(component, "referenceRange", reference_range(each, run))
    return component


def claim(resource: Resource, profile: str, run: Run, *needed: str) -> None:
    """Claim a US Core profile where `resource` has what it needs, else the one of any simple observation."""
    if run.options.profile == "us-core":
        name = profile if all(each in resource for each in needed) else "us-core-simple-observation"
        resource["meta"] = {"profile": [f"{US_CORE}{name}"]}


def supply_value(resource: Resource, run: Run) -> None:
    """Say that a value is not known, where US Core asks for one and there is neither that nor a part."""
    has_value = any(name.startswith("value") or name == "dataAbsentReason" for name in resource)
    if not has_value and not resource.keys() & {"component", "hasMember"} and run.options.profile == "us-core":
        resource["dataAbsentReason"] = absent_concept("")


def supply_time(resource: Resource, run: Run) -> None:
    """Say that the time is not known, where US Core asks for one."""
    has_time = any(name.lstrip("_").startswith("effective") for name in resource)
    if not has_time and run.options.profile == "us-core":
        resource["_effectiveDateTime"] = absent("unknown")


def put_span(resource: Resource, members: str, run: Run) -> None:
    """Put the time of the Observations that `members` of `resource` refers to, where it has none of its own; one that
    begins and ends at once is a point of time."""
    span = resource.get("effectivePeriod", {})
    if span.get("start") and span["start"] == span.get("end") and len(span) == 2:
        resource["effectiveDateTime"] = resource.pop("effectivePeriod")["start"]
    if "effectiveDateTime" in resource or "effectivePeriod" in resource:
        return
    found = (run.referred(each).get("effectiveDateTime", "") for each in resource.get(members, ()))
    times = sorted(filter(None, found))
    if times:
        resource.pop("_effectiveDateTime", None)
    if times and times[0] == times[-1]:
        resource["effectiveDateTime"] = times[0]
    elif times:
        resource["effectivePeriod"] = {"start": times[0], "end": times[-1]}


def reference_range(node: Node, run: Run) -> Element | None:
    """The reference range of a result: its bounds and its text; None of a range that is not the normal one."""
    given = node.get("observationRange")
    if given is None:
        return None
    code = given.get("interpretationCode")
    if code is not None and code.peek("code") not in ("", "N"):
        return None
    coding(code)
    element: Element = {}
    value = given.get("value")
    if value is not None and (value.get("low") is not None or value.get("high") is not None):
        element.update(bounds(value, run) or {})
    elif value is not None:
        found = quantity(value, run) if value.type == "PQ" else None
        if found is not None:
            element["low"] = element["high"] = found
        else:
            held: Element = {}
            put_value(held, value, run)
            put(element, "text", held.get("valueString") or shown(held.get("valueCodeableConcept")))
    text = text_of(given.get("text"), run)
    put(element, "text", text or element.get("text"))
    return element or None


def _put_values(resource: Resource, node: Node, run: Run) -> None:
    """The value; further ones, which FHIR has no place for, in extensions."""
    first, *others = node.all("value") or (None,)
    if is_negated(node):
        denied: Element = {"url": NEGATED}
        if not put_value(denied, first, run):
            denied["valueBoolean"] = True
        add_extension(resource, denied)
        resource["status"] = "cancelled" if resource["status"] != "entered-in-error" else resource["status"]
        resource["dataAbsentReason"] = coded(
            "http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-performed", "Not Performed"
        )
        return
    held: Element = {}
    if put_value(held, first, run):
        if "valueAttachment" in held:
            add_extension(resource, {"url": f"{R5}Observation.value", **held})
        else:
            resource.update(held)
    elif first is not None and first.null:
        resource["dataAbsentReason"] = absent_concept(first.null)
    for each in others:
        further: Element = {"url": FURTHER_VALUE}
        if put_value(further, each, run):
            add_extension(resource, further)
