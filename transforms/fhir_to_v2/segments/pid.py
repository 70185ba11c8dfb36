"""PID: the patient."""

from __future__ import annotations

from transforms.elements import CORE, IDENTIFIER_TYPE, OWN, US_CORE
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.addresses import county_of, xad_of
from transforms.fhir_to_v2.datatypes.authorities import assigner_hd
from transforms.fhir_to_v2.datatypes.codes import code_of, codes_of, cwe_of, yes_no
from transforms.fhir_to_v2.datatypes.contacts import xtn_of
from transforms.fhir_to_v2.datatypes.identifiers import cx_of, dln_of
from transforms.fhir_to_v2.datatypes.names import is_called_by, xpn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line, Parts, decoded
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.nk1 import is_mothers_number, is_number_alone
from transforms.v2_to_fhir.extensions import V2_TEXT
from transforms.v2_to_fhir.profiles import CDC_RACE
from transforms.v2_to_fhir.segments.pid import OPERATION, SSN

_ETHNICITY = {"2135-2": "H", "2186-5": "N"}


def pid_of(patient: Node, run: Run) -> Line:
    """Patient[PID]."""
    pid = run.line("PID", patient)
    pid.put(1, str(sum(line.name == "PID" for line in run.lines)))
    _put_identifiers(pid, patient, run)
    _put_names(pid, patient, run)
    _put_birth(pid, patient, run)
    pid.put(8, code_of(patient, "gender", run, "AdministrativeSex"))
    _put_races(pid, patient, run)
    for address in patient.all("address"):
        pid.put(11, xad_of(address, run))
        pid.put(12, county_of(address))
    for contact in patient.all("telecom"):
        field = field_of(contact, "PID") or (14 if contact.peek("use") == "work" else 13)
        pid.put(field, xtn_of(contact, run))
    _put_languages(pid, patient, run)
    pid.put(16, cwe_of(patient.one("maritalStatus"), run, "MaritalStatus", "0002"))
    account = next((each for each in run.of_type("Account") if _is_of(each, patient, run)), EMPTY)
    pid.put(18, cx_of(account.one("identifier"), run))
    if account:
        pid.sources.append(account)
        run.done.add(account.path)
        account.skip("status")
    _put_mother(pid, patient, run)
    _put_death(pid, patient, run)
    _put_extensions(pid, patient, run)
    _put_last_update(pid, patient, run)
    return pid


def _put_identifiers(pid: Line, patient: Node, run: Run) -> None:
    for identifier in patient.all("identifier"):
        kinds = codes_of(identifier.one("type"), IDENTIFIER_TYPE)
        system = identifier.peek("system")
        # The way forward makes a number without an authority of its own of PID-19 and PID-20.
        if field_of(identifier, "DB1"):
            continue
        if system == SSN and not identifier.has("assigner") and run.has_field("PID", 19) and not pid.has(19):
            pid.put(19, identifier.text("value") if identifier.text("system") else "")
        elif kinds == ["DL"] and not system and run.has_field("PID", 20) and not pid.has(20):
            pid.put(20, dln_of(identifier, run))
        else:
            pid.put(field_of(identifier, "PID") or 3, cx_of(identifier, run))


def _put_names(pid: Line, patient: Node, run: Run) -> None:
    for name in patient.all("name"):
        if field_of(name, "PID") == 9:
            pid.put(9, xpn_of(name, run))
        elif is_called_by(name) and run.has_component("XPN", 15) and pid.has(5):
            name.text("use")
            pid.fields[5][-1][15] = name.text("given")  # type: ignore[index]
        else:
            pid.put(5, xpn_of(name, run))


def _put_birth(pid: Line, patient: Node, run: Run) -> None:
    beside = patient.beside("birthDate") if patient.has("_birthDate") else EMPTY
    exact = dtm_of(beside.extension(f"{CORE}patient-birthTime"), "valueDateTime", run)
    day = dtm_of(patient, "birthDate", run)
    pid.put(7, exact or day)
    if patient.has("multipleBirthInteger"):
        pid.put(24, "Y")
        pid.put(25, patient.text("multipleBirthInteger"))
    else:
        pid.put(24, yes_no(patient, "multipleBirthBoolean"))
    place = patient.extension(f"{CORE}patient-birthPlace").one("valueAddress")
    shown = [place.text("text")] if place.has("text") else [place.text(each) for each in ("city", "state", "country")]
    pid.put(23, ", ".join(filter(None, shown)))


def _put_races(pid: Line, patient: Node, run: Run) -> None:
    for race in patient.extensions(f"{US_CORE}us-core-race"):
        for each in [*race.extensions("ombCategory"), *race.extensions("detailed")]:
            pid.put(10, _category(each.one("valueCoding"), "", "0005"))
        race.extension("text").text("valueString")
    for race in patient.extensions(f"{OWN}race"):
        pid.put(10, cwe_of(race.one("valueCodeableConcept"), run, "", "0005"))
    for group in patient.extensions(f"{US_CORE}us-core-ethnicity"):
        found = [*group.extensions("ombCategory"), *group.extensions("detailed")]
        group.extension("text").text("valueString")
        for each in found:
            coding = each.one("valueCoding")
            pid.put(22, _category(coding, _ETHNICITY.get(coding.peek("code"), ""), "0189"))
    for group in patient.extensions(f"{OWN}ethnicity"):
        pid.put(22, cwe_of(group.one("valueCodeableConcept"), run, "", "0189"))


def _category(coding: Node, old: str, table: str) -> Parts:
    """A race or ethnic group, as its sender wrote it or by the code of HL7's table."""
    kept = coding.extension(V2_TEXT).text("valueString") if coding.has("extension") else ""
    code, system, display = coding.text("code"), coding.text("system"), coding.text("display")
    if kept:
        return decoded(kept)
    return {1: old or code, 2: display, 3: "NULLFL" if system != CDC_RACE else f"HL7{table}"}


def _put_languages(pid: Line, patient: Node, run: Run) -> None:
    spoken = patient.all("communication")
    preferred = next((each for each in spoken if each.text("preferred") == "true"), spoken[0] if spoken else EMPTY)
    pid.put(15, cwe_of(preferred.one("language"), run, "PrimaryLanguage", "0296"))


def _put_mother(pid: Line, patient: Node, run: Run) -> None:
    for person in run.of_type("RelatedPerson"):
        if run.refers(person.one("patient"), patient):
            for identifier in person.all("identifier"):
                if is_mothers_number(identifier):
                    pid.put(21, cx_of(identifier, run))
            if is_number_alone(person):
                pid.sources.append(person)
                run.done.add(person.path)
                person.skip("active", "relationship")


def _put_death(pid: Line, patient: Node, run: Run) -> None:
    died = dtm_of(patient, "deceasedDateTime", run)
    pid.put(29, died)
    pid.put(30, "Y" if died else yes_no(patient, "deceasedBoolean"))


def _put_extensions(pid: Line, patient: Node, run: Run) -> None:
    for each in patient.extensions(f"{CORE}patient-mothersMaidenName"):
        kept = each.beside("valueString").extension(V2_TEXT).text("valueString") if each.has("_valueString") else ""
        name = each.text("valueString")
        pid.put(6, decoded(kept) if kept else name)
    for field, url, codes, table in (
        (17, f"{CORE}patient-religion", "Religion", "0006"),
        (27, f"{OWN}veteran-military-status", "", "0172"),
    ):
        for each in patient.extensions(url):
            pid.put(field, cwe_of(each.one("valueCodeableConcept"), run, codes, table))
    for field, url in ((26, "patient-citizenship"), (28, "patient-nationality")):
        for each in patient.extensions(CORE + url):
            concept = each.extension("code").one("valueCodeableConcept")
            pid.put(field_of(concept, "PID") or field, cwe_of(concept, run))
    pid.put(31, yes_no(patient.extension(f"{OWN}identity-unknown"), "valueBoolean"))
    animal = patient.extension(f"{CORE}patient-animal")
    for field, name in ((35, "species"), (36, "breed")):
        pid.put(field, cwe_of(animal.extension(name).one("valueCodeableConcept"), run))


def _put_last_update(pid: Line, patient: Node, run: Run) -> None:
    for each in run.of_type("Provenance"):
        is_update = codes_of(each.one("activity"), OPERATION)
        if is_update and any(run.refers(target, patient) for target in each.all("target")):
            pid.put(33, dtm_of(each, "occurredDateTime", run))
            pid.put(34, dict(enumerate(assigner_hd(each.one("agent").one("who"), run), 1)))
            run.done.add(each.path)


def _is_of(account: Node, patient: Node, run: Run) -> bool:
    return any(run.refers(each, patient) for each in account.all("subject"))
