"""AUT: the payer's authorization of what is asked for."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import absent, append, coded, put
from transforms.moments import moment
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.entities import cwe_organization
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.times import put_date_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msh import recorded
from transforms.v2_to_fhir.segments.orc_medication import put_subject
from transforms.v2_to_fhir.source import SourceSegment

_CLAIM_TYPE = coded("http://terminology.hl7.org/CodeSystem/claim-type", "professional", "Professional")


def aut_claim_response(aut: SourceSegment, run: Run) -> Resource:
    """AUT, which the guide does not map: the answer to a request for authorization; queued while it has no number."""
    number = ei_identifier(aut.first(6), run)
    key = identifier_key(number, run) if number is not None else (run.sender, run.control_id, aut.where())
    answer = run.add("ClaimResponse", *key)
    append(answer, "identifier", number)
    deleted = "D" in {value.peek(1) for value in aut[29]}
    answer.update(
        {"status": "entered-in-error" if deleted else "active", "type": _CLAIM_TYPE, "use": "preauthorization"}
    )
    put_subject(answer, "patient", run)
    processed = moment(aut.text(10), run.zone).text
    answer["created"] = processed or recorded(run)
    insurer = cwe_organization(aut.first(2), run)
    name = aut.text(3)
    if insurer is not None and name:
        run.referred(insurer)["name"] = name
    elif name:
        insurer = run.share({"resourceType": "Organization", "active": True, "name": name}, run.sender, "name", name)
    answer["insurer"] = insurer or absent("unknown")
    answer["outcome"] = "complete" if number is not None else "queued"
    put(answer, "preAuthRef", number["value"] if number is not None else "")
    period: Element = {}
    put_date_time(period, "start", aut.text(4), run, aut.where(4))
    put_date_time(period, "end", aut.text(5), run, aut.where(5))
    put(answer, "preAuthPeriod", period)
    approvals = [cwe_codeable_concept(value, run, aut.where(14), table="0563") or {} for value in aut[14]]
    shown = [
        each.get("text") or each["coding"][0].get("display", each["coding"][0]["code"]) for each in approvals if each
    ]
    put(answer, "disposition", "; ".join(shown))
    notes = [value.whole() for field in (17, 28) for value in aut[field]]
    if notes:
        answer["processNote"] = [{"number": place, "text": text} for place, text in enumerate(notes, start=1)]
    return answer
