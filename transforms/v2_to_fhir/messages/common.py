"""What the messages share: header, person and visit."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.msh import (
    msh_message_header,
    msh_provenance_source,
    msh_provenance_transformation,
)
from transforms.v2_to_fhir.segments.nk1 import ORGANIZATIONS, nk1_patient, nk1_related_person
from transforms.v2_to_fhir.segments.pd1 import pd1_observation_living_will, pd1_patient
from transforms.v2_to_fhir.segments.pid import pid_account, pid_patient, pid_provenance_patient
from transforms.v2_to_fhir.segments.prt import (
    CARE_TEAM,
    PRIMARY_CARE,
    prt_care_team,
    prt_encounter,
    prt_patient_general_practitioner_practitioner,
    prt_patient_general_practitioner_practitioner_role,
    prt_related_person,
)
from transforms.v2_to_fhir.segments.pv1 import is_no_visit, pv1_basic_encounter_history, pv1_coverage, pv1_encounter
from transforms.v2_to_fhir.segments.pv2 import pv2_encounter
from transforms.v2_to_fhir.segments.rol import (
    RELATIONSHIP,
    is_deleted,
    rol_care_team,
    rol_encounter_practitioner_role,
    rol_patient_general_practitioner,
    rol_procedure,
    rol_related_person,
)
from transforms.v2_to_fhir.segments.sft import sft_device, sft_message_header
from transforms.v2_to_fhir.source import SourceSegment


def on_msh(msh: SourceSegment, run: Run) -> Resource:
    """MSH: the header, and where everything came from."""
    run.header = msh_message_header(msh, run)
    return run.header


def on_sft(sft: SourceSegment, run: Run) -> Resource:
    """SFT: the software that sends, and what the message came through after it."""
    if sft.number == 1:
        sft_message_header(sft, run)
    device = sft_device(sft, run)
    run.software.append(run.refer(device))
    return device


def on_pid(pid: SourceSegment, run: Run) -> Resource:
    """PID: the patient of all that follows, until the next."""
    run.patient = run.latest = pid_patient(pid, run)
    run.encounter = run.coverage = run.procedure = run.charge = None
    run.account = pid_account(pid, run)
    pid_provenance_patient(pid, run, run.patient)
    return run.patient


def on_pd1(pd1: SourceSegment, run: Run) -> Resource | None:
    """PD1: what else is known of the patient."""
    if run.patient is not None:
        pd1_patient(pd1, run, run.patient)
        pd1_observation_living_will(pd1, run, run.patient)
    return run.patient


def on_nk1(nk1: SourceSegment, run: Run) -> Resource | None:
    """NK1: a person is a RelatedPerson and a contact of the patient, an organization is a contact alone."""
    if run.patient is None:
        return None
    nk1_patient(nk1, run, run.patient)
    relation = nk1.first(3)
    if relation is not None and relation.peek(1) in ORGANIZATIONS:
        return run.patient
    return nk1_related_person(nk1, run, run.patient)


def on_rol(rol: SourceSegment, run: Run) -> Resource | None:
    """ROL: who takes part in the procedure or the visit that is open, or cares for the patient."""
    if is_deleted(rol, 2, run) or _is_of(("Coverage",), run):
        return run.latest
    role = rol.first(3)
    if run.patient is not None and role is not None and role.peek(3) == RELATIONSHIP:
        return rol_related_person(rol, run, run.patient)
    if run.procedure is not None:
        return rol_procedure(rol, run, run.procedure)
    if run.encounter is not None:
        return rol_encounter_practitioner_role(rol, run, run.encounter)
    if run.patient is None:
        return None
    if role is not None and role.peek(1) == PRIMARY_CARE:
        return rol_patient_general_practitioner(rol, run, run.patient)
    return rol_care_team(rol, run, run.patient)


def on_prt(prt: SourceSegment, run: Run) -> Resource | None:
    """PRT: who takes part in the visit that is open, or cares for the patient."""
    if is_deleted(prt, 2, run) or _is_of(("Coverage", "Observation", "Procedure"), run):
        return run.latest
    if run.encounter is not None:
        return prt_encounter(prt, run, run.encounter)
    if run.patient is None:
        return None
    role = prt.first(4)
    code = role.peek(1) if role is not None else ""
    if code == PRIMARY_CARE:
        if any(prt.has(field) for field in (6, 7, 8, 9, 11, 12, 14, 15, 24)):
            return prt_patient_general_practitioner_practitioner_role(prt, run, run.patient)
        return prt_patient_general_practitioner_practitioner(prt, run, run.patient)
    if code in CARE_TEAM:
        return prt_care_team(prt, run, run.patient)
    return prt_related_person(prt, run, run.patient)


def on_pv1(pv1: SourceSegment, run: Run) -> Resource | None:
    """PV1: the visit of all that follows, until the next; none where the message says that there is no visit."""
    run.procedure = None
    if is_no_visit(pv1):
        return run.patient
    run.encounter = run.latest = pv1_encounter(pv1, run, run.patient)
    if run.patient is not None:
        pv1_coverage(pv1, run, run.patient)
    pv1_basic_encounter_history(pv1, run, run.encounter, run.patient)
    return run.encounter


def on_pv2(pv2: SourceSegment, run: Run) -> Resource | None:
    """PV2: what else is known of the visit."""
    if run.encounter is not None:
        pv2_encounter(pv2, run, run.encounter)
    return run.encounter


def _is_of(resource_types: tuple[str, ...], run: Run) -> bool:
    """Whether a participation is one in what precedes it, for which no map has a place: it is kept there."""
    return run.latest is not None and run.latest["resourceType"] in resource_types


def finish(run: Run) -> None:
    """What can be said only at the end: the provenance of everything, and what the header's event is about."""
    targets = [run.refer(run.header)]
    msh_provenance_source(run.segments[0], run, targets)
    msh_provenance_transformation(run.segments[0], run, targets)
    focus = [each for each in (run.patient, run.encounter) if each is not None]
    if focus:
        run.header["focus"] = [run.refer(each) for each in focus]


HEADER: dict[str, Handler] = {"MSH": on_msh, "SFT": on_sft}
PERSON: dict[str, Handler] = {"PID": on_pid, "PD1": on_pd1, "NK1": on_nk1, "ROL": on_rol, "PRT": on_prt}
VISIT: dict[str, Handler] = {"PV1": on_pv1, "PV2": on_pv2}
