"""PR1: a procedure."""

from __future__ import annotations

from datetime import datetime

from transforms.elements import OWN
from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import cwe_of, method_of
from transforms.fhir_to_v2.datatypes.identifiers import ei_of
from transforms.fhir_to_v2.datatypes.locations import pl_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import NO_STATUS, Run
from transforms.fhir_to_v2.segments.rol import is_role_of_procedure, rols_of_procedure

_PERFORMERS = {"88189002": 8, "304292004": 11}


def pr1s_of(patient: Node, run: Run) -> None:
    """Procedure[PR1]: each procedure of the patient."""
    for procedure in run.of_type("Procedure"):
        if not patient or not procedure.has("subject") or run.refers(procedure.one("subject"), patient):
            pr1_of(procedure, run)


def pr1_of(procedure: Node, run: Run) -> Line | None:
    """Procedure[PR1]; none of one that was not done, or taken back where the version cannot say so."""
    status = procedure.text("status")
    if status == "not-done" or (status == "entered-in-error" and not run.has_field("PR1", 20)):
        what = "this procedure was not done, and PR1 of this version cannot say so; it is left out"
        run.tell(NO_STATUS, f"{procedure.path}.status", what)
        return None
    pr1 = run.line("PR1", procedure)
    pr1.put(1, str(sum(line.name == "PR1" for line in run.lines)))
    code = cwe_of(procedure.one("code"), run)
    text = procedure.one("code").peek("text")
    if text and 9 in code and run.has_field("PR1", 4):
        del code[9]
        pr1.put(4, text)
    pr1.put(2, method_of(procedure.one("code"), "PR1") or (str(code.get(3, "")) if run.before(2, 4) else ""))
    pr1.put(3, code)
    _put_performed(pr1, procedure, run)
    pr1.put(6, cwe_of(procedure.one("category"), run, "", "0230"))
    told = [each for each in procedure.all("performer") if is_role_of_procedure(each)]
    for performer in procedure.all("performer"):
        if performer in told:
            continue
        function = next((each.peek("code") for each in performer.one("function").all("coding")), "")
        performer.one("function").skip("coding", "text")
        pr1.put(_PERFORMERS.get(function, 12), xcn_of(performer.one("actor"), run))
    pr1.put(15, cwe_of(procedure.one("reasonCode"), run))
    for each in procedure.extensions(f"{OWN}procedure-code-modifier"):
        pr1.put(16, cwe_of(each.one("valueCodeableConcept"), run, "", "0340"))
    pr1.put(19, ei_of(procedure.one("identifier"), run))
    pr1.put(20, "D" if status == "entered-in-error" else "")
    if procedure.has("location"):
        pr1.put(23, pl_of(procedure.one("location"), run))
    parent = procedure.one("partOf")
    known = run.resolve(parent) if parent.has("reference") else EMPTY
    pr1.put(25, ei_of(known.one("identifier") if known else parent.one("identifier"), run))
    rols_of_procedure(told, procedure, run)
    return pr1


def _put_performed(pr1: Line, procedure: Node, run: Run) -> None:
    period = procedure.one("performedPeriod")
    start, end = period.peek("start"), period.peek("end")
    pr1.put(5, dtm_of(procedure, "performedDateTime", run) or dtm_of(period, "start", run))
    try:
        minutes = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60
    except (ValueError, TypeError, OverflowError):
        return
    if period.text("end") and minutes >= 0:
        pr1.put(7, f"{minutes:g}" if minutes < 10**6 else str(int(minutes)))
