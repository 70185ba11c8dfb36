"""ADT: admission, discharge, transfer, registration and what changes them."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.messages.clinical import CLINICAL
from transforms.v2_to_fhir.messages.common import HEADER, PERSON, VISIT, finish
from transforms.v2_to_fhir.messages.insurance import INSURANCE
from transforms.v2_to_fhir.messages.merge import link_patients, on_merged_pv1, on_mrg, unlink_patients
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.evn import evn_provenance
from transforms.v2_to_fhir.segments.npu import npu_location
from transforms.v2_to_fhir.segments.rol import DELETED
from transforms.v2_to_fhir.source import SourceSegment


def on_evn(evn: SourceSegment, run: Run) -> Resource:
    """EVN: what happened."""
    return evn_provenance(evn, run)


def on_npu(npu: SourceSegment, run: Run) -> Resource | None:
    """NPU: a bed and its status."""
    return npu_location(npu, run)


ADT: dict[str, Handler] = {
    **HEADER,
    "EVN": on_evn,
    **PERSON,
    "MRG": on_mrg,
    **VISIT,
    **CLINICAL,
    **INSURANCE,
    "NPU": on_npu,
}
_MERGE: dict[str, Handler] = {**ADT, "PV1": on_merged_pv1}


def adt_a01(run: Run) -> None:
    """ADT_A01 and, as what is not there costs nothing, every other structure of patients and visits.

    Feeds put segments where the structure of their event has none; one walk for all loses none of them. What the event
    does to the visit, MSH[Encounter] says.
    """
    run.walk(ADT)
    _take_back(run)
    finish(run)


adt_a02 = adt_a05 = adt_a06 = adt_a09 = adt_a11 = adt_a17 = adt_a01


def adt_a39(run: Run) -> None:
    """ADT_A39 and kin, which the guide has no map for: merges, moves and changes of identifiers."""
    run.walk(_MERGE)
    finish(run)


def adt_a24(run: Run) -> None:
    """ADT_A24, which the guide has no map for: two records are linked."""
    run.walk(ADT)
    link_patients(run)
    finish(run)


def adt_a37(run: Run) -> None:
    """ADT_A37, which the guide has no map for: two records are linked no longer."""
    run.walk(ADT)
    unlink_patients(run)
    finish(run)


def _take_back(run: Run) -> None:
    """Say what an event that deletes has done: the receiver must act on it."""
    if run.trigger_event == "A23" and run.encounter is not None:
        run.tell(DELETED, "MSH-9", "the sender deletes this visit; it is carried as entered in error")
    elif run.trigger_event == "A29" and run.patient is not None:
        run.patient["active"] = False
        run.tell(DELETED, "MSH-9", "the sender deletes this person; the patient is carried as not active")
