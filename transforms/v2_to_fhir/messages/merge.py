"""The events that merge, move, renumber, link and unlink patients, accounts and visits (HL7 v2.9, 3.6)."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.messages.common import on_pv1
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.mrg import (
    mrg_account,
    mrg_encounter,
    mrg_patient,
    replace,
    replace_patient,
)
from transforms.v2_to_fhir.source import SourceSegment

UNLINKED = "FHIR-142"

_PATIENTS = ("A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47", "A48")
"""The record of MRG's patient goes into that of PID's: merged, or its identifier changed."""
_ACCOUNTS = ("A35", "A36", "A41", "A49")
"""The account of MRG-3 goes into that of PID-18."""
_VISITS = ("A42", "A45", "A50", "A51")
"""The visit of MRG-5 goes into that of PV1-19, or moves to PID's patient."""


def on_mrg(mrg: SourceSegment, run: Run) -> Resource | None:
    """MRG: what was before; by the event it is replaced or moves to the patient of PID.

    Where an account or a visit moves, the patient whose it was is not touched: MRG-1 is kept as it was sent.
    """
    patient = run.patient
    if patient is None:
        return None
    old = mrg_patient(mrg, run) if run.trigger_event in _PATIENTS else None
    if old is not None and old is not patient:
        replace_patient(old, patient, run)
    account = None if _is_named(mrg, run.account) else mrg_account(mrg, run)
    if account is not None:
        account["subject"] = [run.refer(patient)]
        if run.trigger_event in _ACCOUNTS and run.account is not None and account is not run.account:
            replace(account, run.account, run, "inactive")
    run.prior_encounter = mrg_encounter(mrg, run) if run.trigger_event in _VISITS else None
    if run.prior_encounter is not None:
        run.prior_encounter["subject"] = run.refer(patient)
    return old or account or run.prior_encounter or run.account or patient


def on_merged_pv1(pv1: SourceSegment, run: Run) -> Resource | None:
    """PV1: the visit that the one of MRG-5 goes into."""
    found = on_pv1(pv1, run)
    prior, run.prior_encounter = run.prior_encounter, None
    if prior is not None and run.encounter is not None and prior is not run.encounter:
        replace(prior, run.encounter, run, "entered-in-error")
    return found


def link_patients(run: Run) -> None:
    """A24: the first patient of the message and each other one are linked, all stay in use."""
    patients = _patients(run)
    for other in patients[1:]:
        append(patients[0], "link", {"other": run.refer(other), "type": "seealso"})
        append(other, "link", {"other": run.refer(patients[0]), "type": "seealso"})


def unlink_patients(run: Run) -> None:
    """A37: the patients of the message are linked no longer, and so carry no link."""
    if len(_patients(run)) > 1:
        what = "the sender unlinks these patients; they carry no link, and the receiver must drop the one it has"
        run.tell(UNLINKED, "MSH-9", what)


def _is_named(mrg: SourceSegment, account: Resource | None) -> bool:
    """Whether MRG-3 is the number of PID-18: it tells of no other account, and is kept as it was sent."""
    number = mrg.first(3)
    if number is None or account is None:
        return False
    return any(each["value"] == number.peek(1) for each in account.get("identifier", []))


def _patients(run: Run) -> list[Resource]:
    return [each for each in run.resources if each["resourceType"] == "Patient"]
