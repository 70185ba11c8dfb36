"""PR1: a procedure."""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, coded, extension, put, unknown_concept
from transforms.identity import resource_id
from transforms.moments import moment
from transforms.v2_to_fhir.datatypes.codes import cne_codeable_concept, cwe_codeable_concept, put_system
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, owned_key
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import decimal, put_first
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

SNOMED = "http://snomed.info/sct"
_PERFORMERS = ((8, "88189002", "Anesthesiologist"), (11, "304292004", "Surgeon"), (12, "", ""))
_MOST_MINUTES = 10 * 366 * 24 * 60


def pr1_procedure(pr1: SourceSegment, run: Run, patient: Resource) -> Resource:
    """PR1[Procedure]."""
    code = _code(pr1, run)
    identifier = ei_identifier(pr1.first(19), run)
    procedure = run.add("Procedure", *_key(pr1, code, identifier, run, patient))
    claims(procedure, "us-core-procedure", run)
    append(procedure, "identifier", identifier)
    parent = _parent(pr1.first(25), run)
    if parent is not None:
        append(procedure, "partOf", parent)
    procedure["status"] = "unknown"
    if pr1.raw(20) == "D":
        pr1.text(20)
        procedure["status"] = "entered-in-error"
    put_first(procedure, "category", pr1, 6, run, cwe_codeable_concept, table="0230")
    procedure["code"] = code or unknown_concept()
    procedure["subject"] = run.refer(patient)
    if run.encounter is not None:
        procedure["encounter"] = run.refer(run.encounter)
    _put_performed(procedure, pr1, run)
    for field, function, display in _PERFORMERS:
        for value in pr1[field]:
            person = xcn_practitioner(value, run, pr1.where(field))
            if person is not None:
                performer: Element = {"function": coded(SNOMED, function, display)} if function else {}
                append(procedure, "performer", {**performer, "actor": person})
    put(procedure, "location", pl_location(pr1.first(23), run))
    append(procedure, "reasonCode", cwe_codeable_concept(pr1.first(15), run, pr1.where(15)))
    for value in pr1[16]:
        modifier = cne_codeable_concept(value, run, pr1.where(16), table="0340")
        if modifier is not None:
            add_extension(procedure, extension(f"{OWN}procedure-code-modifier", "valueCodeableConcept", modifier))
    return procedure


def _code(pr1: SourceSegment, run: Run) -> Element:
    """PR1-3, its coding system named by PR1-2 where it does not name one itself, with the text of PR1-4."""
    concept = cne_codeable_concept(pr1.first(3), run, pr1.where(3)) or {}
    put_system(concept, pr1, 2)
    for other in pr1[3][1:]:
        append(concept, "coding", *(cne_codeable_concept(other, run, pr1.where(3)) or {}).get("coding", []))
    if "text" not in concept:
        put(concept, "text", pr1.text(4))
    return concept


def _key(pr1: SourceSegment, code: Element, identifier: Element | None, run: Run, patient: Resource) -> tuple[str, ...]:
    """What identifies a procedure: its identifier, else what was done when in which visit."""
    if identifier is not None:
        return owned_key(identifier, run)
    owner = run.encounter["id"] if run.encounter is not None else patient["id"]
    shown = next((each["code"] for each in code.get("coding", [])), code.get("text", "").casefold())
    if shown:
        return (owner, shown, pr1.raw(5))
    return (owner, run.control_id, str(run.count("procedure")))


def _parent(ei: Value | None, run: Run) -> Element | None:
    identifier = ei_identifier(ei, run)
    if identifier is None:
        return None
    known = run.find(resource_id("Procedure", *owned_key(identifier, run)))
    return run.refer(known) if known is not None else {"type": "Procedure", "identifier": identifier}


def _put_performed(procedure: Resource, pr1: SourceSegment, run: Run) -> None:
    """When: a period where the minutes are known and the start is known to the minute."""
    start = moment(pr1.text(5), run.zone).text
    minutes = decimal(pr1.text(7), run, pr1.where(7)) if "T" in start and pr1.has(7) else None
    if minutes is None or not 0 <= minutes < _MOST_MINUTES:
        put_field_time(procedure, "performedDateTime", pr1, 5, run)
        return
    try:
        end = datetime.fromisoformat(start) + timedelta(minutes=float(minutes))
    except (ValueError, OverflowError):
        put_field_time(procedure, "performedDateTime", pr1, 5, run)
        return
    shown = end.isoformat()
    procedure["performedPeriod"] = {"start": start, "end": f"{shown[:-6]}Z" if start.endswith("Z") else shown}
