"""OMP, RDE, RDS, RGV and RAS: medicines ordered, encoded, dispensed, to be given, given."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.medications import settle_medications
from transforms.v2_to_fhir.messages.ack import ANSWER, settle_outcome
from transforms.v2_to_fhir.messages.clinical import CLINICAL
from transforms.v2_to_fhir.messages.common import HEADER, PERSON, VISIT, finish
from transforms.v2_to_fhir.messages.insurance import INSURANCE
from transforms.v2_to_fhir.messages.observations import OBSERVATIONS, on_obx
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.orc import orc_provenance
from transforms.v2_to_fhir.segments.rxa_administration import rxa_medication_administration
from transforms.v2_to_fhir.segments.rxc import rxc_medication
from transforms.v2_to_fhir.segments.rxd import rxd_medication_dispense
from transforms.v2_to_fhir.segments.rxe import rxe_medication_request
from transforms.v2_to_fhir.segments.rxg import rxg_medication_request
from transforms.v2_to_fhir.segments.rxo import rxo_medication_request
from transforms.v2_to_fhir.segments.rxr import rxr_medication_administration, rxr_medication_request
from transforms.v2_to_fhir.segments.tq1_medication import tq1_medication_request
from transforms.v2_to_fhir.source import SourceSegment

_DETAILS = ("RXO", "RXE", "RXD", "RXG", "RXA")
_OTHER_DETAILS = ("ORC", "OBR", "ODS", "ODT", "RQD", "RQ1")


def on_orc(orc: SourceSegment, run: Run) -> Resource | None:
    """ORC: an order begins; what is ordered follows."""
    run.orc = orc
    run.waiting = []
    run.order = run.medication = run.latest = None
    return run.patient


def on_rxo(rxo: SourceSegment, run: Run) -> Resource:
    """RXO: a medicine that is ordered."""
    run.order = rxo_medication_request(rxo, run, run.orc)
    return _opened(run, run.order)


def on_rxe(rxe: SourceSegment, run: Run) -> Resource:
    """RXE: a medicine as the pharmacy encodes the order."""
    run.order = rxe_medication_request(rxe, run, run.orc, run.order)
    return _opened(run, run.order)


def on_rxd(rxd: SourceSegment, run: Run) -> Resource:
    """RXD: a medicine that was dispensed."""
    return _opened(run, rxd_medication_dispense(rxd, run, run.orc, run.order))


def on_rxg(rxg: SourceSegment, run: Run) -> Resource:
    """RXG: a dose that is to be given."""
    return _opened(run, rxg_medication_request(rxg, run, run.orc, run.order))


def on_rxa(rxa: SourceSegment, run: Run) -> Resource:
    """RXA: a dose that was given, or was not."""
    return _opened(run, rxa_medication_administration(rxa, run, run.orc, run.order))


def on_rxr(rxr: SourceSegment, run: Run) -> Resource | None:
    """RXR: by which route."""
    resource = run.medication
    if resource is None:
        return run.patient
    if resource["resourceType"] == "MedicationAdministration":
        rxr_medication_administration(rxr, run, resource)
    else:
        rxr_medication_request(rxr, run, resource)
    return resource


def on_rxc(rxc: SourceSegment, run: Run) -> Resource | None:
    """RXC: a component of it."""
    if run.medication is None:
        return run.patient
    return rxc_medication(rxc, run, run.medication)


def on_tq1(tq1: SourceSegment, run: Run) -> Resource | None:
    """TQ1: when and how often; before what it belongs to, it waits."""
    if run.medication is None:
        run.waiting.append(tq1)
        return run.patient
    if run.medication["resourceType"] != "MedicationAdministration":
        tq1_medication_request(tq1, run, run.medication)
    return run.medication


def _opened(run: Run, resource: Resource) -> Resource:
    """Open a request, a dispense or an administration: what waited for it, and the ORC, go into it."""
    run.medication = run.latest = resource
    waiting, run.waiting = run.waiting, []
    for segment in waiting:
        if resource["resourceType"] != "MedicationAdministration":
            tq1_medication_request(segment, run, resource)
        segment.target = resource
    if run.orc is not None:
        if run.orc.target in (None, run.patient):
            orc_provenance(run.orc, run, resource)
        run.orc.target = resource
    return resource


def on_pharmacy_obx(obx: SourceSegment, run: Run) -> Resource:
    """OBX: what is to be known with the order."""
    observation = on_obx(obx, run)
    if run.medication is not None:
        append(run.medication, "supportingInformation", run.refer(observation))
    return observation


def is_medicine(run: Run) -> bool:
    """Whether the order whose ORC is being handled is one of a medicine."""
    for segment in run.following():
        if segment.name in _DETAILS:
            return True
        if segment.name in _OTHER_DETAILS:
            return False
    return False


PHARMACY: dict[str, Handler] = {
    "ORC": on_orc,
    "RXO": on_rxo,
    "RXE": on_rxe,
    "RXD": on_rxd,
    "RXG": on_rxg,
    "RXA": on_rxa,
    "RXR": on_rxr,
    "RXC": on_rxc,
    "TQ1": on_tq1,
    "OBX": on_pharmacy_obx,
}


def _pharmacy(run: Run) -> None:
    run.walk({**HEADER, **PERSON, **VISIT, **CLINICAL, **INSURANCE, **ANSWER, **OBSERVATIONS, **PHARMACY})
    settle_medications(run)
    finish(run)
    settle_outcome(run)
    if run.medication is not None:
        run.header["focus"] = [run.refer(run.medication), *run.header.get("focus", [])]


def omp_o09(run: Run) -> None:
    """OMP_O09: orders."""
    _pharmacy(run)


def rde_o11(run: Run) -> None:
    """RDE_O11 and RDE_O01: encoded orders; RDE_O25: refills."""
    _pharmacy(run)


def rds_o13(run: Run) -> None:
    """RDS_O13: dispenses."""
    _pharmacy(run)


def rgv_o15(run: Run) -> None:
    """RGV_O15: doses to be given."""
    _pharmacy(run)


def ras_o17(run: Run) -> None:
    """RAS_O17: doses that were given."""
    _pharmacy(run)
