"""PV1: the visit."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import (
    CORE,
    IDENTIFIER_TYPE,
    R5,
    absent,
    append,
    coded,
    extension,
    put,
    supply,
    unknown_concept,
)
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_coding, put_code
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.locations import dld_location, pl_location
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_date_time, put_end
from transforms.v2_to_fhir.elements import append_each, of_field, put_first
from transforms.v2_to_fhir.profiles import claims
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msh import msh_encounter
from transforms.v2_to_fhir.segments.npu import put_bed_status
from transforms.v2_to_fhir.source import SourceSegment

PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_PARTICIPANTS = (
    (7, "ATND", "attender"),
    (8, "REF", "referrer"),
    (9, "CON", "consultant"),
    (17, "ADM", "admitter"),
    (52, "PART", "Participation"),
)
_LOCATIONS = ((3, "active"), (6, "completed"), (11, "active"), (42, "reserved"))
_STATUS_OF_PLACE = {"planned": "planned", "finished": "", "cancelled": "", "entered-in-error": ""}
"""What a place that PV1 gives for the visit is, where the visit is not under way: nobody is there when it is over."""
NO_CLASS = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK", "display": "unknown"}
_VISIT_NUMBER = {"system": IDENTIFIER_TYPE, "code": "VN", "display": "Visit number"}
_TEMPORARY = coded("http://hl7.org/fhir/ValueSet/subject-location", "temporary")


def pv1_encounter(pv1: SourceSegment, run: Run, patient: Resource | None) -> Resource:
    """PV1[Encounter]."""
    numbers = _visit_numbers(pv1, run)
    key = encounter_key(numbers, run, patient)
    encounter = run.add("Encounter", *key)
    if patient is not None and encounter.get("subject", run.refer(patient)) != run.refer(patient):
        encounter = run.add("Encounter", *key, patient["id"])  # one number for the visits of two patients
    claims(encounter, "us-core-encounter", run)
    put(encounter, "identifier", numbers)
    _put_status(encounter, pv1, run)
    encounter["class"] = cwe_coding(pv1.first(2), run, pv1.where(2), "PatientClass[EncounterClass]", "0004") or NO_CLASS
    if patient is not None:
        encounter["subject"] = run.refer(patient)
    elif run.options.profile != "none":
        encounter["subject"] = absent("unknown")
    append_each(encounter, "type", pv1, 4, run, cwe_codeable_concept, codes="AdmissionType", table="0007")
    if "type" not in encounter and run.options.profile != "none":
        encounter["type"] = [unknown_concept()]
    put_first(encounter, "serviceType", pv1, 10, run, cwe_codeable_concept, codes="HospitalService", table="0069")
    for field, code, display in _PARTICIPANTS:
        put_participants(encounter, pv1, field, code, display, run)
    _put_period(encounter, pv1, run)
    _put_hospitalization(encounter, pv1, run)
    _put_locations(encounter, pv1, run)
    _put_episode(encounter, pv1, run, patient)
    if run.options.profile != "none":
        supply(encounter, "identifier", "system", "value")
    return encounter


def is_no_visit(pv1: SourceSegment) -> bool:
    """Whether the segment says that there is no visit: class N, not applicable, and nothing that belongs to one."""
    return pv1.raw(2).partition("^")[0] == "N" and not any(pv1.has(field) for field in (3, 7, 10, 19, 44, 45, 50))


def pv1_coverage(pv1: SourceSegment, run: Run, patient: Resource) -> None:
    """PV1[Coverage]: the financial classes of the visit."""
    for value in pv1[20]:
        kind = cwe_codeable_concept(value, run, pv1.where(20), "FinancialClass", "0064")
        if kind is None:
            continue
        coverage = run.add("Coverage", patient["id"], "financial-class", value[1])
        coverage.update({"status": "active", "type": kind, "beneficiary": run.refer(patient)})
        if claims(coverage, "us-core-coverage", run):
            coverage["_subscriberId"] = absent("unknown")
            coverage["relationship"] = unknown_concept()
        append(coverage, "payor", run.refer(patient))
        if value.has(2):
            period: Element = {}
            put_date_time(period, "start", value[2], run, pv1.where(20))
            coverage["period"] = period


def pv1_basic_encounter_history(pv1: SourceSegment, run: Run, encounter: Resource, patient: Resource | None) -> None:
    """PV1[Basic-EncounterHistory]: where the patient was temporarily before."""
    place = pl_location(pv1.first(43), run)
    if place is None:
        return
    basic = run.add("Basic", encounter["id"], "EncounterHistory")
    basic["code"] = coded("http://hl7.org/fhir/fhir-types", "EncounterHistory")
    if patient is not None:
        basic["subject"] = run.refer(patient)
    append(
        basic,
        "extension",
        {
            "url": f"{R5}EncounterHistory.location",
            "extension": [
                extension("location", "valueReference", place),
                extension("status", "valueCode", "completed"),
                extension("form", "valueCodeableConcept", _TEMPORARY),
            ],
        },
        extension(f"{R5}EncounterHistory.encounter", "valueReference", run.refer(encounter)),
    )


def put_participants(
    encounter: Resource, segment: SourceSegment, field: int, code: str, display: str, run: Run
) -> None:
    """Put each person of `field` (XCN) into the Encounter as a participant of type `code`."""
    for value in segment[field]:
        person = xcn_practitioner(value, run, segment.where(field))
        if person is not None:
            kind = {**coded(PARTICIPATION, code, display), "text": display}
            append(encounter, "participant", of_field({"type": [kind], "individual": person}, segment, field))


def encounter_key(numbers: list[Element], run: Run, patient: Resource | None) -> tuple[str, ...]:
    """What identifies a visit: its first number, else the patient within this message alone."""
    if numbers:
        return identifier_key(numbers[0], run)
    return (run.sender, run.control_id, "visit", patient["id"] if patient is not None else "")


def _visit_numbers(pv1: SourceSegment, run: Run) -> list[Element]:
    numbers = []
    visit = cx_identifier(pv1.first(19), run, pv1.where(19))
    if visit is not None:
        kinds = visit.get("type", {}).get("coding", [])
        if all(each["code"] != "VN" for each in kinds):
            kinds = [*kinds, _VISIT_NUMBER]
        visit["type"] = {"coding": kinds, "text": "visit number"}
        numbers.append(visit)
    numbers += [each for each in (cx_identifier(value, run, pv1.where(50)) for value in pv1[50]) if each is not None]
    return numbers


def _put_status(encounter: Resource, pv1: SourceSegment, run: Run) -> None:
    """What the event says the visit is now; where it does not say, what the discharge time or the class of PV1 say."""
    told = msh_encounter(run)
    if told:
        encounter["status"] = told
        return
    if pv1.has(45):
        encounter["status"] = "finished"
        return
    held: Element = {}
    put_code(held, "status", pv1.text(2), "PatientClass[EncounterStatus]", run, pv1.where(2), "0004")
    encounter["status"] = held.get("status", "unknown")


def _put_period(encounter: Resource, pv1: SourceSegment, run: Run) -> None:
    period: Element = {}
    put_date_time(period, "start", pv1.text(44), run, pv1.where(44))
    # The discharge that is cancelled did not end the visit; its time stays unread, and so is kept.
    if encounter["status"] not in ("in-progress", "planned", "onleave"):
        put_end(period, pv1.text(45), run, pv1.where(45))
    if encounter["status"] == "finished" and not pv1.has(45):
        put(period, "end", run.occurred)
    put(encounter, "period", period)


def _put_hospitalization(encounter: Resource, pv1: SourceSegment, run: Run) -> None:
    stay: Element = {}
    put_first(stay, "preAdmissionIdentifier", pv1, 5, run, cx_identifier)
    put_first(stay, "admitSource", pv1, 14, run, cwe_codeable_concept, table="0023")
    put_first(stay, "reAdmission", pv1, 13, run, cwe_codeable_concept, codes="ReadmissionIndicator", table="0092")
    append_each(stay, "dietPreference", pv1, 38, run, cwe_codeable_concept, codes="DietType", table="0114")
    append_each(stay, "specialCourtesy", pv1, 16, run, cwe_codeable_concept, codes="VIPIndicator", table="0099")
    append_each(stay, "specialArrangement", pv1, 15, run, cwe_codeable_concept, codes="AmbulatoryStatus", table="0009")
    put_first(stay, "destination", pv1, 37, run, dld_location)
    put_first(
        stay, "dischargeDisposition", pv1, 36, run, cwe_codeable_concept, codes="DischargeDisposition", table="0112"
    )
    put(encounter, "hospitalization", stay)


def _put_locations(encounter: Resource, pv1: SourceSegment, run: Run) -> None:
    for field, status in _LOCATIONS:
        place = pl_location(pv1.first(field), run)
        if place is None:
            continue
        location: Element = {"location": place}
        put(location, "status", _STATUS_OF_PLACE.get(encounter["status"], status) if status == "active" else status)
        if field == 11:
            location["extension"] = [
                extension(f"{CORE}subject-locationClassification", "valueCodeableConcept", _TEMPORARY)
            ]
        append(encounter, "location", location)
        if field == 3 and pv1.has(40):
            put_bed_status(run.referred(place), pv1.text(40), run, pv1.where(40))


def _put_episode(encounter: Resource, pv1: SourceSegment, run: Run, patient: Resource | None) -> None:
    number = cx_identifier(pv1.first(54), run, pv1.where(54))
    if patient is None or number is None:
        return
    episode = run.add("EpisodeOfCare", *identifier_key(number, run))
    episode.update({"identifier": [number], "status": "active", "patient": run.refer(patient)})
    description = pv1.text(53)
    if description:
        episode["extension"] = [extension(f"{CORE}resource-instance-description", "valueMarkdown", description)]
    append(encounter, "episodeOfCare", run.refer(episode))
