"""DG1: a diagnosis."""

from __future__ import annotations

from transforms.elements import CORE
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import cwe_of, has_code, method_of
from transforms.fhir_to_v2.datatypes.identifiers import ei_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import NO_STATUS, Run

_TYPES = {"confirmed": "F", "provisional": "W", "differential": "W", "unconfirmed": "W"}
"""The diagnosis type (table 0052) where the visit gives the diagnosis none."""


def dg1s_of(patient: Node, encounter: Node, run: Run) -> None:
    """Condition[DG1]: each diagnosis of the patient."""
    for condition in run.of_type("Condition"):
        if patient and condition.has("subject") and not run.refers(condition.one("subject"), patient):
            continue
        dg1_of(condition, encounter, run)


def dg1_of(condition: Node, encounter: Node, run: Run) -> Line | None:
    """Condition[DG1]; none of a diagnosis that is refuted, or taken back where the version cannot say so."""
    verification = condition.one("verificationStatus")
    is_error = has_code(verification, "entered-in-error")
    if has_code(verification, "refuted") or (is_error and not run.has_field("DG1", 21)):
        what = "this diagnosis does not hold, and DG1 of this version cannot say so; it is left out"
        run.tell(NO_STATUS, f"{condition.path}.verificationStatus", what)
        return None
    dg1 = run.line("DG1", condition)
    dg1.put(1, str(sum(line.name == "DG1" for line in run.lines)))
    condition.skip("category", "clinicalStatus", "verificationStatus")
    code = cwe_of(condition.one("code"), run)
    text = condition.one("code").peek("text")
    if text and 9 in code and run.has_field("DG1", 4):
        del code[9]
        dg1.put(4, text)
    dg1.put(2, method_of(condition.one("code"), "DG1") or (str(code.get(3, "")) if run.before(2, 4) else ""))
    dg1.put(3, code)
    dg1.put(5, dtm_of(condition, "onsetDateTime", run))
    use = _use(condition, encounter, run)
    kind = cwe_of(use.one("use") or use.one("role"), run, "DiagnosisType", "0052")
    dg1.put(6, kind or _TYPES.get(verification.one("coding").peek("code"), ""))
    dg1.put(15, use.text("rank"))
    dg1.put(16, xcn_of(condition.one("asserter"), run) if condition.has("asserter") else "")
    asserted = dtm_of(condition.extension(f"{CORE}condition-assertedDate"), "valueDateTime", run)
    dg1.put(19, dtm_of(condition, "recordedDate", run) or asserted)
    dg1.put(20, ei_of(condition.one("identifier"), run))
    dg1.put(21, "D" if is_error else "")
    cause = condition.extension(f"{CORE}condition-dueTo").one("valueReference")
    if cause:
        known = run.resolve(cause) if cause.has("reference") else EMPTY
        dg1.put(22, ei_of(known.one("identifier") if known else cause.one("identifier"), run))
    return dg1


def _use(condition: Node, encounter: Node, run: Run) -> Node:
    """What the visit says of the diagnosis."""
    for each in encounter.all("diagnosis"):
        if run.refers(each.one("condition"), condition):
            return each
    return EMPTY
