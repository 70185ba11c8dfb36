"""ORU, OML, ORM, OMG and kin: orders, and the reports on them."""

from __future__ import annotations

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import cwe_of
from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.fields import field_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.messages.common import billing, header, person, visit
from transforms.fhir_to_v2.run import NO_MESSAGE, Run
from transforms.fhir_to_v2.segments.al1 import allergies_of
from transforms.fhir_to_v2.segments.dg1 import dg1_of
from transforms.fhir_to_v2.segments.nte import ntes_of
from transforms.fhir_to_v2.segments.obr import obr_of, put_specimen_fields
from transforms.fhir_to_v2.segments.obx import forms_of, obxs_of
from transforms.fhir_to_v2.segments.orc import orc_of
from transforms.fhir_to_v2.segments.spm import spm_of
from transforms.fhir_to_v2.segments.tq1 import put_tq, tq1_of
from transforms.v2_to_fhir.segments.orc import BUSINESS_EVENT


def results(event: Event, run: Run) -> None:
    """ORU: each patient, with the reports on him and their results."""
    header(event, run)
    reports = run.of_type("DiagnosticReport")
    for patient in _patients(run):
        person(patient, run)
        visit(_encounter(patient, run), run)
        own = [each for each in reports if _is_about(each, "subject", patient, run)]
        told = {run.resolve(each).path for report in own for each in report.all("result")}
        loose = [
            each
            for each in run.of_type("Observation")
            if each.path not in told and each.path not in run.done and _is_about(each, "subject", patient, run)
        ]
        for report in own:
            report_of(report, run)
        rest = [each for each in loose if each.path not in run.done]
        if rest and run.is_ours:
            for each in rest:
                _result(each, EMPTY, run)
        elif rest:
            _panels(rest, run)
        for order in run.of_type("ServiceRequest"):
            if order.path not in run.done and _is_about(order, "subject", patient, run):
                order_of(order, run)
        for specimen in run.of_type("Specimen"):
            if specimen.path not in run.done and _is_about(specimen, "subject", patient, run):
                _specimen(specimen, run)
    if not event.is_said and not any(line.name == "OBR" for line in run.lines):
        raise run.refuse(NO_MESSAGE, run.root.path, "there is no report and no result for an ORU to tell of")


def orders(event: Event, run: Run) -> None:
    """OML, ORM, OMG: the patient and his orders, each with its specimens and what the orderer told."""
    header(event, run)
    for patient in _patients(run):
        person(patient, run)
        encounter = _encounter(patient, run)
        visit(encounter, run)
        billing(patient, encounter, run)
        allergies_of(patient, run)
        requests = [each for each in run.of_type("ServiceRequest") if _is_about(each, "subject", patient, run)]
        for order in requests:
            report = next((each for each in run.of_type("DiagnosticReport") if _answers(each, order, run)), EMPTY)
            if report:
                report_of(report, run)
            else:
                order_of(order, run)
    if not event.is_said and not any(line.name in ("ORC", "OBR") for line in run.lines):
        raise run.refuse(NO_MESSAGE, run.root.path, "there is no order for this message to tell of")


def report_of(report: Node, run: Run) -> None:
    """ORC, OBR and the results, of one report."""
    order = run.resolve(report.one("basedOn")) if report.one("basedOn").has("reference") else EMPTY
    if order.peek("resourceType") != "ServiceRequest":
        order = EMPTY
    is_first = bool(order) and order.path not in run.done
    if is_first and _has_orc(order, run):
        orc = orc_of(order, run, reported=True)
        if not run.tables.has_segment("TQ1"):
            put_tq(orc, 7, order, run)
    obr = obr_of(report, order, run)
    if is_first:
        ntes_of(order, run)
    ntes_of(report, run)
    if order:
        tq1_of(order, run)
    specimens = [each for each in map(run.resolve, report.all("specimen")) if each]
    written = [] if _put_in_obr(obr, specimens, run) else specimens
    _results(report, order, run)
    for specimen in written:
        _specimen(specimen, run)
    forms_of(report, run)


def order_of(order: Node, run: Run) -> None:
    """ORC, OBR and what follows them, of one order."""
    orc = orc_of(order, run)
    is_new = run.tables.has_segment("TQ1")
    if not is_new:
        put_tq(orc, 7, order, run)
    elif order.has("note") and run.order and not _has_service(order):
        ntes_of(order, run)
    tq1_of(order, run)
    if _has_service(order):
        obr = obr_of(EMPTY, order, run)
        specimens = [each for each in map(run.resolve, order.all("specimen")) if each]
        written = [] if _put_in_obr(obr, specimens, run) else specimens
        ntes_of(order, run)
        for each in order.all("reasonReference"):
            condition = run.resolve(each)
            if condition.peek("resourceType") == "Condition":
                dg1_of(condition, run.first("Encounter"), run)
        _results(EMPTY, order, run)
        for specimen in written:
            _specimen(specimen, run)


def _has_orc(order: Node, run: Run) -> bool:
    """Whether an order with results says more than OBR does; one that the way forward made, whether it had an ORC."""
    event = any(each.peek("url") == BUSINESS_EVENT for each in order.all("extension"))
    if event or run.is_ours:
        return event
    return order.has("requisition") or order.has("requester") or order.has("authoredOn")


def _has_service(order: Node) -> bool:
    """Whether an order says what is ordered."""
    code = order.one("code")
    return code.has("coding") or code.has("text") or any(order.has(name) for name in ("specimen", "occurrenceDateTime"))


def _put_in_obr(obr: Line, specimens: list[Node], run: Run) -> bool:
    """Put the specimen into OBR where the version has no SPM, or where it came from there; whether it was."""
    if not specimens:
        return False
    if not run.tables.has_segment("SPM") or field_of(specimens[0], "OBR"):
        put_specimen_fields(obr, specimens[0], run)
        return True
    return False


def _results(report: Node, order: Node, run: Run) -> None:
    """The results of a report and what the orderer told with it, as they stand in the Bundle."""
    found = [run.resolve(each) for each in (*report.all("result"), *order.all("supportingInfo"))]
    for observation in sorted((each for each in found if each), key=run.place):
        _result(observation, report, run)


def _result(observation: Node, report: Node, run: Run, depth: int = 0) -> None:
    """An Observation, and those that are members of it; each once."""
    if observation.peek("resourceType") != "Observation" or observation.path in run.done or depth > 8:
        return
    obxs_of(observation, run, report)
    run.done.add(observation.path)
    reported = {run.resolve(each).path for one in run.of_type("DiagnosticReport") for each in one.all("result")}
    for member in observation.all("hasMember"):
        found = run.resolve(member)
        if found.path not in reported:
            _result(found, report, run, depth + 1)


def _specimen(specimen: Node, run: Run) -> None:
    """SPM, behind each order that the specimen is of, and what is observed of it."""
    is_first = run.lines[0].text(9) != "OUL" or specimen.path not in run.done
    if is_first:
        spm_of(specimen, run)
    for observation in run.of_type("Observation"):
        if observation.path not in run.done and any(run.refers(each, specimen) for each in observation.all("focus")):
            _result(observation, EMPTY, run)


def _panels(observations: list[Node], run: Run) -> None:
    """Observations that no report holds: each panel an OBR with its members, all others under one OBR."""
    members = {run.resolve(each).path for one in observations for each in one.all("hasMember")}
    roots = [each for each in observations if each.path not in members]
    for root in roots:
        order = run.resolve(root.one("basedOn")) if root.one("basedOn").has("reference") else EMPTY
        obr = obr_of(EMPTY, order if order.peek("resourceType") == "ServiceRequest" else EMPTY, run)
        if not obr.has(4):
            obr.put(4, cwe_of(root.one("code"), run))
        _result(root, EMPTY, run)


def _patients(run: Run) -> list[Node]:
    return run.of_type("Patient") or [EMPTY]


def _encounter(patient: Node, run: Run) -> Node:
    found = run.of_type("Encounter")
    return next((each for each in found if _is_about(each, "subject", patient, run)), EMPTY)


def _is_about(resource: Node, name: str, patient: Node, run: Run) -> bool:
    """Whether a resource is about that patient; one that names nobody, or someone else than there is, is too."""
    reference = resource.one(name)
    patients = run.of_type("Patient")
    if len(patients) < 2 or not patient:
        return True
    if run.refers(reference, patient):
        return True
    return patient is patients[0] and not any(run.refers(reference, each) for each in patients)


def _answers(report: Node, order: Node, run: Run) -> bool:
    return any(run.refers(each, order) for each in report.all("basedOn"))
