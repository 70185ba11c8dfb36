"""recordTarget: the patient."""

from __future__ import annotations

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import NULL_FLAVOR, codeable_concept, coding, mapped, shown
from transforms.ccda_to_fhir.datatypes.contacts import address, addresses, contact_points
from transforms.ccda_to_fhir.datatypes.identifiers import identifiers, key_of
from transforms.ccda_to_fhir.datatypes.names import human_name, human_names
from transforms.ccda_to_fhir.datatypes.nulls import absent_for
from transforms.ccda_to_fhir.datatypes.quantities import positive_int
from transforms.ccda_to_fhir.datatypes.times import put_day, put_time
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.people import organization
from transforms.ccda_to_fhir.run import Run
from transforms.elements import (
    CORE,
    US_CORE,
    absent,
    add_extension,
    append,
    coded,
    extension,
    put,
    supply_patient,
)
from transforms.moments import moment

RACE_AND_ETHNICITY = "urn:oid:2.16.840.1.113883.6.238"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_OMB = {
    "raceCode": frozenset(("1002-5", "2028-9", "2054-5", "2076-8", "2106-3")),
    "ethnicGroupCode": frozenset(("2135-2", "2186-5")),
}
_UNKNOWN = frozenset(("UNK", "ASKU", "NI", "NASK", "OTH"))


def record_target(node: Node | None, run: Run) -> Resource:
    """The Patient of a recordTarget; without one, a patient of whom nothing is known."""
    role = node.get("patientRole") if node is not None else None
    if role is None:
        patient = run.add("Patient", run.document_key, "patient")
        _put_profile(patient, run)
        return patient
    numbers = identifiers(role, run)
    patient = run.add("Patient", *_key(role, numbers, run))
    role.target = patient
    put(patient, "identifier", numbers)
    person = role.get("patient")
    if person is not None:
        _put_person(patient, person, run)
    put(patient, "telecom", contact_points(role, run))
    put(patient, "address", [_with_text(each) for each in addresses(role, run)])
    put(patient, "managingOrganization", organization(role.get("providerOrganization"), run))
    _put_profile(patient, run)
    return patient


def _key(role: Node, numbers: list[Element], run: Run) -> tuple[str, ...]:
    """The identifier by which the patient is known: under the best of the site's roots, else the first there is."""
    for root in run.options.patient_roots:
        for node in role.all("id"):
            if node.peek("root") == root and node.peek("extension"):
                for number in numbers:
                    if number["value"] == node.peek("extension"):
                        return key_of(number)
    return key_of(numbers[0]) if numbers else (run.document_key, "patient")


def _put_person(patient: Resource, person: Node, run: Run) -> None:
    put(patient, "name", human_names(person, run))
    _put_gender(patient, person, run)
    _put_birth(patient, person, run)
    _put_death(patient, person, run)
    put(patient, "maritalStatus", codeable_concept(person.get("maritalStatusCode"), run))
    put_categories(patient, person, "raceCode", f"{US_CORE}us-core-race", run)
    put_categories(patient, person, "ethnicGroupCode", f"{US_CORE}us-core-ethnicity", run)
    religion = codeable_concept(person.get("religiousAffiliationCode"), run)
    if religion is not None:
        add_extension(patient, extension(f"{CORE}patient-religion", "valueCodeableConcept", religion))
    for place in (person.get("birthplace/place/addr"), person.get("birthPlace/place/addr")):
        found = address(place, run) if place is not None else None
        if found is not None:
            add_extension(patient, extension(f"{CORE}patient-birthPlace", "valueAddress", found))
    for each in person.all("guardian"):
        append(patient, "contact", _guardian(each, run))
    for each in person.all("languageCommunication"):
        append(patient, "communication", _communication(each, run))
    birth_order = positive_int(person.get("sdtc:multipleBirthOrderNumber"), run)
    if birth_order is not None:
        patient["multipleBirthInteger"] = birth_order
    elif person.get("sdtc:multipleBirthInd") is not None:
        put(patient, "multipleBirthBoolean", _boolean(person.value("sdtc:multipleBirthInd")))


def _put_gender(patient: Resource, person: Node, run: Run) -> None:
    code = person.get("administrativeGenderCode")
    if code is None:
        return
    gender = mapped(code, "CF-AdministrativeGender", run)
    coding(code)
    if gender:
        patient["gender"] = gender
    elif code.null:
        patient["gender"] = "other" if code.null == "OTH" else "unknown"
    elif code.peek("code"):
        patient["gender"] = "unknown"


def _put_birth(patient: Resource, person: Node, run: Run) -> None:
    time = person.get("birthTime")
    if time is None:
        return
    put_day(patient, "birthDate", time, run)
    if time.null and "birthDate" not in patient:
        patient["_birthDate"] = absent_for(time.null)
    exact = moment(time.peek("value"), run.zone).text
    if "T" in exact:
        beside = patient.setdefault("_birthDate", {})
        add_extension(beside, extension(f"{CORE}patient-birthTime", "valueDateTime", exact))


def _put_death(patient: Resource, person: Node, run: Run) -> None:
    time = person.get("sdtc:deceasedTime")
    is_dead = person.value("sdtc:deceasedInd")
    if time is not None and time.peek("value"):
        put_time(patient, "deceasedDateTime", time, run)
    if "deceasedDateTime" not in patient and _boolean(is_dead) is not None:
        patient.pop("_deceasedDateTime", None)
        patient["deceasedBoolean"] = _boolean(is_dead)
    if is_dead == "false" and "deceasedDateTime" in patient:
        what = "the patient is said not to be dead, and to have died: the time of death is kept"
        run.tell("CCDA-141", person.where, what)


def put_categories(patient: Resource, person: Node, name: str, url: str, run: Run) -> None:
    """Put the races or ethnic groups of a person into the US Core extension at `url`: categories, details, text."""
    inner: list[Element] = []
    texts: list[str] = []
    unknown: Element | None = None
    for each in (*person.all(name), *person.all(f"sdtc:{name}")):
        concept = codeable_concept(each, run)
        for found in concept.get("coding", ()) if concept is not None else ():
            if found.get("system") == RACE_AND_ETHNICITY:
                kind = "ombCategory" if found["code"] in _OMB[name] else "detailed"
                append({"inner": inner}, "inner", extension(kind, "valueCoding", found))
        if concept is not None:
            text = shown(concept)
            texts.append(text)
            if not any(one.get("system") == RACE_AND_ETHNICITY for one in concept.get("coding", ())):
                inner.append(extension("text", "valueString", text))
        if each.null in _UNKNOWN and concept is None:
            code = each.null if each.null in ("UNK", "ASKU") else "UNK"
            meaning = "Asked but no answer" if code == "ASKU" else "Unknown"
            texts.append(meaning)
            unknown = extension("ombCategory", "valueCoding", {"system": NULL_FLAVOR, "code": code, "display": meaning})
    kinds = [each["url"] for each in inner]
    if unknown is not None and "ombCategory" not in kinds:
        inner.append(unknown)
    inner = [each for each in inner if each["url"] != "text"]
    if name == "raceCode":
        inner = _at_most_five(inner)
    if texts:
        inner.append(extension("text", "valueString", ", ".join(dict.fromkeys(texts))))
        add_extension(patient, {"url": url, "extension": inner})


def _at_most_five(inner: list[Element]) -> list[Element]:
    categories = [each for each in inner if each["url"] == "ombCategory"][:5]
    return [*categories, *(each for each in inner if each["url"] != "ombCategory")]


def _guardian(node: Node, run: Run) -> Element:
    """A guardian as a contact of the patient."""
    contact: Element = {"relationship": [coded(ROLE_CODE, "GUARD", "guardian")]}
    append(contact, "relationship", codeable_concept(node.get("code"), run))
    person = node.get("guardianPerson")
    if person is not None:
        append(contact, "relationship", codeable_concept(person.get("sdtc:asPatientRelationship/code"), run))
        put(contact, "name", _without_text(human_name(person.get("name"), run)))
    put(contact, "telecom", contact_points(node, run))
    homes = addresses(node, run)
    if homes:
        contact["address"] = homes[0]
    put(contact, "organization", organization(node.get("guardianOrganization"), run))
    if not contact.keys() - {"relationship"}:
        contact["name"] = absent("unknown")  # R4 wants something of a contact (pat-1)
    return contact


def _communication(node: Node, run: Run) -> Element | None:
    code = node.get("languageCode")
    language = code.attr("code") if code is not None else ""
    if not language:
        return None
    coded_language: Element = {"system": "urn:ietf:bcp:47", "code": language}
    known = concept_map("PrimaryLanguage").find(language.partition("-")[0])
    put(coded_language, "display", known[0].display if known and "-" not in language else "")
    element: Element = {"language": {"coding": [coded_language]}}
    put(element, "preferred", _boolean(node.value("preferenceInd")))
    inner = [
        extension(name, "valueCoding", found)
        for name, child in (("level", "proficiencyLevelCode"), ("type", "modeCode"))
        if (found := coding(node.get(child))) is not None
    ]
    if inner:
        add_extension(element, {"url": f"{CORE}patient-proficiency", "extension": inner})
    return element


def _put_profile(patient: Resource, run: Run) -> None:
    """Supply what a US Core Patient must have, by saying that it is not known."""
    if run.options.profile != "none":
        supply_patient(patient)


def _without_text(name: Element | None) -> Element | None:
    """A name by its parts; by its text where it has no parts."""
    if name is not None and ("family" in name or "given" in name):
        name.pop("text", None)
    return name


def _with_text(address: Element) -> Element:
    """An address with the line that a reader is shown."""
    parts = [*address.get("line", ()), *(address.get(name, "") for name in ("city", "state", "postalCode", "country"))]
    return {"text": " ".join(filter(None, parts)), **address}


def _boolean(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text)
