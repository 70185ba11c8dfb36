"""What ADT and BAR say beside person and visit: allergies, diagnoses, procedures, accidents, disabilities, death."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.messages.observations import OBSERVATIONS
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.acc import acc_encounter
from transforms.v2_to_fhir.segments.al1 import al1_allergy_intolerance
from transforms.v2_to_fhir.segments.db1 import db1_patient
from transforms.v2_to_fhir.segments.dg1 import dg1_condition, dg1_encounter, dg1_episode_of_care
from transforms.v2_to_fhir.segments.iam import iam_allergy_intolerance
from transforms.v2_to_fhir.segments.pda import pda_observation
from transforms.v2_to_fhir.segments.pr1 import pr1_procedure
from transforms.v2_to_fhir.source import SourceSegment


def on_al1(al1: SourceSegment, run: Run) -> Resource | None:
    """AL1: an allergy of the patient."""
    if run.patient is None:
        return None
    run.latest = al1_allergy_intolerance(al1, run, run.patient)
    return run.latest


def on_iam(iam: SourceSegment, run: Run) -> Resource | None:
    """IAM: an allergy of the patient."""
    if run.patient is None:
        return None
    run.latest = iam_allergy_intolerance(iam, run, run.patient)
    return run.latest


def on_dg1(dg1: SourceSegment, run: Run) -> Resource | None:
    """DG1: a diagnosis of the patient, made in the visit that is open and in the episode it belongs to."""
    if run.patient is None:
        return None
    condition = run.latest = dg1_condition(dg1, run, run.patient)
    if run.encounter is not None:
        dg1_encounter(dg1, run, run.encounter, condition)
        for episode in run.encounter.get("episodeOfCare", []):
            dg1_episode_of_care(dg1, run, run.referred(episode), condition)
    return condition


def on_pr1(pr1: SourceSegment, run: Run) -> Resource | None:
    """PR1: a procedure, which the charge before it is for."""
    if run.patient is None:
        return None
    procedure = run.procedure = run.latest = pr1_procedure(pr1, run, run.patient)
    if run.charge is not None and run.charge["resourceType"] == "ChargeItem":
        run.charge.setdefault("service", []).append(run.refer(procedure))
    return procedure


def on_acc(acc: SourceSegment, run: Run) -> Resource | None:
    """ACC: the accident that led to the visit."""
    if run.encounter is not None:
        acc_encounter(acc, run, run.encounter)
    return run.encounter or run.patient


def on_db1(db1: SourceSegment, run: Run) -> Resource | None:
    """DB1: a disability of the patient."""
    if run.patient is not None:
        db1_patient(db1, run, run.patient)
    return run.patient


def on_pda(pda: SourceSegment, run: Run) -> Resource | None:
    """PDA: what the patient died of."""
    return run.patient and (pda_observation(pda, run, run.patient) or run.patient)


def on_kept(segment: SourceSegment, run: Run) -> Resource | None:
    """A segment that says more of the visit than FHIR has places for: kept with it as it was sent."""
    return run.encounter or run.patient


CLINICAL: dict[str, Handler] = {
    **OBSERVATIONS,
    "AL1": on_al1,
    "IAM": on_iam,
    "DG1": on_dg1,
    "PR1": on_pr1,
    "ACC": on_acc,
    "DB1": on_db1,
    "PDA": on_pda,
    "DRG": on_kept,
    "UB1": on_kept,
    "UB2": on_kept,
}
