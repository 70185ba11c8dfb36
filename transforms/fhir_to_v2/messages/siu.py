"""SIU: an appointment."""

from __future__ import annotations

from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.messages.common import header, person, visit
from transforms.fhir_to_v2.run import NO_MESSAGE, Run
from transforms.fhir_to_v2.segments.dg1 import dg1s_of
from transforms.fhir_to_v2.segments.nte import ntes_of
from transforms.fhir_to_v2.segments.obx import obxs_of
from transforms.fhir_to_v2.segments.sch import resources_of, sch_of


def siu(event: Event, run: Run) -> None:
    """SIU_S12: the appointment, the patient and visit, the services, things, places and people."""
    header(event, run)
    appointment = run.first("Appointment")
    if appointment:
        sch_of(appointment, run)
        ntes_of(appointment, run)
    elif not event.is_said:
        raise run.refuse(NO_MESSAGE, run.root.path, "there is no appointment for a SIU to tell of")
    patient, encounter = run.first("Patient"), run.first("Encounter")
    person(patient, run)
    visit(encounter, run)
    for observation in run.of_type("Observation"):
        if observation.path not in run.done:
            obxs_of(observation, run)
    dg1s_of(patient, encounter, run)
    resources_of(appointment, run)
