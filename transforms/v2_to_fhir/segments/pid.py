"""PID: the patient."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import CORE, IDENTIFIER_TYPE, OWN, add_extension, append, coded, extension
from transforms.v2_to_fhir.datatypes.addresses import xad_address
from transforms.v2_to_fhir.datatypes.authorities import hd_organization
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, put_boolean, put_code
from transforms.v2_to_fhir.datatypes.contacts import xtn_contact_point
from transforms.v2_to_fhir.datatypes.identifiers import best_identifier, cx_identifier, dln_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.names import xpn_called_by, xpn_human_name, xpn_string
from transforms.v2_to_fhir.datatypes.people import cx_related_person_mother
from transforms.v2_to_fhir.datatypes.times import put_date, put_date_time, put_field_time
from transforms.v2_to_fhir.elements import append_each, put_first
from transforms.v2_to_fhir.encoded import keep_text
from transforms.v2_to_fhir.extensions import V2_FIELD
from transforms.v2_to_fhir.profiles import put_ethnicity, put_patient_profile, put_race
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msh import AGENT_TYPE
from transforms.v2_to_fhir.source import SourceSegment

SSN = "http://hl7.org/fhir/sid/us-ssn"
OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"


def pid_patient(pid: SourceSegment, run: Run) -> Resource:
    """PID[Patient]."""
    body: Resource = {}
    for field in (2, 3, 4):
        append_each(body, "identifier", pid, field, run, cx_identifier)
    _put_numbers(body, pid, run)
    patient = run.add("Patient", *patient_key(body.get("identifier", []), run))
    patient.update({**body, **{name: value for name, value in patient.items() if name not in body}})
    for value in pid[5]:
        append(patient, "name", xpn_human_name(value, run, pid.where(5)), xpn_called_by(value))
    append_each(patient, "name", pid, 9, run, xpn_human_name)
    append_each(patient, "telecom", pid, 13, run, xtn_contact_point, use="home")
    append_each(patient, "telecom", pid, 14, run, xtn_contact_point, use="work")
    append_each(patient, "telecom", pid, 40, run, xtn_contact_point)
    put_code(patient, "gender", pid.text(8), "AdministrativeSex", run, pid.where(8), "0001")
    _put_birth(patient, pid, run)
    _put_death(patient, pid, run)
    append_each(patient, "address", pid, 11, run, xad_address)
    _put_county(patient, pid)
    put_first(patient, "maritalStatus", pid, 16, run, cwe_codeable_concept, codes="MaritalStatus", table="0002")
    language = pid.first(15)
    if language is not None:
        found = cwe_codeable_concept(language, run, pid.where(15), "PrimaryLanguage", "0296")
        # The primary language is the preferred one: R4 maps Patient.communication.preferred to PID-15.
        append(patient, "communication", {"language": found, "preferred": True} if found else None)
    _put_extensions(patient, pid, run)
    put_patient_profile(patient, run)
    for value in pid[21]:
        cx_related_person_mother(value, run, pid.where(21), patient)
    return patient


def pid_account(pid: SourceSegment, run: Run) -> Resource | None:
    """PID[Account]: the patient's account at the sender."""
    number = cx_identifier(pid.first(18), run, pid.where(18))
    if number is None or run.patient is None:
        return None
    account = run.add("Account", *identifier_key(number, run))
    account.update({"identifier": [number], "status": "active", "subject": [run.refer(run.patient)]})
    return account


def pid_provenance_patient(pid: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """PID[Provenance-Patient]: who changed the patient's record last, and when."""
    if not (pid.has(33) and pid.has(34)):
        return None
    provenance = run.add("Provenance", patient["id"], run.control_id, "patient")
    provenance["target"] = [run.refer(patient)]
    put_field_time(provenance, "occurredDateTime", pid, 33, run)
    provenance["recorded"] = run.now.isoformat()
    provenance["activity"] = coded(OPERATION, "UPDATE")
    who = hd_organization(pid.first(34), run)
    provenance["agent"] = [{"type": coded(AGENT_TYPE, "performer"), "who": who}]
    return provenance


def patient_key(identifiers: list[Element], run: Run) -> tuple[str, ...]:
    """What identifies a patient: the identifier of the type that the site puts first, else the first that there is.

    Without any, nobody can tell whether two messages speak of one person: the id is the message's own.
    """
    best = best_identifier(identifiers, run.options.patient_identifiers)
    if best is None:
        return (run.sender, run.control_id, "patient", str(run.count("patient")))
    return identifier_key(best, run)


def _put_numbers(body: Resource, pid: SourceSegment, run: Run) -> None:
    ssn = pid.text(19)
    if ssn:
        append(
            body,
            "identifier",
            {"type": {"coding": [{"system": IDENTIFIER_TYPE, "code": "SS"}]}, "system": SSN, "value": ssn},
        )
    append_each(body, "identifier", pid, 20, run, dln_identifier)


def _put_birth(patient: Resource, pid: SourceSegment, run: Run) -> None:
    born = pid.text(7)
    put_date(patient, "birthDate", born, run, pid.where(7))
    if len(born) > 8 and "birthDate" in patient:
        held: Element = {"url": f"{CORE}patient-birthTime"}
        put_date_time(held, "valueDateTime", born, run, pid.where(7))
        patient["_birthDate"] = {"extension": [held]}
    order = pid.text(25)
    if order.isdecimal():
        patient["multipleBirthInteger"] = int(order)
        if pid.raw(24) == "Y":  # it says no more than that there is an order; anything else stays unread
            pid.text(24)
    else:
        put_boolean(patient, "multipleBirthBoolean", pid, 24, run)


def _put_death(patient: Resource, pid: SourceSegment, run: Run) -> None:
    if pid.has(29):
        put_field_time(patient, "deceasedDateTime", pid, 29, run)
        pid.text(30)
    else:
        put_boolean(patient, "deceasedBoolean", pid, 30, run)


def _put_county(patient: Resource, pid: SourceSegment) -> None:
    county = pid.text(12)
    if not county:
        return
    addresses = patient.setdefault("address", [])
    if len(addresses) == 1 and "district" not in addresses[0]:
        addresses[0]["district"] = county
        addresses[0]["_district"] = {"extension": [extension(V2_FIELD, "valueString", "PID-12")]}
    else:
        addresses.append({"district": county, "extension": [extension(V2_FIELD, "valueString", "PID-12")]})


def _put_extensions(patient: Resource, pid: SourceSegment, run: Run) -> None:
    for value in pid[6]:
        if not any(value.has(number) for number in (1, 2, 3, 4, 5)):
            continue
        mother = extension(f"{CORE}patient-mothersMaidenName", "valueString", xpn_string(value))
        if len(value.parts) > 1:
            keep_text(mother.setdefault("_valueString", {}), value.wire, run)
        add_extension(patient, mother)
    put_race(patient, pid, 10, run)
    put_ethnicity(patient, pid, 22, run)
    for field, url, codes, table in (
        (17, f"{CORE}patient-religion", "Religion", "0006"),
        (27, f"{OWN}veteran-military-status", "", "0172"),
    ):
        found = cwe_codeable_concept(pid.first(field), run, pid.where(field), codes, table)
        if found is not None:
            add_extension(patient, extension(url, "valueCodeableConcept", found))
    place = pid.text(23)
    if place:
        add_extension(patient, extension(f"{CORE}patient-birthPlace", "valueAddress", {"text": place}))
    _put_citizenships(patient, pid, run)
    unknown: Element = {}
    put_boolean(unknown, "valueBoolean", pid, 31, run)
    if unknown:
        add_extension(patient, {"url": f"{OWN}identity-unknown", **unknown})
    animal = []
    for field, name in ((35, "species"), (36, "breed")):
        found = cwe_codeable_concept(pid.first(field), run, pid.where(field))
        if found is not None:
            animal.append(extension(name, "valueCodeableConcept", found))
    if animal:
        add_extension(patient, {"url": f"{CORE}patient-animal", "extension": animal})


def _put_citizenships(patient: Resource, pid: SourceSegment, run: Run) -> None:
    for field, url in ((26, "patient-citizenship"), (28, "patient-nationality"), (39, "patient-citizenship")):
        for value in pid[field]:
            found = cwe_codeable_concept(value, run, pid.where(field))
            if found is not None:
                inner = [extension("code", "valueCodeableConcept", found)]
                if field == 39:
                    found.setdefault("extension", []).append(extension(V2_FIELD, "valueString", "PID-39"))
                add_extension(patient, {"url": CORE + url, "extension": inner})
