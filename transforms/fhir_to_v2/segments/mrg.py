"""MRG: the patient, account or visit of before."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.identifiers import cx_of
from transforms.fhir_to_v2.datatypes.names import xpn_of
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run


def mrg_of(old: Node, account: Node, encounter: Node, run: Run) -> Line:
    """Patient, Account and Encounter[MRG]: each as it was before, where there is one."""
    mrg = run.line("MRG", *(each for each in (old, account, encounter) if each))
    for each in old.all("identifier"):
        mrg.put(field_of(each, "MRG") or 1, cx_of(each, run))
    mrg.put(3, cx_of(account.one("identifier"), run))
    for number, each in enumerate(encounter.all("identifier")):
        mrg.put(field_of(each, "MRG") or (5 if number == 0 else 6), cx_of(each, run))
    mrg.put(7, *(xpn_of(each, run) for each in old.all("name") if each.has("family") or each.has("given")))
    old.skip("active")
    return mrg


def replaced(patient: Node, run: Run) -> list[Node]:
    """The patients whom `patient` replaces, by the links of either."""
    found = [run.resolve(each.one("other")) for each in patient.all("link") if each.text("type") == "replaces"]
    for other in run.of_type("Patient"):
        links = [each for each in other.all("link") if each.text("type") == "replaced-by"]
        if any(run.refers(each.one("other"), patient) for each in links):
            found.append(other)
    return [each for number, each in enumerate(found) if each and each not in found[:number]]


def surviving(run: Run) -> Node:
    """The patient who stays: one who is not replaced, EMPTY where every one is."""
    for patient in run.of_type("Patient"):
        if not any(each.peek("type") == "replaced-by" for each in patient.all("link")):
            return patient
    return EMPTY
