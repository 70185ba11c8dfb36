"""ADT: admission, discharge, transfer, registration and what changes them."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.messages.common import billing, clinical, header, person, visit
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.evn import evn_of
from transforms.fhir_to_v2.segments.mrg import mrg_of, replaced, surviving

_MERGES = {f"A{number}" for number in (18, 30, 34, 35, 36, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51)}
_TWO_PATIENTS = {"A17", "A24", "A37"}


def adt(event: Event, run: Run) -> None:
    """ADT, in the order of ADT_A01; merges in that of ADT_A39, two patients in that of ADT_A24."""
    header(event, run)
    evn_of(event, run)
    if event.trigger_event in _MERGES:
        _merges(run)
        return
    patients = run.of_type("Patient")[: 2 if event.trigger_event in _TWO_PATIENTS else 1] or [EMPTY]
    for patient in patients:
        encounter = _encounter(patient, run, len(patients) > 1)
        person(patient, run)
        visit(encounter, run)
        clinical(patient, encounter, run)
        billing(patient, encounter, run)


def _merges(run: Run) -> None:
    """PID and MRG for each patient who stays."""
    patients = [each for each in run.of_type("Patient") if not _is_replaced(each)] or [surviving(run)]
    for patient in patients:
        person(patient, run)
        old = replaced(patient, run)
        encounters = [each for each in run.of_type("Encounter") if run.refers(each.one("subject"), patient)]
        accounts = [each for each in run.of_type("Account") if each.path not in run.done]
        before = next((each for each in encounters if each.has("extension") and _has_successor(each)), EMPTY)
        current = next((each for each in encounters if each is not before), EMPTY)
        if len(encounters) == 1 and not before and not current.has("period") and current.peek("status") == "unknown":
            before, current = current, EMPTY
        for each in old or [EMPTY]:
            mrg_of(each, next(iter(accounts), EMPTY), before, run)
        visit(current, run)


def _encounter(patient: Node, run: Run, one_each: bool) -> Node:
    found = run.of_type("Encounter")
    if one_each:
        found = [each for each in found if run.refers(each.one("subject"), patient)]
    return next(iter(found), EMPTY)


def _is_replaced(patient: Node) -> bool:
    return any(each.peek("type") == "replaced-by" for each in patient.all("link"))


def _has_successor(encounter: Node) -> bool:
    return any(each.peek("url").endswith("replaced-by") for each in encounter.all("extension"))
