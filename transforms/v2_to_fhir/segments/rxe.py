"""RXE: a medicine as the pharmacy encoded its order."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_string, id_codeable_concept
from transforms.v2_to_fhir.datatypes.entities import cwe_organization
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.medications import (
    Fields,
    dosage_of,
    dose,
    put_daily_dose,
    put_instructions,
    put_medication,
    put_rate,
    put_refills,
)
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.orc_medication import new_request, orc_medication_request, put_subject
from transforms.v2_to_fhir.segments.tq1_medication import tq_medication_request
from transforms.v2_to_fhir.source import SourceSegment

_FIELDS = Fields(code=2, form=6, strength=25, strength_units=26, volume=33, volume_units=34)


def rxe_medication_request(
    rxe: SourceSegment, run: Run, orc: SourceSegment | None, ordered: Resource | None
) -> Resource:
    """RXE, which the guide does not map: a request of its own beside the order that it encodes, `ordered`.

    It never takes the place of what OMP brought: the pharmacy does not say all again that the orderer said.
    """
    request = new_request(run, orc, "encoded")
    claims(request, "us-core-medicationrequest", run)
    request.update({"status": "unknown", "intent": "order" if ordered is None else "filler-order"})
    if ordered is not None:
        request["basedOn"] = [run.refer(ordered)]
    put_medication(request, rxe, _FIELDS, run)
    put_subject(request, "subject", run)
    if run.encounter is not None:
        request["encounter"] = run.refer(run.encounter)
    if orc is not None:
        orc_medication_request(orc, run, request)
    if "authoredOn" not in request:
        put_field_time(request, "authoredOn", rxe, 32, run)
    if "requester" not in request:
        for value in rxe[13][:1]:
            request["requester"] = xcn_practitioner(value, run, rxe.where(13))
    append(request, "identifier", _prescription(rxe, 15))
    dosage = dosage_of(request)
    calculated = dose(rxe, 3, 4, 5, run, "calculated" if ordered is not None else "ordered")
    if calculated is not None:
        put_rate(calculated, rxe, 23, 24, run)
        dosage["doseAndRate"] = [calculated]
    put_daily_dose(dosage, rxe, 19, run)
    put_instructions(request, rxe, 7, run)
    for value in rxe[21]:
        append(request, "note", {"text": cwe_string(value)})
    substitution = id_codeable_concept(rxe.first(9), run, rxe.where(9), table="0167")
    if substitution is not None:
        request["substitution"] = {"allowedCodeableConcept": substitution}
    put_refills(request, rxe, 10, 11, 12, run)
    pharmacy = cwe_organization(rxe.first(40), run)
    if pharmacy is not None:
        request.setdefault("dispenseRequest", {})["performer"] = pharmacy
    append_each(request, "reasonCode", rxe, 27, run, cwe_codeable_concept)
    timing = rxe.first(1)
    if timing is not None:
        tq_medication_request(timing, run, rxe.where(1), request)
    return request


def _prescription(rxe: SourceSegment, field: int) -> Element | None:
    number = rxe.text(field)
    return {"type": {"text": "prescription number"}, "value": number} if number else None
