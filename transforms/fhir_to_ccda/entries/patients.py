"""What a document has of a Patient among the social history: sex at birth, gender identity, tribe."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_ccda.datatypes.codes import LOINC, SNOMED, cd_of, coded, shown
from transforms.fhir_to_ccda.element import Element, make, null
from transforms.fhir_to_ccda.entries.common import T, observation, status, text_reference
from transforms.fhir_to_ccda.narrative import Row
from transforms.fhir_to_ccda.run import Run
from transforms.fhir_to_ccda.section import Section

BIRTH_SEX = (f"{T}200", "2016-06-01")
GENDER_IDENTITY = ("2.16.840.1.113883.10.20.34.3.45", "2022-06-01")
SEX = (f"{T}507", "2023-06-28")
TRIBE = (f"{T}506", "2023-05-01")

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_GENDERS = "2.16.840.1.113883.5.1"
_SEXES = {"M": "Male", "F": "Female", "UN": "Undifferentiated"}
_NULLS = {"UNK": "UNK", "ASKU": "ASKU", "OTH": "OTH"}


def has_any(patient: Node) -> bool:
    """Whether a Patient says anything that the social history has; nothing is marked as read."""
    urls = {each.peek("url") for each in patient.all("extension")}
    return bool(urls & {f"{_US_CORE}{name}" for name in ("birthsex", "genderIdentity", "sex", "tribal-affiliation")})


def write_patient(patient: Node, section: Section, run: Run) -> None:
    """Write what the Patient says of itself into the social history."""
    sex = patient.extension(f"{_US_CORE}birthsex").text("valueCode")
    if sex:
        row = section.row()
        section.add(_said(run, row, BIRTH_SEX, "76689-9", "Sex assigned at birth", _sex(sex)), row)
        row.tell("Observation", "Sex assigned at birth")
        row.tell("Value", _SEXES.get(sex, sex))
    code = patient.extension(f"{_US_CORE}sex").text("valueCode")
    if code:
        row = section.row()
        value = make("value", kind="CD", code=code, codeSystem=SNOMED)
        section.add(_said(run, row, SEX, "46098-0", "Sex", value), row)
        row.tell("Observation", "Sex")
        row.tell("Value", code)
    for each in patient.extensions(f"{_US_CORE}genderIdentity"):
        row = section.row()
        concept = each.one("valueCodeableConcept")
        section.add(
            _said(run, row, GENDER_IDENTITY, "76691-5", "Gender identity", cd_of(concept, run, "value", kind="CD")), row
        )
        row.tell("Observation", "Gender identity")
        row.tell("Value", shown(concept))
    for each in patient.extensions(f"{_US_CORE}tribal-affiliation"):
        row = section.row()
        concept = each.extension("tribalAffiliation").one("valueCodeableConcept")
        each.extension("isEnrolled").text("valueBoolean")
        section.add(
            _said(run, row, TRIBE, "95370-3", "Tribal affiliation", cd_of(concept, run, "value", kind="CD")), row
        )
        row.tell("Observation", "Tribal affiliation")
        row.tell("Value", shown(concept))


def _said(run: Run, row: Row, template: tuple[str, str], code: str, display: str, value: Element) -> Element:
    made = observation(template)
    made.append(make("id", root=run.uuid("patient", code, run.own_id(run.patient), row.id)))
    made.append(coded("code", code, LOINC, display))
    made.append(text_reference(row))
    made.append(status())
    made.append(null("effectiveTime"))
    made.append(value)
    return made


def _sex(code: str) -> Element:
    if code in _SEXES:
        return coded("value", code, _GENDERS, _SEXES[code], "CD")
    return null("value", _NULLS.get(code, "UNK"), kind="CD")
