"""ORM, OML, OMG, OMI, and their responses ORR, ORL, ORG, ORI: orders."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.medications import settle_medications
from transforms.v2_to_fhir.messages import pharmacy
from transforms.v2_to_fhir.messages.ack import settle_outcome
from transforms.v2_to_fhir.messages.charges import on_ft1
from transforms.v2_to_fhir.messages.common import finish
from transforms.v2_to_fhir.messages.order_groups import close_group, obr_of, on_tq1, open_order, put_focus
from transforms.v2_to_fhir.messages.pharmacy import PHARMACY, is_medicine, on_pharmacy_obx
from transforms.v2_to_fhir.messages.results import RESULTS, has_results, on_result, open_report
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.orc import orc_provenance
from transforms.v2_to_fhir.source import SourceSegment

ORDERS = ("ORM", "OML", "OMG", "OMI", "ORR", "ORL", "ORG", "ORI")
_PRIOR_RESULTS = "PR"
"""ORC-1 of results that the orderer sends along (HL7 v2.9, 4.4.6): a report, and no new order."""


def on_orc(orc: SourceSegment, run: Run) -> Resource | None:
    """ORC: an order, and who did with it what ORC-1 says."""
    close_group(run)
    if is_medicine(run):
        return pharmacy.on_orc(orc, run)
    run.orc = run.medication = None
    obr = obr_of(run)
    if obr is not None and (orc.raw(1) == _PRIOR_RESULTS or has_results(obr, run)):
        return open_report(orc, obr, run)
    order = open_order(orc, obr, run)
    orc_provenance(orc, run, order)
    return order


def on_obr(obr: SourceSegment, run: Run) -> Resource | None:
    """OBR: what is ordered."""
    if run.group is None or run.group.obr is not obr:
        close_group(run)
        (open_report if has_results(obr, run) else open_order)(None, obr, run)
    run.latest = run.report or run.order
    return run.latest


def on_order_obx(obx: SourceSegment, run: Run) -> Resource:
    """OBX: what is to be known with the order, or an earlier result."""
    return on_result(obx, run) if run.medication is None else on_pharmacy_obx(obx, run)


def on_order_tq1(tq1: SourceSegment, run: Run) -> Resource | None:
    """TQ1: when the order is to be carried out."""
    return on_tq1(tq1, run) if run.orc is None else pharmacy.on_tq1(tq1, run)


def orm_o01(run: Run) -> None:
    """ORM_O01, OML_O21, O33, O35 and O39, OMG_O19, OMI_O23, and the responses to them."""
    run.walk(ORDER_HANDLERS)
    close_group(run)
    settle_medications(run)
    finish(run)
    settle_outcome(run)
    put_focus(run, "Patient", "ServiceRequest", "MedicationRequest")


oml_o21 = orm_o01

ORDER_HANDLERS: dict[str, Handler] = {
    **RESULTS,
    **PHARMACY,
    "ORC": on_orc,
    "OBR": on_obr,
    "OBX": on_order_obx,
    "TQ1": on_order_tq1,
    "FT1": on_ft1,
}
