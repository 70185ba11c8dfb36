"""DG1: a diagnosis."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import CORE, add_extension, append, coded, extension, put, unknown_concept
from transforms.identity import resource_id
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_system
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, owned_key
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment, Value

CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def dg1_condition(dg1: SourceSegment, run: Run, patient: Resource) -> Resource:
    """DG1[Condition]."""
    code = _code(dg1, run)
    identifier = ei_identifier(dg1.first(20), run)
    condition = run.add("Condition", *_key(code, identifier, run, patient))
    claims(condition, "us-core-condition-encounter-diagnosis", run)
    append(condition, "identifier", identifier)
    if dg1.raw(21) == "D":
        dg1.text(21)
        condition["verificationStatus"] = coded(VERIFICATION, "entered-in-error")
    append(condition, "category", coded(CATEGORY, "encounter-diagnosis", "Encounter Diagnosis"))
    condition["code"] = code or unknown_concept()
    condition["subject"] = run.refer(patient)
    if run.encounter is not None:
        condition["encounter"] = run.refer(run.encounter)
    put_field_time(condition, "onsetDateTime", dg1, 5, run)
    if dg1.has(19):
        put_field_time(condition, "recordedDate", dg1, 19, run)
        asserted: Element = {"url": f"{CORE}condition-assertedDate"}
        put_field_time(asserted, "valueDateTime", dg1, 19, run)
        add_extension(condition, asserted)
    put(condition, "asserter", xcn_practitioner(dg1.first(16), run, dg1.where(16)))
    cause = ei_condition(dg1.first(22), run)
    if cause is not None:
        add_extension(condition, extension(f"{CORE}condition-dueTo", "valueReference", cause))
    return condition


def dg1_encounter(dg1: SourceSegment, run: Run, encounter: Resource, condition: Resource) -> None:
    """DG1[Encounter]: that the visit has this diagnosis, unless it was entered in error."""
    if "verificationStatus" not in condition:
        append(encounter, "diagnosis", _diagnosis(dg1, run, condition, "use"))


def dg1_episode_of_care(dg1: SourceSegment, run: Run, episode: Resource, condition: Resource) -> None:
    """DG1[EpisodeOfCare]: that the episode has this diagnosis, unless it was entered in error."""
    if "verificationStatus" not in condition:
        append(episode, "diagnosis", _diagnosis(dg1, run, condition, "role"))


def ei_condition(ei: Value | None, run: Run) -> Element | None:
    """EI[Condition]: a reference to the Condition of that identifier, by its identifier alone where it is elsewhere."""
    identifier = ei_identifier(ei, run)
    if identifier is None:
        return None
    known = run.find(resource_id("Condition", *owned_key(identifier, run)))
    return run.refer(known) if known is not None else {"type": "Condition", "identifier": identifier}


def _code(dg1: SourceSegment, run: Run) -> Element:
    """DG1-3, its coding system named by DG1-2 where it does not name one itself, with the text of DG1-4."""
    concept = cwe_codeable_concept(dg1.first(3), run, dg1.where(3)) or {}
    put_system(concept, dg1, 2)
    description = dg1.text(4)
    if description:
        concept["text"] = description
    return concept


def _key(code: Element, identifier: Element | None, run: Run, patient: Resource) -> tuple[str, ...]:
    if identifier is not None:
        return owned_key(identifier, run)
    owner = run.encounter["id"] if run.encounter is not None else patient["id"]
    for each in code.get("coding", []):
        return (owner, each.get("system", ""), each["code"])
    text = code.get("text", "")
    return (owner, "text", text.casefold()) if text else (owner, run.control_id, str(run.count("diagnosis")))


def _diagnosis(dg1: SourceSegment, run: Run, condition: Resource, kind: str) -> Element:
    element: Element = {"condition": run.refer(condition)}
    put(element, kind, cwe_codeable_concept(dg1.first(6), run, dg1.where(6), "DiagnosisType", "0052"))
    rank = dg1.text(15)
    if rank.isdecimal() and int(rank) > 0:
        element["rank"] = int(rank)
    return element
