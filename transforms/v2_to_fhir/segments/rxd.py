"""RXD: a medicine that was dispensed."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import absent, append, put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_string, id_codeable_concept
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.medications import Fields, amount, dosage_of, put_daily_dose, put_medication
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.references import by_identifier
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.orc_medication import (
    keep_order_codes,
    order_key,
    order_numbers,
    order_status,
    put_subject,
)
from transforms.v2_to_fhir.source import SourceSegment

_FIELDS = Fields(2, 6, 16, 17, 28, 29, lot=18, expires=19, maker=20)
_SUBSTITUTED = ("G", "T")
_STATUS = {"cancelled": "cancelled", "stopped": "stopped", "on-hold": "on-hold", "entered-in-error": "entered-in-error"}


def rxd_medication_dispense(
    rxd: SourceSegment, run: Run, orc: SourceSegment | None, ordered: Resource | None
) -> Resource:
    """RXD, which the guide does not map; `ordered` is the request in the same group."""
    dispense = run.add("MedicationDispense", *_key(rxd, orc, run))
    claims(dispense, "us-core-medicationdispense", run)
    dispense["status"] = _STATUS.get(order_status(orc), "completed")
    put_medication(dispense, rxd, _FIELDS, run)
    put_subject(dispense, "subject", run)
    if run.encounter is not None:
        dispense["context"] = run.refer(run.encounter)
    numbers = order_numbers(orc, run)
    if orc is not None:
        keep_order_codes(dispense, orc)
    prescription = rxd.text(7)
    if ordered is not None:
        append(dispense, "authorizingPrescription", run.refer(ordered))
    elif numbers:
        append(dispense, "authorizingPrescription", by_identifier("MedicationRequest", numbers[0], run))
    if prescription:
        append(dispense, "identifier", {"type": {"text": "prescription number"}, "value": prescription})
    append(dispense, "identifier", *numbers[1:])
    put_field_time(dispense, "whenHandedOver", rxd, 3, run)
    if "whenHandedOver" not in dispense and dispense["status"] == "completed":
        dispense.setdefault("_whenHandedOver", absent("unknown"))
    put(dispense, "quantity", amount(rxd, 4, 5, run))
    put(dispense, "type", cwe_codeable_concept(rxd.first(33), run, rxd.where(33), table="0484"))
    for value in rxd[9]:
        append(dispense, "note", {"text": value.whole()})
    for value in rxd[10]:
        person = xcn_practitioner(value, run, rxd.where(10))
        append(dispense, "performer", {"actor": person} if person is not None else None)
    put_daily_dose(dosage_of(dispense), rxd, 12, run)
    for value in rxd[15]:
        append(dispense, "note", {"text": cwe_string(value)})
    _put_substitution(dispense, rxd, run)
    return dispense


def _put_substitution(dispense: Resource, rxd: SourceSegment, run: Run) -> None:
    """RXD-11 (table 0167): whether another medicine was given than was ordered; most codes say that none was."""
    code = rxd.first(11)
    if code is None:
        return
    substitution: Element = {"wasSubstituted": code.peek(1) in _SUBSTITUTED}
    put(substitution, "type", id_codeable_concept(code, run, rxd.where(11), table="0167"))
    dispense["substitution"] = substitution


def _key(rxd: SourceSegment, orc: SourceSegment | None, run: Run) -> tuple[str, ...]:
    """What identifies a dispense: its order and its number within that, else the message."""
    key = order_key(orc, run)
    prescription, counter = rxd.raw(7), rxd.text(1)
    if key is None and prescription:
        key = (run.sender, "prescription", prescription)
    if key is None:
        return (run.sender, run.control_id, "dispense", str(run.count("dispense")))
    return (*key, counter or rxd.raw(3))
