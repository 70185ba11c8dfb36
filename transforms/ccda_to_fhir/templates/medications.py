"""Medicines that are taken, ordered, planned and dispensed."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import codeable_concept, coding, concept_or_absent
from transforms.ccda_to_fhir.datatypes.quantities import decimal, quantity
from transforms.ccda_to_fhir.datatypes.times import put_time, start_of
from transforms.ccda_to_fhir.dosage import dosage_of, put_validity
from transforms.ccda_to_fhir.entry import put_notes, start, taken
from transforms.ccda_to_fhir.narrative import text_of
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import actor
from transforms.ccda_to_fhir.products import product_of, put_medication
from transforms.ccda_to_fhir.provenance import put_authors
from transforms.ccda_to_fhir.reasons import indications
from transforms.ccda_to_fhir.registry import read_entry, statements, template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_negated, is_planned, is_said_of, mood_of, status_of
from transforms.elements import OWN, absent, add_extension, append, coded, extension, put

CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
FREE_TEXT = "2.16.840.1.113883.10.20.22.4.147"
INSTRUCTION = "2.16.840.1.113883.10.20.22.4.20"
SUPPLY_ORDER = "2.16.840.1.113883.10.20.22.4.17"
DISPENSE = "2.16.840.1.113883.10.20.22.4.18"
PLANNED_MEDICATION = "2.16.840.1.113883.10.20.22.4.42"
PLANNED_IMMUNIZATION = "2.16.840.1.113883.10.20.22.4.120"
DISPENSER = f"{OWN}ccda-dispenser"
"""The person who is to dispense, where R4 takes an organization only."""
_PLANS = ("18776-5", "61146-7")
_INTENTS = {"RQO": "order", "ARQ": "order", "PRP": "proposal", "PRMS": "plan", "APT": "plan", "PERM": "order"}
_DISPENSED = {
    "active": "in-progress",
    "new": "preparation",
    "held": "on-hold",
    "suspended": "on-hold",
    "aborted": "stopped",
    "cancelled": "cancelled",
    "completed": "completed",
    "nullified": "entered-in-error",
}
_SECTIONS = ("10160-0", "29549-3", "10183-2", "42346-7", "75311-1")


@template(
    "2.16.840.1.113883.10.20.22.4.16",
    PLANNED_MEDICATION,
    PLANNED_IMMUNIZATION,
    "2.16.840.1.113883.10.20.1.24",
    sections=[(code, "substanceAdministration") for code in _SECTIONS],
    carries=["substanceAdministration"],
    any_mood=True,
)
def medication_activity(activity: Node, run: Run) -> list[Resource]:
    """Medication Activity, Planned Medication Activity: a MedicationRequest, `doNotPerform` where it is negated."""
    resource = start("MedicationRequest", activity, run, profile="us-core-medicationrequest")
    activity.target = resource
    resource["status"] = concept_map("CF-MedicationStatus").code(status_of(activity)) or "unknown"
    resource["intent"] = _intent(activity, run)
    if run.section_code == "10183-2":
        resource["category"] = [coded(CATEGORY, "discharge", "Discharge")]
    append(resource, "category", codeable_concept(activity.get("code"), run))
    if is_negated(activity):
        resource["doNotPerform"] = True
    put_medication(resource, activity, run)
    if run.encounter is not None and run.section_code in ("29549-3", "10183-2"):
        resource["encounter"] = run.refer(run.encounter)
    put_authors(resource, activity, run, "requester", "authoredOn")
    _put_requester(resource, run)
    for each in activity.all("performer"):
        put(resource, "performer", actor(each.get("assignedEntity"), run).reference)
    for each in indications(activity, resource):
        append(resource, "reasonCode", concept_or_absent(each.get("value"), run))
    put_notes(resource, activity, run)
    dosage = dosage_of(activity, run)
    _put_instructions(dosage, resource, activity, run)
    if dosage:
        resource["dosageInstruction"] = [dosage]
    _put_supplies(resource, activity, run)
    return [resource]


@template(
    "2.16.840.1.113883.10.20.22.4.35",
    "2.16.840.1.113883.10.20.22.4.36",
    sections=[("10183-2", "act"), ("42346-7", "act")],
    any_mood=True,
)
def discharge_medication(act: Node, run: Run) -> list[Resource]:
    """Discharge Medication, Admission Medication: the medicine that the act is about."""
    found: list[Resource] = []
    for link, inner in statements(act, "entryRelationship"):
        if inner.name == "substanceAdministration":
            link.attr("typeCode")
            found += read_entry(inner, run)
    coding(act.get("code"))
    act.value("statusCode", "code")
    return found


@template(DISPENSE, sections=[("10160-0", "supply")], any_mood=True)
def medication_dispense(supply: Node, run: Run) -> list[Resource]:
    """Medication Dispense: a MedicationDispense; one that is still to be: a MedicationRequest."""
    if is_planned(supply):
        return medication_supply_order(supply, run)
    resource = start("MedicationDispense", supply, run)
    supply.target = resource
    status = _DISPENSED.get(status_of(supply), "unknown")
    resource["status"] = "declined" if is_negated(supply) and status != "entered-in-error" else status
    put_medication(resource, supply, run)
    put(resource, "quantity", quantity(supply.get("quantity"), run))
    put_time(resource, "whenHandedOver", start_of(supply.get("effectiveTime")), run)
    if "whenHandedOver" not in resource:
        resource["_whenHandedOver"] = absent("unknown")
    for each in supply.all("performer"):
        who = actor(each.get("assignedEntity"), run).reference
        append(resource, "performer", {"actor": who} if who is not None else None)
    outer = supply.parent.parent if supply.parent is not None else None
    if outer is not None and outer.target is not None and outer.target["resourceType"] == "MedicationRequest":
        append(resource, "authorizingPrescription", run.refer(outer.target))
    put_notes(resource, supply, run)
    put_authors(resource, supply, run, "", "")
    return [resource]


@template(SUPPLY_ORDER, any_mood=True)
def medication_supply_order(supply: Node, run: Run) -> list[Resource]:
    """Medication Supply Order that stands for itself: a MedicationRequest that is all dispenseRequest."""
    resource = start("MedicationRequest", supply, run, profile="us-core-medicationrequest")
    supply.target = resource
    resource["status"] = concept_map("CF-MedicationStatus").code(status_of(supply)) or "unknown"
    resource["intent"] = _INTENTS.get(mood_of(supply), "order")
    if is_negated(supply):
        resource["doNotPerform"] = True
    put_medication(resource, supply, run)
    put_authors(resource, supply, run, "requester", "authoredOn")
    _put_requester(resource, run)
    put(resource, "dispenseRequest", _dispense_request(supply, run))
    put_notes(resource, supply, run)
    return [resource]


def _intent(activity: Node, run: Run) -> str:
    """How firm the mood is: what is to be taken is an order, or in a plan a plan; what is taken is a plan, too."""
    mood = mood_of(activity) or "EVN"
    is_plan = activity.keeps(PLANNED_MEDICATION, PLANNED_IMMUNIZATION) or run.section_code in _PLANS
    if mood == "INT" and is_plan:
        return "plan"
    return concept_map("CF-MedActivityMood").code(mood) or _INTENTS.get(mood, "plan")


def _put_requester(resource: Resource, run: Run) -> None:
    """Who answers for the document answers for what names nobody else (context conduction), where US Core asks."""
    if "requester" not in resource and run.options.profile == "us-core":
        resource["requester"] = dict(run.author) if run.author is not None else absent("unknown")


def _put_instructions(dosage: Element, resource: Resource, activity: Node, run: Run) -> None:
    """The sig as it was written, and what the patient is told."""
    for each in taken(
        activity, resource, FREE_TEXT, codes=("76662-6",), names=("substanceAdministration",), to_come=True
    ):
        put(dosage, "text", text_of(each.get("text"), run))
        product = product_of(each)
        if product is not None:
            product.mark()
    told: list[str] = []
    for each in taken(activity, resource, INSTRUCTION, types=("SUBJ",), names=("act",), to_come=True):
        code = each.get("code")
        concept = codeable_concept(code, run)
        text = text_of(each.get("text"), run)
        if text:
            told.append(text)
        elif concept is not None and code is not None and "text" in concept and code.get("originalText") is not None:
            told.append(concept["text"])
        append(dosage, "additionalInstruction", concept)
    put(dosage, "patientInstruction", "; ".join(dict.fromkeys(told)))


def _put_supplies(resource: Resource, activity: Node, run: Run) -> None:
    """The supply that is ordered with it; a second one, and what was dispensed, are resources of their own."""
    for _, inner in statements(activity, "entryRelationship"):
        if inner.name != "supply" or inner.target not in (None, resource) or inner.keeps(DISPENSE):
            continue
        if "dispenseRequest" in resource and inner.target is not resource:
            continue
        is_order = inner.keeps(SUPPLY_ORDER) or mood_of(inner) in ("INT", "RQO")
        if is_order and is_said_of(inner, activity, to_come=True):
            inner.target = resource
            inner.value("statusCode", "code")
            put(resource, "dispenseRequest", _dispense_request(inner, run))
            _pass_over(product_of(inner), activity)


def _pass_over(product: Node | None, activity: Node) -> None:
    """Mark the product of a supply as read where it is the medicine that the activity names already."""
    own = product_of(activity)
    if product is None or own is None:
        return
    path = "manufacturedMaterial/code"
    one, other = product.get(path), own.get(path)
    if one is not None and other is not None and one.peek("code") == other.peek("code"):
        product.mark()


def _dispense_request(supply: Node, run: Run) -> Element:
    """The first fill is one of the repeats in CDA, and none of them in FHIR."""
    request: Element = {}
    put_validity(request, supply.get("effectiveTime"), run)
    count = supply.get("repeatNumber")
    number = decimal(count, "value", run) if count is not None else None
    if number is not None and number == int(number) and 1 <= number < 2**31:
        request["numberOfRepeatsAllowed"] = int(number) - 1
    put(request, "quantity", quantity(supply.get("quantity"), run))
    for each in supply.all("performer"):
        who = actor(each.get("assignedEntity"), run)
        put(request, "performer", who.organization)
        if who.individual is not None:
            add_extension(request, extension(DISPENSER, "valueReference", who.individual))
    return request
