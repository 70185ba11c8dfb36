"""What the messages share: header, person and visit."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.msh import (
    msh_message_header,
    msh_provenance_source,
    msh_provenance_transformation,
)
from transforms.v2_to_fhir.segments.pid import pid_account, pid_patient, pid_provenance_patient
from transforms.v2_to_fhir.segments.pv1 import pv1_basic_encounter_history, pv1_coverage, pv1_encounter
from transforms.v2_to_fhir.source import SourceSegment


def on_msh(msh: SourceSegment, run: Run) -> Resource:
    """MSH: the header, and where everything came from."""
    run.header = msh_message_header(msh, run)
    return run.header


def on_pid(pid: SourceSegment, run: Run) -> Resource:
    """PID: the patient of all that follows, until the next."""
    run.patient = run.latest = pid_patient(pid, run)
    run.encounter = None
    pid_account(pid, run)
    pid_provenance_patient(pid, run, run.patient)
    return run.patient


def on_pv1(pv1: SourceSegment, run: Run) -> Resource:
    """PV1: the visit of all that follows, until the next."""
    run.encounter = run.latest = pv1_encounter(pv1, run, run.patient)
    if run.patient is not None:
        pv1_coverage(pv1, run, run.patient)
    pv1_basic_encounter_history(pv1, run, run.encounter, run.patient)
    return run.encounter


def finish(run: Run) -> None:
    """What can be said only at the end: the provenance of everything, and what the header's event is about."""
    targets = [run.refer(run.header)]
    msh_provenance_source(run.segments[0], run, targets)
    msh_provenance_transformation(run.segments[0], run, targets)
    focus = [each for each in (run.patient, run.encounter) if each is not None]
    if focus:
        run.header["focus"] = [run.refer(each) for each in focus]


HEADER: dict[str, Handler] = {"MSH": on_msh}
PERSON: dict[str, Handler] = {"PID": on_pid}
VISIT: dict[str, Handler] = {"PV1": on_pv1}
