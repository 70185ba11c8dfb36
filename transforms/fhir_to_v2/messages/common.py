"""What the messages share: header, person and visit."""

from __future__ import annotations

from transforms.fhir_node import Node
from transforms.fhir_to_v2.datatypes.codes import has_code
from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.acc import acc_of, db1_of, pda_of
from transforms.fhir_to_v2.segments.al1 import allergies_of
from transforms.fhir_to_v2.segments.dg1 import dg1s_of
from transforms.fhir_to_v2.segments.gt1 import gt1s_of
from transforms.fhir_to_v2.segments.in1 import in1s_of
from transforms.fhir_to_v2.segments.msh import msh_of
from transforms.fhir_to_v2.segments.nk1 import nk1s_of
from transforms.fhir_to_v2.segments.nte import ntes_of
from transforms.fhir_to_v2.segments.obx import obxs_of
from transforms.fhir_to_v2.segments.pd1 import pd1_of
from transforms.fhir_to_v2.segments.pid import pid_of
from transforms.fhir_to_v2.segments.pr1 import pr1s_of
from transforms.fhir_to_v2.segments.pv1 import pv1_of
from transforms.fhir_to_v2.segments.pv2 import pv2_of
from transforms.fhir_to_v2.segments.rol import rols_of_encounter, rols_of_patient
from transforms.fhir_to_v2.segments.sft import sfts_of

_CAUSE_OF_DEATH = "69453-9"


def header(event: Event, run: Run) -> None:
    """MSH and SFT."""
    msh_of(run.first("MessageHeader"), event, run)
    sfts_of(run)


def person(patient: Node, run: Run) -> None:
    """PID and what follows it about the person."""
    if not patient:
        return
    pid_of(patient, run)
    pd1_of(patient, run)
    ntes_of(patient, run)
    rols_of_patient(patient, run)
    nk1s_of(patient, run)


def visit(encounter: Node, run: Run) -> None:
    """PV1 and what follows it about the visit; where the structure needs one and there is none, a PV1 that says so."""
    if not encounter:
        structure = run.structure
        needs_visit = structure is not None and any(each.name == "PV1" and each.least for each in structure.children)
        if needs_visit and not run.is_ours:
            pv1 = run.line("PV1")
            pv1.put(1, "1")
            pv1.put(2, "N")
        return
    pv1_of(encounter, run)
    pv2_of(encounter, run)
    rols_of_encounter(encounter, run)


def clinical(patient: Node, encounter: Node, run: Run) -> None:
    """Disability, allergies, diagnoses and procedures."""
    db1_of(patient, run)
    observations(run)
    allergies_of(patient, run)
    dg1s_of(patient, encounter, run)
    pr1s_of(patient, run)


def observations(run: Run) -> None:
    """The observations that stand for themselves."""
    for observation in run.of_type("Observation"):
        if observation.path not in run.done and not has_code(observation.one("code"), _CAUSE_OF_DEATH):
            obxs_of(observation, run)


def billing(patient: Node, encounter: Node, run: Run) -> None:
    """Guarantors, insurances, the accident, and what the patient died of."""
    gt1s_of(patient, run)
    in1s_of(patient, run)
    acc_of(encounter, run)
    pda_of(patient, run)
