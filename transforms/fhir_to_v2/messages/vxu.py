"""VXU: the immunizations of a patient."""

from __future__ import annotations

from transforms.fhir_node import EMPTY
from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.messages.common import billing, header, person, visit
from transforms.fhir_to_v2.run import NO_MESSAGE, Run
from transforms.fhir_to_v2.segments.al1 import allergies_of
from transforms.fhir_to_v2.segments.nte import ntes_of
from transforms.fhir_to_v2.segments.obx import obxs_of
from transforms.fhir_to_v2.segments.rxa import obxs_of_immunization, orc_of_immunization, rxa_of, rxr_of


def vxu(event: Event, run: Run) -> None:
    """VXU_V04: ORC, RXA, RXR and what is observed, for each immunization."""
    header(event, run)
    patient = run.first("Patient")
    encounter = run.first("Encounter")
    person(patient, run)
    visit(encounter, run)
    billing(patient, encounter, run)
    allergies_of(patient, run)
    immunizations = run.of_type("Immunization")
    if not immunizations and not event.is_said:
        raise run.refuse(NO_MESSAGE, run.root.path, "there is no immunization for a VXU to tell of")
    for immunization in immunizations:
        orc_of_immunization(immunization, run)
        rxa_of(immunization, run)
        rxr_of(immunization, run)
        obxs_of_immunization(immunization, run)
        for observation in run.of_type("Observation"):
            if any(run.refers(each, immunization) for each in observation.all("partOf")):
                obxs_of(observation, run)
        ntes_of(immunization, run)
    for observation in run.of_type("Observation"):
        if observation.path not in run.done:
            obxs_of(observation, run, EMPTY)
