"""PD1: what else is known of the patient: those who care for them, their wishes."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import CORE, add_extension, append, coded, extension
from transforms.v2_to_fhir.datatypes.authorities import xon_organization, xon_string
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

LOINC = "http://loinc.org"


def pd1_patient(pd1: SourceSegment, run: Run, patient: Resource) -> None:
    """PD1[Patient]."""
    for organization in pd1[3]:
        append(patient, "generalPractitioner", xon_organization(organization, run))
    for person in pd1[4]:
        append(patient, "generalPractitioner", xcn_practitioner(person, run, pd1.where(4)))
    handicap = cwe_codeable_concept(pd1.first(6), run, pd1.where(6), table="0295")
    if handicap is not None:
        add_extension(patient, extension(f"{CORE}patient-disability", "valueCodeableConcept", handicap))
    for place in pd1[14]:
        name = xon_string(place)
        if name:
            add_extension(patient, extension(f"{CORE}patient-congregation", "valueString", name))


def pd1_observation_living_will(pd1: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """PD1[Observation-LivingWill]."""
    will = cwe_codeable_concept(pd1.first(7), run, pd1.where(7), "LivingWillCode", "0315")
    if will is None:
        return None
    observation = run.add("Observation", patient["id"], "living-will")
    observation["status"] = "final"
    observation["code"] = coded(LOINC, "75320-2")
    observation["subject"] = run.refer(patient)
    observation["valueCodeableConcept"] = will
    return observation
