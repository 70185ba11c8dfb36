"""What the social history tells of who a person is: sex, gender, orientation, tribe. Patient has it as well."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.ccda_to_fhir.datatypes.codes import NULL_FLAVOR, SNOMED, codeable_concept, coding
from transforms.ccda_to_fhir.node import Node
from transforms.ccda_to_fhir.observations import observation_of
from transforms.ccda_to_fhir.registry import template
from transforms.ccda_to_fhir.run import Run
from transforms.ccda_to_fhir.statement import is_stated
from transforms.elements import US_CORE, add_extension, coded, extension

BIRTH_SEX = f"{US_CORE}us-core-birthsex"
SEX = f"{US_CORE}us-core-sex"
GENDER_IDENTITY = f"{US_CORE}us-core-genderIdentity"
TRIBE = f"{US_CORE}us-core-tribal-affiliation"
_NOT_TOLD = {"UNK": "Unknown", "ASKU": "Asked but unknown", "OTH": "Other"}
"""The nullFlavors that are an answer (US Core's value sets of sex and gender)."""
_SEXES = ("248152002", "248153007")


@template("2.16.840.1.113883.10.20.22.4.200", codes=[("76689-9", "observation")])
def birth_sex(observation: Node, run: Run) -> list[Resource]:
    """Birth Sex Observation: an Observation, and US Core's extension of the Patient."""
    found = _told(observation, run)
    value = observation.get("value")
    code = (value.peek("code") or value.peek("nullFlavor")) if value is not None else ""
    if code in ("F", "M", "UNK") and is_stated(observation):
        _put(run.patient, extension(BIRTH_SEX, "valueCode", code))
    return found


@template("2.16.840.1.113883.10.20.22.4.507", codes=[("46098-0", "observation")])
def sex(observation: Node, run: Run) -> list[Resource]:
    """Sex Observation: an Observation, and US Core's extension of the Patient."""
    found = _told(observation, run)
    own = coding(observation.get("value"))
    if own is not None and own.get("system") == SNOMED and own["code"] in _SEXES and is_stated(observation):
        _put(run.patient, extension(SEX, "valueCode", own["code"]))
    return found


@template("2.16.840.1.113883.10.20.34.3.45", codes=[("76691-5", "observation")])
def gender_identity(observation: Node, run: Run) -> list[Resource]:
    """Gender Identity Observation: an Observation, and US Core's extension of the Patient."""
    found = _told(observation, run)
    concept = _concept(observation.get("value"), run)
    if concept is not None and is_stated(observation):
        _put(run.patient, extension(GENDER_IDENTITY, "valueCodeableConcept", concept))
    return found


@template("2.16.840.1.113883.10.20.22.4.506", codes=[("95370-3", "observation")])
def tribal_affiliation(observation: Node, run: Run) -> list[Resource]:
    """Tribal Affiliation Observation: an Observation, and US Core's extension of the Patient."""
    found = _told(observation, run)
    concept = codeable_concept(observation.get("value"), run)
    if concept is not None and is_stated(observation):
        inner = extension("tribalAffiliation", "valueCodeableConcept", concept)
        _put(run.patient, {"url": TRIBE, "extension": [inner]})
    return found


@template("2.16.840.1.113883.10.20.22.4.501", codes=[("76690-7", "observation")])
def sexual_orientation(observation: Node, run: Run) -> list[Resource]:
    """Sexual Orientation Observation: an Observation of US Core's."""
    return _told(observation, run, "us-core-observation-sexual-orientation")


def _told(observation: Node, run: Run, profile: str = "us-core-simple-observation") -> list[Resource]:
    return [observation_of(observation, run, "social-history", profile)]


def _concept(value: Node | None, run: Run) -> Element | None:
    """The concept of a value; that it was not told is one."""
    null = value.peek("nullFlavor") if value is not None else ""
    if null in _NOT_TOLD:
        return coded(NULL_FLAVOR, null, _NOT_TOLD[null])
    return codeable_concept(value, run)


def _put(patient: Resource, told: Element) -> None:
    """Put an extension into the patient; what was told first stays where there can be only one."""
    is_one = told["url"] in (BIRTH_SEX, SEX)
    held = patient.get("extension", ())
    if told not in held and not (is_one and any(each["url"] == told["url"] for each in held)):
        add_extension(patient, told)
