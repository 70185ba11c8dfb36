"""RXO: a medicine as it was ordered."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_string, id_codeable_concept
from transforms.v2_to_fhir.datatypes.entities import cwe_organization
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
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
from transforms.v2_to_fhir.source import SourceSegment

_FIELDS = Fields(code=1, form=5, strength=18, strength_units=19, volume=25, volume_units=26)


def rxo_medication_request(rxo: SourceSegment, run: Run, orc: SourceSegment | None) -> Resource:
    """RXO[MedicationRequest]; `orc` is the ORC before it."""
    request = new_request(run, orc)
    claims(request, "us-core-medicationrequest", run)
    request.update({"status": "unknown", "intent": "original-order"})
    put_medication(request, rxo, _FIELDS, run)
    put_subject(request, "subject", run)
    if run.encounter is not None:
        request["encounter"] = run.refer(run.encounter)
    if orc is not None:
        orc_medication_request(orc, run, request)
    if "requester" not in request:
        for value in rxo[14][:1]:
            request["requester"] = xcn_practitioner(value, run, rxo.where(14))
    dosage = dosage_of(request)
    ordered = dose(rxo, 2, 3, 4, run, "ordered")
    if ordered is not None:
        put_rate(ordered, rxo, 21, 22, run)
        dosage["doseAndRate"] = [ordered]
    put_daily_dose(dosage, rxo, 23, run)
    put_instructions(request, rxo, 7, run)
    for value in rxo[6]:
        append(request, "note", {"text": cwe_string(value)})
    substitution = id_codeable_concept(rxo.first(9), run, rxo.where(9), "AllowSubstitution", "0161")
    if substitution is not None:
        request["substitution"] = {"allowedCodeableConcept": substitution}
    put_refills(request, rxo, 11, 12, 13, run)
    pharmacy = cwe_organization(rxo.first(32), run)
    if pharmacy is not None:
        request.setdefault("dispenseRequest", {})["performer"] = pharmacy
    append_each(request, "reasonCode", rxo, 20, run, cwe_codeable_concept)
    return request
