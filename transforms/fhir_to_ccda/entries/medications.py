"""MedicationRequest, -Statement, -Administration and -Dispense to the Medication Activity (4.16)."""

from __future__ import annotations

from schemas.finding import Severity
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_ccda.datatypes.codes import ACT_CODE, LOINC, cd_of, coded, shown
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.plain import whole
from transforms.fhir_to_ccda.datatypes.quantities import pq, range_of, shown_range
from transforms.fhir_to_ccda.datatypes.quantities import shown as shown_quantity
from transforms.fhir_to_ccda.datatypes.times import low_high, onset_of, period_of, ts_text
from transforms.fhir_to_ccda.datatypes.timings import bounds_of, frequency_of
from transforms.fhir_to_ccda.datatypes.timings import shown as shown_timing
from transforms.fhir_to_ccda.element import Element, make, null, templates
from transforms.fhir_to_ccda.entries.common import (
    INSTRUCTION,
    T,
    act,
    authors,
    comments,
    indications,
    not_carried,
    performers,
    references,
    related,
    status,
    text_reference,
    told_time,
)
from transforms.fhir_to_ccda.narrative import Row, reference
from transforms.fhir_to_ccda.parties import assigned, organization_of, party_of, performer_of
from transforms.fhir_to_ccda.registry import entry
from transforms.fhir_to_ccda.run import CHANGED, Run

ACTIVITY = (f"{T}16", "2014-06-09")
INFORMATION = (f"{T}23", "2014-06-09")
FREE_TEXT = (f"{T}147", "")
SUPPLY_ORDER = (f"{T}17", "2014-06-09")
DISPENSE = (f"{T}18", "2014-06-09")
DISCHARGE = (f"{T}35", "2016-03-01")
ADMISSION = (f"{T}36", "2014-06-09")
PRECONDITION = (f"{T}25", "2014-06-09")

_STATUSES = {
    "active": "active",
    "in-progress": "active",
    "intended": "active",
    "on-hold": "suspended",
    "completed": "completed",
    "stopped": "aborted",
    "cancelled": "aborted",
    "not-taken": "completed",
    "not-done": "completed",
    "declined": "aborted",
    "preparation": "active",
    "draft": "active",
}
"""FHIR's status of a medication as an act status (HL7's guide, FC-MedicationStatus; the rest by meaning)."""
_DONE = ("MedicationStatement", "MedicationAdministration", "MedicationDispense")
_LISTS = ("medications", "discharge_medications", "admission_medications", "administered")
_NEGATED = ("not-taken", "not-done", "declined", "cancelled")


@entry("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense", home="medications")
def medication(resource: Node, row: Row, run: Run) -> Element | None:
    """The medication activity of a resource; None of one entered in error.

    What was only ordered or planned is in the mood of an intent, what was taken or given in that of an event.
    """
    run.mark(resource)
    kind = resource.peek("resourceType")
    state = resource.text("status")
    negated = resource.text("doNotPerform") == "true" or (kind in _DONE and state in _NEGATED)
    dosages = resource.all("dosageInstruction") + resource.all("dosage")
    made = _activity(_mood(resource, run), negated=negated)
    made.extend(templates(ACTIVITY))
    made.extend(ids_of(resource, run))
    kinds = resource.all("category")
    if kinds:
        made.append(cd_of(kinds[0], run))
    made.append(text_reference(row))
    made.append(status(_STATUSES.get(state, "active")) if state in _STATUSES else null("statusCode"))
    if state in ("draft", "cancelled", "declined", "preparation"):
        run.tell(CHANGED, f"{resource.path}.status", "an act status says this less exactly", "", Severity.INFORMATION)
    dosage = dosages[0] if dosages else EMPTY
    made.extend(_times(resource, dosage, run))
    _put_dosage(made, dosage, run)
    made.append(make("consumable", product_of(resource, row, run)))
    _tell(row, resource, dosages, negated=negated)
    made.extend(_people(resource, run))
    made.extend(_relations(resource, dosages, row, run, negated=negated))
    for each in dosages:
        made.extend(_preconditions(each, row, run))
    return made


@entry("MedicationRequest", "MedicationStatement", sections=("discharge_medications",))
def discharge_medication(resource: Node, row: Row, run: Run) -> Element | None:
    """The Discharge Medication (4.35) that wraps the activity."""
    inner = medication(resource, row, run)
    if inner is None:
        return None
    made = act(DISCHARGE)
    code = coded("code", "10183-2", LOINC, "Hospital discharge medication")
    code.append(coded("translation", "75311-1", LOINC, "Discharge Medication"))
    made.append(code)
    made.append(status())
    made.append(related("SUBJ", inner))
    return made


@entry("MedicationRequest", "MedicationStatement", sections=("admission_medications",))
def admission_medication(resource: Node, row: Row, run: Run) -> Element | None:
    """The Admission Medication (4.36) that wraps the activity."""
    inner = medication(resource, row, run)
    if inner is None:
        return None
    made = act(ADMISSION)
    made.append(coded("code", "42346-7", LOINC, "Medications on Admission"))
    made.append(related("SUBJ", inner))
    return made


def _activity(mood: str, *, negated: bool) -> Element:
    negation = "true" if negated else ""
    return make("substanceAdministration", classCode="SBADM", moodCode=mood, negationInd=negation)


def _mood(resource: Node, run: Run) -> str:
    """EVN for what was taken; INT for what is ordered, planned or proposed.

    A plan that is reported, or that a Composition lists among the medicines, is US Core's and HL7's way to say that the
    patient takes it (CF-MedActivityMood).
    """
    if resource.peek("resourceType") != "MedicationRequest":
        return "INT" if resource.peek("status") in ("intended", "preparation") else "EVN"
    intent = resource.text("intent")
    reported = resource.text("reportedBoolean") == "true" or resource.has("reportedReference")
    if intent not in ("order", "plan", ""):
        what = "a document knows only what is intended and what was done; this is told as intended"
        run.tell(CHANGED, f"{resource.path}.intent", what, "", Severity.INFORMATION)
    listed = run.composition.has("section") and run.section in _LISTS
    return "EVN" if intent == "plan" and (reported or listed) else "INT"


def _times(resource: Node, dosage: Node, run: Run) -> list[Element]:
    timing = dosage.one("timing")
    low, high = onset_of(resource, "effective", run)
    if resource.peek("resourceType") == "MedicationDispense":
        low = low or ts_text(resource, "whenHandedOver", run) or ts_text(resource, "whenPrepared", run)
    start, end = bounds_of(timing, run)
    low, high = low or start, high or end
    if resource.choice("effective") == "effectiveDateTime" and not high:
        first = make("effectiveTime", value=low) if low else low_high("", "", kind="IVL_TS")
    elif timing.has("event") and not low:
        at = ts_text(timing, "event", run)
        first = make("effectiveTime", value=at) if at else low_high("", "", kind="IVL_TS")
    else:
        first = low_high(low, high, kind="IVL_TS")
    often = frequency_of(timing, run)
    return [first] if often is None else [first, often]


def _put_dosage(made: Element, dosage: Node, run: Run) -> None:
    """Route, site, dose, rate and the most that may be taken."""
    if dosage.one("route"):
        made.append(cd_of(dosage.one("route"), run, "routeCode"))
    if dosage.one("site"):
        made.append(cd_of(dosage.one("site"), run, "approachSiteCode"))
    amounts = dosage.all("doseAndRate")
    amount = amounts[0] if amounts else dosage
    dose = amount.one("doseQuantity") or amount.one("dose")
    if dose:
        made.append(pq(dose, run, "doseQuantity", ""))
    elif amount.one("doseRange"):
        made.append(range_of(amount.one("doseRange"), run, "doseQuantity", typed=False))
    else:
        made.append(null("doseQuantity"))
    if amount.one("rateQuantity"):
        rate = pq(amount.one("rateQuantity"), run, "rateQuantity", "")
        if not rate.get("unit"):
            rate.set("unit", "1")  # what a PQ without a unit means; the template wants it said (CONF 1098-7525)
        made.append(rate)
    elif amount.one("rateRange"):
        made.append(range_of(amount.one("rateRange"), run, "rateQuantity", typed=False))
    most = dosage.one("maxDosePerPeriod")
    if most:
        ratio = make("maxDoseQuantity")
        for name in ("numerator", "denominator"):
            ratio.append(pq(most.one(name), run, name, "PQ"))
        made.append(ratio)


def drug_of(resource: Node, run: Run) -> tuple[Node, Node]:
    """The code of a resource's medication, and the Medication that has it, if one is referred to."""
    if resource.has("medicationCodeableConcept"):
        return resource.one("medicationCodeableConcept"), EMPTY
    found = run.resolve(resource.one("medicationReference"))
    run.mark(found)
    resource.one("medicationReference").pass_over("display", "type")
    return found.one("code"), found


def product_of(resource: Node, row: Row, run: Run) -> Element:
    """The manufactured product of a resource's medication."""
    code, drug = drug_of(resource, run)
    shown_as = shown(code) or resource.one("medicationReference").peek("display")
    row.tell("Medication", shown_as)
    made = make("manufacturedProduct", *templates(INFORMATION), classCode="MANU")
    if drug:
        made.extend(ids_of(drug, run))
    element = cd_of(code, run)
    if not code:
        run.gap(f"{resource.path}.medication", "which medication it is")
        element = null("code", "OTH" if shown_as else "UNK")
        if shown_as:
            element.append(make("originalText", text=shown_as))
    material = make("manufacturedMaterial", element)
    lot = drug.one("batch").text("lotNumber")
    if lot:
        material.append(make("lotNumberText", text=lot))
    made.append(material)
    maker = run.resolve(drug.one("manufacturer"))
    if maker or drug.one("manufacturer").has("display"):
        name = drug.one("manufacturer").text("display")
        made.append(organization_of(maker, run, "manufacturerOrganization", name))
    return made


def _people(resource: Node, run: Run) -> list[Element]:
    kind = resource.peek("resourceType")
    made: list[Element] = []
    match kind:
        case "MedicationRequest":
            made += authors(resource, run, ("requester", "authoredOn"), ("recorder", ""))
            made += performers(resource, run, "performer", "")
        case "MedicationStatement":
            made += authors(resource, run, ("", "dateAsserted"))
        case _:
            made += authors(resource, run)
            made += performers(resource, run)
    source = resource.one("informationSource") or resource.one("reportedReference")
    if source:
        made.append(make("informant", assigned(party_of(source, run), run)))
    return made


def _relations(resource: Node, dosages: list[Node], row: Row, run: Run, *, negated: bool) -> list[Element]:
    made = indications(resource, row, run)
    for number, dosage in enumerate(dosages):
        text = dosage.text("text")
        patient = dosage.text("patientInstruction")
        for each in dict.fromkeys(filter(None, (text, patient))):
            made.append(related("COMP", _free_text(each, row)))
        for concept in dosage.all("additionalInstruction"):
            made.append(related("SUBJ", _instruction(concept, row, run), inverted=True))
        if number:
            made.append(
                related(
                    "COMP",
                    _further(resource, dosage, run, negated=negated),
                    number=int(dosage.text("sequence") or number + 1),
                )
            )
        dosage.text("sequence")
    request = resource.one("dispenseRequest")
    if request and negated:
        not_carried(request, run, "a supply cannot be denied; the document does not tell of what must not be dispensed")
    elif request:
        made.append(related("REFR", _supply_order(resource, request, run)))
    if resource.peek("resourceType") == "MedicationDispense" and not negated:
        made.append(related("REFR", _dispense(resource, run)))
    made += comments(resource, row, run)
    made += references(resource, run, "encounter", "context", "basedOn", "partOf", "priorPrescription", "request")
    made += references(resource, run, "authorizingPrescription", "derivedFrom")
    for name in ("statusReason", "category", "reasonCode"):
        if name != "reasonCode":
            for concept in resource.all(name):
                row.tell("Category" if name == "category" else "Reason for the status", shown(concept))
    return made


def _sequence(dosage: Node, default: int) -> int:
    written = dosage.text("sequence")
    return int(written) if written.isdecimal() and len(written) < 6 else default


def _free_text(text: str, row: Row) -> Element:
    """The instructions as they were written (template 147)."""
    made = make("substanceAdministration", *templates(FREE_TEXT), classCode="SBADM", moodCode="EVN")
    made.append(coded("code", "76662-6", LOINC, "Instructions Medication"))
    made.append(reference("text", row.anchor("Directions", text)))
    drug = make("manufacturedLabeledDrug", nullFlavor="NA")
    made.append(make("consumable", make("manufacturedProduct", drug)))
    return made


def _instruction(concept: Node, row: Row, run: Run) -> Element:
    made = act(INSTRUCTION, mood="INT")
    made.append(cd_of(concept, run))
    row.tell("Directions", shown(concept))
    made.append(status())
    return made


def _further(resource: Node, dosage: Node, run: Run, *, negated: bool) -> Element:
    """A further dosage, as a part of the activity without the drug said again."""
    made = _activity(_mood(resource, run), negated=negated)
    made.extend(_times(EMPTY, dosage, run))
    _put_dosage(made, dosage, run)
    drug = make("manufacturedMaterial", nullFlavor="NA")
    made.append(make("consumable", make("manufacturedProduct", drug)))
    return made


def _supply_order(resource: Node, request: Node, run: Run) -> Element:
    made = make("supply", *templates(SUPPLY_ORDER), classCode="SPLY", moodCode="INT")
    made.append(make("id", root=run.uuid("supply", run.own_id(resource))))
    made.append(status("active"))
    low, high = period_of(request.one("validityPeriod"), run)
    if low or high:
        made.append(low_high(low, high, kind="IVL_TS"))
    repeats = whole(request, "numberOfRepeatsAllowed")
    if repeats.isdigit():
        # repeatNumber counts the first fill too (CDA R2, 4.3.6.3): three refills are four times.
        made.append(make("repeatNumber", value=str(int(repeats) + 1)))
    if request.one("quantity"):
        made.append(pq(request.one("quantity"), run, "quantity", ""))
    if request.one("performer"):
        made.append(performer_of(party_of(request.one("performer"), run), run))
    return made


def _dispense(resource: Node, run: Run) -> Element:
    made = make("supply", *templates(DISPENSE), classCode="SPLY", moodCode="EVN")
    made.extend(ids_of(resource, run))
    state = resource.peek("status")
    made.append(status(_STATUSES[state]) if state in _STATUSES else null("statusCode"))
    handed = ts_text(resource, "whenHandedOver", run) or ts_text(resource, "whenPrepared", run)
    if handed:
        made.append(make("effectiveTime", value=handed))
    if resource.one("quantity"):
        made.append(pq(resource.one("quantity"), run, "quantity", ""))
    made.append(make("product", product_of(resource, Row("none"), run)))
    return made


def _preconditions(dosage: Node, row: Row, run: Run) -> list[Element]:
    """Take only when needed, and for what (template 25)."""
    concept = dosage.one("asNeededCodeableConcept")
    if not concept and dosage.text("asNeededBoolean") != "true":
        return []
    row.tell("As needed", shown(concept) or "yes")
    made = make("criterion", *templates(PRECONDITION))
    made.append(coded("code", "ASSERTION", ACT_CODE, kind="CD"))
    made.append(cd_of(concept, run, "value", kind="CD") if concept else null("value", kind="CD"))
    return [make("precondition", made, typeCode="PRCN")]


def _tell(row: Row, resource: Node, dosages: list[Node], *, negated: bool) -> None:
    state = resource.peek("status")
    row.tell("Status", "not to be taken" if negated else state)
    row.tell("Period", told_time(resource, "effective", "authoredOn"))
    for dosage in dosages:
        amounts = dosage.all("doseAndRate") or [dosage]
        for amount in amounts:
            row.tell("Dose", shown_quantity(amount.one("doseQuantity") or amount.one("dose")))
            row.tell("Dose", shown_range(amount.one("doseRange")))
            row.tell("Rate", shown_quantity(amount.one("rateQuantity")))
        row.tell("Frequency", shown_timing(dosage))
        row.tell("Route", shown(dosage.one("route")))
