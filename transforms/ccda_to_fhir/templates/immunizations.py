"""Immunizations that were given, and those that were not."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept
from transforms.ccda_to_fhir.datatypes.nulls import absent_for
from transforms.ccda_to_fhir.datatypes.quantities import positive_int, quantity
from transforms.ccda_to_fhir.datatypes.times import put_day, put_time, start_of
from transforms.ccda_to_fhir.encompassing import service_delivery_location
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.products import manufacturer_of, material_of, product_concept, product_of
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.reasons import indications
from transforms.ccda_to_fhir.registry import template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_planned, status_of
from transforms.ccda_to_fhir.templates.allergies import REACTION
from transforms.ccda_to_fhir.templates.medications import medication_activity
from transforms.elements import absent, append, coded, put

FUNCTION = "http://terminology.hl7.org/CodeSystem/v2-0443"
REASON_NOT_GIVEN = "2.16.840.1.113883.10.20.22.4.53"
_NOT_GIVEN_SYSTEMS = ("2.16.840.1.113883.5.8", "2.16.840.1.113883.11.20.9.7")


@template("2.16.840.1.113883.10.20.22.4.52", sections=[("11369-6", "substanceAdministration")], any_mood=True)
def immunization_activity(activity: Node, run: Run) -> list[Resource]:
    """Immunization Activity: an Immunization, not-done where it is negated.

    A planned one is a MedicationRequest, and so is one of which nobody knows whether it was given.
    """
    if (is_planned(activity) or activity.null) and not is_negated(activity):
        return medication_activity(activity, run)
    resource = start("Immunization", activity, run, "patient", "us-core-immunization")
    activity.target = resource
    status = concept_map("CF-ImmunizationStatus").code(status_of(activity)) or "completed"
    resource["status"] = "not-done" if is_negated(activity) and status != "entered-in-error" else status
    product = product_of(activity)
    resource["vaccineCode"] = product_concept(product, run)
    put_time(resource, "occurrenceDateTime", start_of(activity.get("effectiveTime")), run)
    if "occurrenceDateTime" not in resource:
        _put_no_time(resource, start_of(activity.get("effectiveTime")))
    resource["_primarySource"] = absent("unknown")
    if product is not None:
        put(resource, "manufacturer", manufacturer_of(product, run))
    material = material_of(product)
    if material is not None:
        put(resource, "lotNumber", material.string("lotNumberText"))
        put_day(resource, "expirationDate", material.get("sdtc:expirationTime"), run)
    put(resource, "site", codeable_concept(activity.get("approachSiteCode"), run))
    put(resource, "route", codeable_concept(activity.get("routeCode"), run))
    put(resource, "doseQuantity", quantity(activity.get("doseQuantity"), run))
    number = positive_int(activity.get("repeatNumber"), run)
    if number is not None:
        resource["protocolApplied"] = [{"doseNumberPositiveInt": number}]
    _put_people(resource, activity, run)
    _put_reasons(resource, activity, run)
    _put_reactions(resource, activity, run)
    put_notes(resource, activity, run)
    return [resource]


def _put_no_time(resource: Resource, time: Node | None) -> None:
    """Say in words when it was, or that it is not known: R4 wants one or the other."""
    resource.pop("_occurrenceDateTime", None)
    written = time.attr("value") if time is not None else ""
    resource["occurrenceString"] = written or "unknown"
    if not written:
        resource["_occurrenceString"] = absent_for(time.null if time is not None else "")


def _put_people(resource: Resource, activity: Node, run: Run) -> None:
    for each in activity.all("performer"):
        who = actor(each.get("assignedEntity"), run).reference
        if who is not None:
            function = coded(FUNCTION, "AP", "Administering Provider")
            append(resource, "performer", {"function": function, "actor": who})
    put_authors(resource, activity, run, "", "recorded")
    for each in activity.all("participant"):
        role = each.get("participantRole")
        if each.attr("typeCode") == "LOC" and role is not None:
            put(resource, "location", service_delivery_location(role, run))


def _put_reasons(resource: Resource, activity: Node, run: Run) -> None:
    """Why it was given, or was not: the reason not to is in the code of its observation, the reason to in the value."""
    refusals = taken(activity, resource, REASON_NOT_GIVEN, types=("RSON",), names=("observation",))
    for each in (*refusals, *indications(activity, resource)):
        code = each.get("code")
        is_reason_not_to = each.keeps(REASON_NOT_GIVEN) or (
            code is not None and code.peek("codeSystem") in _NOT_GIVEN_SYSTEMS
        )
        if is_reason_not_to:
            put(resource, "statusReason", codeable_concept(code, run))
            continue
        append(resource, "reasonCode", codeable_concept(each.get("value"), run))


def _put_reactions(resource: Resource, activity: Node, run: Run) -> None:
    for each in taken(activity, resource, REACTION, types=("MFST", "CAUS", "COMP"), names=("observation",)):
        reaction: Element = {}
        put_time(reaction, "date", start_of(each.get("effectiveTime")), run)
        if "date" not in reaction:
            reaction.pop("_date", None)
        observation = observation_of(each, run)
        reaction["detail"] = run.refer(observation)
        append(resource, "reaction", reaction)
