"""RXA behind a pharmacy's order: a medicine that was given, or was not."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, absent, append, coded, extension, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import period, put_field_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.medications import Fields, put_medication
from transforms.v2_to_fhir.references import by_identifier
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.orc_medication import (
    PROVIDER_ROLE,
    orc_medication_administration,
    order_key,
    order_numbers,
    put_subject,
)
from transforms.v2_to_fhir.segments.rxa import completion, given_amount
from transforms.v2_to_fhir.source import SourceSegment

COMPLETION = "http://terminology.hl7.org/CodeSystem/v2-0322"
_FIELDS = Fields(5, 8, 13, 14, 23, 24, lot=15, expires=16, maker=17)
_STATUS = {"CP": "completed", "PA": "stopped", "RE": "not-done", "NA": "not-done"}
"""Table 0322; what was given in part was stopped before it was all given."""


def rxa_medication_administration(
    rxa: SourceSegment, run: Run, orc: SourceSegment | None, ordered: Resource | None
) -> Resource:
    """RXA of a medicine, which the guide does not map; `ordered` is the request in the same group."""
    administration = run.add("MedicationAdministration", *_key(rxa, orc, run))
    _put_status(administration, rxa)
    append_each(administration, "statusReason", rxa, 18, run, cwe_codeable_concept)
    put_medication(administration, rxa, _FIELDS, run)
    put_subject(administration, "subject", run)
    if run.encounter is not None:
        administration["context"] = run.refer(run.encounter)
    if rxa.has(4) and rxa.raw(4) != rxa.raw(3):
        put(administration, "effectivePeriod", period(rxa.text(3), rxa.text(4), run, rxa.where(3)))
    else:
        rxa.text(4)  # it ended when it began
        put_field_time(administration, "effectiveDateTime", rxa, 3, run)
    if "effectivePeriod" not in administration and "effectiveDateTime" not in administration:
        administration.setdefault("_effectiveDateTime", absent("unknown"))
    for value in rxa[10]:
        person = xcn_practitioner(value, run, rxa.where(10))
        if person is not None:
            function = coded(PROVIDER_ROLE, "AP", "Administering Provider")
            append(administration, "performer", {"function": function, "actor": person})
    append_each(administration, "reasonCode", rxa, 19, run, cwe_codeable_concept)
    for value in rxa[9]:
        text = value[2] or value[9] or value[1]
        append(administration, "note", {"text": text} if text else None)
    dose = given_amount(rxa, run)
    if dose is not None:
        administration["dosage"] = {"dose": dose}
    numbers = order_numbers(orc, run)
    if ordered is not None:
        administration["request"] = run.refer(ordered)
    elif numbers:
        administration["request"] = by_identifier("MedicationRequest", numbers[0], run)
    if orc is not None:
        orc_medication_administration(orc, run, administration)
    return administration


def _put_status(administration: Resource, rxa: SourceSegment) -> None:
    code = completion(rxa)
    deleted = rxa.text(21) == "D"
    administration["status"] = "entered-in-error" if deleted else _STATUS.get(code, "unknown")
    if rxa.has(20):
        original: Element = {"coding": [{"system": COMPLETION, "code": rxa.text(20)}]}
        beside = extension(ALTERNATE_CODES, "valueCodeableConcept", original)
        administration["_status"] = {"extension": [beside]}


def _key(rxa: SourceSegment, orc: SourceSegment | None, run: Run) -> tuple[str, ...]:
    """What identifies an administration: its order, its number within that, and when it began."""
    counters = (rxa.text(1), rxa.text(2), rxa.raw(3))
    key = order_key(orc, run)
    if key is None:
        return (run.sender, run.control_id, "administration", str(run.count("administration")), *counters)
    return (*key, *counters)
