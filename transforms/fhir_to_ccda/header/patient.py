"""Patient to recordTarget."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import attributes_of, cd_of, ce_of, code_in, coded
from transforms.fhir_to_ccda.datatypes.contacts import (
    addresses_of,
    name_of,
    names_of,
    no_address,
    patient_name,
    telecoms_of,
)
from transforms.fhir_to_ccda.datatypes.ids import ids_of
from transforms.fhir_to_ccda.datatypes.plain import boolean, token, whole
from transforms.fhir_to_ccda.datatypes.times import ts_text
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.parties import organization_of, party_of
from transforms.fhir_to_ccda.run import NOT_CARRIED, Run

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
RACE, ETHNICITY = f"{_US_CORE}us-core-race", f"{_US_CORE}us-core-ethnicity"
BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
RELIGION = "http://hl7.org/fhir/StructureDefinition/patient-religion"
PROFICIENCY = "http://hl7.org/fhir/StructureDefinition/patient-proficiency"

_GENDER_SYSTEM = "2.16.840.1.113883.5.1"
_GENDERS = {"male": ("M", "Male"), "female": ("F", "Female"), "other": ("UN", "Undifferentiated")}
_GUARDIANS = frozenset(("GUARD", "GUADLTM", "POWATT"))
_NULLS = frozenset(("UNK", "ASKU", "NI", "NASK", "OTH", "NA", "NAV"))


def record_target(patient: Node, run: Run) -> Element:
    """The recordTarget of a Patient, with what the US Realm asks of one."""
    run.mark(patient)
    role = make("patientRole", *(ids_of(patient, run) if patient else [null("id")]))
    addresses, telecoms = addresses_of(patient.all("address"), run), telecoms_of(patient.all("telecom"), run)
    for found, name, what in ((addresses, "address", "where the patient lives"), (telecoms, "telecom", "a telephone")):
        if not found:
            run.gap(f"{patient.path or 'Patient'}.{name}", what)
    role.extend(addresses or [no_address()])
    role.extend(telecoms or [null("telecom")])
    role.append(_person(patient, run))
    keeper = patient.one("managingOrganization")
    if keeper:
        organization = run.resolve(keeper)
        role.append(organization_of(organization, run, "providerOrganization", keeper.text("display")))
    return make("recordTarget", role)


def _person(patient: Node, run: Run) -> Element:
    made = make("patient")
    names = [patient_name(each) for each in names_of(patient.all("name"), run)]
    if not names:
        run.gap(f"{patient.path or 'Patient'}.name", "the patient's name")
    made.extend(names or [make("name", null("given"), null("family"))])
    made.append(_gender(patient, run))
    made.append(_birth(patient, run))
    _put_death(made, patient, run)
    _put_births(made, patient)
    if patient.one("maritalStatus"):
        made.append(cd_of(patient.one("maritalStatus"), run, "maritalStatusCode"))
    religion = patient.extension(RELIGION).one("valueCodeableConcept")
    if religion:
        made.append(cd_of(religion, run, "religiousAffiliationCode"))
    made.extend(_categories(patient, RACE, "raceCode", run))
    made.extend(_categories(patient, ETHNICITY, "ethnicGroupCode", run))
    made.extend([each for contact in patient.all("contact") if (each := _guardian(contact, run)) is not None])
    place = patient.extension(BIRTH_PLACE).one("valueAddress")
    if place:
        made.append(make("birthplace", make("place", *(addresses_of([place], run) or [no_address()]))))
    made.extend([_language(each, run) for each in patient.all("communication")])
    return made


def _gender(patient: Node, run: Run) -> Element:
    code = patient.text("gender")
    found = _GENDERS.get(code)
    if found is None:
        if not code:
            run.gap(f"{patient.path or 'Patient'}.gender", "the patient's gender")
        return null("administrativeGenderCode")
    return coded("administrativeGenderCode", found[0], _GENDER_SYSTEM, found[1])


def _birth(patient: Node, run: Run) -> Element:
    holder = patient.beside("birthDate").extension(BIRTH_TIME)
    text = ts_text(holder, "valueDateTime", run) or ts_text(patient, "birthDate", run)
    patient.text("birthDate")
    if not text:
        run.gap(f"{patient.path or 'Patient'}.birthDate", "when the patient was born")
    return make("birthTime", value=text) if text else null("birthTime")


def _put_death(made: Element, patient: Node, run: Run) -> None:
    when = ts_text(patient, "deceasedDateTime", run)
    dead = boolean(patient, "deceasedBoolean") or ("true" if when else "")
    if dead:
        made.append(make("sdtc:deceasedInd", value=dead))
    if dead == "true":
        made.append(make("sdtc:deceasedTime", value=when) if when else null("sdtc:deceasedTime"))


def _put_births(made: Element, patient: Node) -> None:
    number = whole(patient, "multipleBirthInteger")
    several = boolean(patient, "multipleBirthBoolean") or ("true" if number else "")
    if several:
        made.append(make("sdtc:multipleBirthInd", value=several))
    if number.isdigit() and number != "0":
        made.append(make("sdtc:multipleBirthOrderNumber", value=number))


def _categories(patient: Node, url: str, tag: str, run: Run) -> list[Element]:
    """Race or ethnicity by US Core: the category, then further ones and details by HL7's extension."""
    holder = patient.extension(url)
    broad = [each.one("valueCoding") for each in holder.extensions("ombCategory")]
    detail = [each.one("valueCoding") for each in holder.extensions("detailed")]
    holder.extension("text").text("valueString")
    flavor = next((each.text("code") for each in broad if each.peek("code") in _NULLS), "")
    broad = [each for each in broad if each.peek("code") not in _NULLS]
    if not broad:
        text = holder.extension("text").peek("valueString")
        if not flavor and not text:
            run.gap(f"{patient.path or 'Patient'}.extension", f"a {tag}")
        first = null(tag, flavor or ("OTH" if detail or text else "UNK"))
        if text and not flavor:
            first.append(make("originalText", text=text))
    else:
        first = ce_of(broad[0], run, tag)
    return [first, *(make(f"sdtc:{tag}", **attributes_of(each, run)) for each in (*broad[1:], *detail))]


def _guardian(contact: Node, run: Run) -> Element | None:
    """The guardian that a contact is; any other contact is a participant of the document."""
    if not is_guardian(contact):
        return None
    made = make("guardian", classCode="GUARD")
    relationships = contact.all("relationship")
    said = [each for each in relationships if _codes(each) != {"GUARD"}]
    for each in (said or relationships)[:1]:
        made.append(cd_of(each, run))
    for each in relationships:
        if _codes(each) == {"GUARD"}:
            each.pass_over(*each.names())  # that the element is called guardian says it
    made.extend(addresses_of(contact.all("address"), run))
    made.extend(telecoms_of(contact.all("telecom"), run))
    name = name_of(contact.one("name"), run) if contact.one("name") else None
    organization = contact.one("organization")
    made.append(make("guardianPerson", name if name is not None else null("name")))
    if organization and name is None:
        made[-1] = make("guardianPerson", null("name"))
        party = party_of(organization, run)
        if party is not None:
            what = "a guardian is a person here; the organization is left out"
            run.tell(NOT_CARRIED, organization.path, what)
    return made


def is_guardian(contact: Node) -> bool:
    """Whether a contact of a Patient is the guardian: by role or by relationship."""
    return any(_codes(each) & _GUARDIANS for each in contact.all("relationship"))


def _codes(concept: Node) -> set[str]:
    return {each.peek("code") for each in concept.all("coding")}


def _language(communication: Node, run: Run) -> Element:
    concept = communication.one("language")
    tag = code_in(concept, "urn:ietf:bcp:47") or token(concept.one("coding"), "code")
    tag = "" if any(each.isspace() for each in tag) else tag
    concept.pass_over("text")
    made = make("languageCommunication")
    made.append(make("languageCode", code=tag) if tag else null("languageCode"))
    for each in communication.extensions(PROFICIENCY):
        kind, level = each.extension("type").one("valueCoding"), each.extension("level").one("valueCoding")
        if kind:
            made.append(ce_of(kind, run, "modeCode"))
        if level:
            made.append(ce_of(level, run, "proficiencyLevelCode"))
        break
    preferred = boolean(communication, "preferred")
    if preferred:
        made.append(make("preferenceInd", value=preferred))
    return made
