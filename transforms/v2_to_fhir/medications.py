"""What the pharmacy's segments share: the medicine itself, the dose, what is to be dispensed."""

from __future__ import annotations

from typing import NamedTuple

from schemas.fhir import Element, Resource
from transforms.elements import absent, append, coded, put, unknown_concept
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.entities import cwe_organization
from transforms.v2_to_fhir.datatypes.quantities import cq_quantity, cwe_quantity
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import decimal
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

DOSE_TYPE = "http://terminology.hl7.org/CodeSystem/dose-rate-type"
_ONE: Element = {"value": 1}
_A_DAY: Element = {"value": 1, "unit": "day", "system": "http://unitsofmeasure.org", "code": "d"}


class Fields(NamedTuple):
    """The numbers of the fields in which a segment describes a medicine; 0 where it has no such field."""

    code: int
    form: int
    strength: int
    strength_units: int
    volume: int
    volume_units: int
    lot: int = 0
    expires: int = 0
    maker: int = 0


def put_medication(resource: Resource, segment: SourceSegment, fields: Fields, run: Run) -> None:
    """Put the medicine into `resource`: its code, or a Medication where more than the code is known of it."""
    code = cwe_codeable_concept(segment.first(fields.code), run, segment.where(fields.code))
    more: Element = {}
    form = cwe_codeable_concept(segment.first(fields.form), run, segment.where(fields.form))
    put(more, "form", form)
    strength = _strength(segment, fields, run)
    if strength is not None:
        more["ingredient"] = [{"itemCodeableConcept": code or unknown_concept(), "strength": strength}]
    batch: Element = {}
    if fields.lot:
        put(batch, "lotNumber", segment.text(fields.lot))
        put_field_time(batch, "expirationDate", segment, fields.expires, run)
        put(more, "manufacturer", cwe_organization(segment.first(fields.maker), run))
    put(more, "batch", batch)
    resource["medicationCodeableConcept"] = code or unknown_concept()
    if more:
        medication_of(resource, run).update(more)


def medication_of(resource: Resource, run: Run) -> Resource:
    """The Medication that `resource` refers to, made of its code where it has had no more than that."""
    if "medicationReference" in resource:
        return run.referred(resource["medicationReference"])
    medication = run.add("Medication", resource["id"])
    claims(medication, "us-core-medication", run)
    medication["code"] = resource.pop("medicationCodeableConcept", None) or unknown_concept()
    resource["medicationReference"] = run.refer(medication)
    return medication


def dose(segment: SourceSegment, low: int, high: int, units: int, run: Run, kind: str) -> Element | None:
    """A dose by its least and greatest amount; of `kind` `ordered` or `calculated`. One amount alone is the dose."""
    least, most = number(segment, low, run), number(segment, high, run)
    if least is None and most is None:
        return None
    unit = cwe_quantity(segment.first(units), run)
    element: Element = {"type": coded(DOSE_TYPE, kind, kind.capitalize())}
    if least is not None and most is None:
        element["doseQuantity"] = {**least, **unit}
    else:
        element["doseRange"] = {
            name: {**value, **unit} for name, value in (("low", least), ("high", most)) if value is not None
        }
    return element


def number(segment: SourceSegment, field: int, run: Run) -> Element | None:
    """A field that is a number as the value of a Quantity; None where it is none, which stays unread."""
    value = decimal(segment.raw(field), run, segment.where(field)) if segment.has(field) else None
    if value is None:
        return None
    segment.text(field)
    return {"value": value}


def amount(segment: SourceSegment, field: int, units: int, run: Run) -> Element | None:
    """A number and its unit as a Quantity."""
    value = number(segment, field, run)
    return None if value is None else {**value, **cwe_quantity(segment.first(units), run)}


def put_rate(element: Element, segment: SourceSegment, field: int, units: int, run: Run) -> None:
    """Put the rate at which it is to be given into a dose, where it is a number."""
    if segment.raw(field).replace(".", "", 1).isdecimal():
        put(element, "rateQuantity", amount(segment, field, units, run))


def put_daily_dose(dosage: Element, segment: SourceSegment, field: int, run: Run) -> None:
    """Put the total daily dose into an instruction, as the most that may be given in a day."""
    total = cq_quantity(segment.first(field), run, segment.where(field))
    if total is not None and "value" in total:
        dosage["maxDosePerPeriod"] = {"numerator": total, "denominator": dict(_A_DAY)}


def put_refills(request: Resource, segment: SourceSegment, quantity: int, units: int, refills: int, run: Run) -> None:
    """Put into a request how much is to be dispensed, and how often again."""
    wanted: Element = request.get("dispenseRequest", {})
    put(wanted, "quantity", amount(segment, quantity, units, run))
    text = segment.raw(refills)
    if text.isascii() and text.isdecimal() and len(text) < 9:
        segment.text(refills)
        wanted["numberOfRepeatsAllowed"] = int(text)
    put(request, "dispenseRequest", wanted)


def dosage_of(resource: Resource) -> Element:
    """The instruction that is being written: the last."""
    dosages: list[Element] = resource.setdefault("dosageInstruction", [{}])
    return dosages[-1]


def put_instructions(resource: Resource, segment: SourceSegment, field: int, run: Run) -> None:
    """Put how it is to be given into the instruction: a text alone as its text, a code as an additional instruction."""
    dosage = dosage_of(resource)
    for value in segment[field]:
        concept = cwe_codeable_concept(value, run, segment.where(field)) or {}
        if "coding" in concept or "text" in dosage:
            append(dosage, "additionalInstruction", concept)
        else:
            put(dosage, "text", concept.get("text"))


def settle_medications(run: Run) -> None:
    """Take out what stayed empty, and say of a request that who asks is not known (us-core-21)."""
    for resource in run.resources:
        if resource["resourceType"] == "MedicationRequest" and run.options.profile != "none":
            resource.setdefault("requester", absent("unknown"))
        dosages = [each for each in resource.pop("dosageInstruction", []) if each]
        if dosages:
            resource["dosageInstruction"] = dosages


def _strength(segment: SourceSegment, fields: Fields, run: Run) -> Element | None:
    strength = amount(segment, fields.strength, fields.strength_units, run)
    if strength is None:
        return None
    volume = amount(segment, fields.volume, fields.volume_units, run)
    return {"numerator": strength, "denominator": volume or dict(_ONE)}
