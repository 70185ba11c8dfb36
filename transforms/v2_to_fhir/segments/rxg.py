"""RXG: a single dose that is to be given."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_string, id_codeable_concept
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.medications import Fields, dosage_of, dose, put_instructions, put_medication, put_rate
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.orc_medication import new_request, orc_medication_request, put_subject
from transforms.v2_to_fhir.segments.tq1_medication import tq_medication_request
from transforms.v2_to_fhir.source import SourceSegment

_FIELDS = Fields(4, 8, 17, 18, 23, 24, lot=19, expires=20, maker=21)


def rxg_medication_request(
    rxg: SourceSegment, run: Run, orc: SourceSegment | None, ordered: Resource | None
) -> Resource:
    """RXG, which the guide does not map: the request for one dose; `ordered` is the whole order in the same group."""
    request = new_request(run, orc, "give", rxg.text(1))
    claims(request, "us-core-medicationrequest", run)
    request.update({"status": "unknown", "intent": "instance-order"})
    if ordered is not None:
        request["basedOn"] = [run.refer(ordered)]
    put_medication(request, rxg, _FIELDS, run)
    put_subject(request, "subject", run)
    if run.encounter is not None:
        request["encounter"] = run.refer(run.encounter)
    if orc is not None:
        orc_medication_request(orc, run, request)
    for value in rxg[31]:
        append(request, "identifier", ei_identifier(value, run))
    each = dose(rxg, 5, 6, 7, run, "ordered")
    if each is not None:
        put_rate(each, rxg, 15, 16, run)
        dosage_of(request)["doseAndRate"] = [each]
    put_instructions(request, rxg, 13, run)
    for value in rxg[9]:
        append(request, "note", {"text": cwe_string(value)})
    substitution = id_codeable_concept(rxg.first(10), run, rxg.where(10), table="0167")
    if substitution is not None:
        request["substitution"] = {"allowedCodeableConcept": substitution}
    append_each(request, "reasonCode", rxg, 22, run, cwe_codeable_concept)
    timing = rxg.first(3)
    if timing is not None:
        tq_medication_request(timing, run, rxg.where(3), request)
    return request
