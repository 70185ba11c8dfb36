"""VXU, VXR and what answers queries for immunizations: what was given, what was not, what is due."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.messages.ack import ANSWER, settle_outcome
from transforms.v2_to_fhir.messages.clinical import CLINICAL
from transforms.v2_to_fhir.messages.common import HEADER, PERSON, VISIT, finish
from transforms.v2_to_fhir.messages.insurance import INSURANCE
from transforms.v2_to_fhir.messages.observations import OBSERVATIONS, on_obx
from transforms.v2_to_fhir.messages.order_groups import on_order_prt
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.obx_immunization import (
    new_forecast,
    obx_immunization,
    obx_immunization_recommendation,
    settle_forecast,
)
from transforms.v2_to_fhir.segments.orc import orc_provenance
from transforms.v2_to_fhir.segments.orc_medication import orc_immunization
from transforms.v2_to_fhir.segments.rol import is_deleted
from transforms.v2_to_fhir.segments.rxa import is_no_vaccine, prt_immunization, rxa_immunization
from transforms.v2_to_fhir.segments.rxr import rxr_immunization
from transforms.v2_to_fhir.source import SourceSegment


def on_orc(orc: SourceSegment, run: Run) -> None:
    """ORC: it waits for the RXA that says what was given."""
    run.orc = orc
    run.waiting = []
    run.immunization = run.observation = None


def on_rxa(rxa: SourceSegment, run: Run) -> Resource:
    """RXA: an immunization; what says that none was given, and forecasts the next, is no immunization."""
    orc, run.orc = run.orc, None
    if is_no_vaccine(rxa) and _is_forecast(run):
        made = new_forecast(run, rxa)
    else:
        made = rxa_immunization(rxa, run, orc)
        if orc is not None:
            orc_immunization(orc, run, made)
            orc_provenance(orc, run, made)
    run.immunization = run.latest = made
    waiting, run.waiting = run.waiting, []
    for prt in waiting:
        prt.target = prt_immunization(prt, run, made)
    if orc is not None:
        orc.target = made
    return made


def on_rxr(rxr: SourceSegment, run: Run) -> Resource | None:
    """RXR: how it was given."""
    if run.immunization is not None and not _is_forecast_resource(run.immunization):
        rxr_immunization(rxr, run, run.immunization)
    return run.immunization


def on_immunization_obx(obx: SourceSegment, run: Run) -> Resource | None:
    """OBX: a part of the immunization or the forecast, else an observation about it or about the patient."""
    made = run.immunization
    if made is None or obx.target is not None:
        return on_obx(obx, run)
    if _is_forecast_resource(made):
        return made if obx_immunization_recommendation(obx, run, made) else on_obx(obx, run)
    if obx_immunization(obx, run, made):
        return made
    observation = on_obx(obx, run)
    append(observation, "partOf", run.refer(made))
    return observation


def on_immunization_prt(prt: SourceSegment, run: Run) -> Resource | None:
    """PRT: who ordered or gave the vaccine, behind the ORC or the RXA; else who took part in what is before it."""
    if run.orc is not None:
        run.waiting.append(prt)
        return run.patient
    if run.immunization is not None and run.latest is run.immunization and not is_deleted(prt, 2, run):
        return prt_immunization(prt, run, run.immunization)
    return on_order_prt(prt, run)


def _is_forecast_resource(resource: Resource) -> bool:
    return bool(resource["resourceType"] == "ImmunizationRecommendation")


def _is_forecast(run: Run) -> bool:
    """Whether the OBX behind it, up to the next order, tell of a next vaccine."""
    for segment in run.following():
        if segment.name in ("ORC", "RXA"):
            return False
        code = segment.first(3) if segment.name == "OBX" else None
        if code is not None and code.peek(1) in ("30979-9", "30980-7", "30981-5", "59783-1"):
            return True
    return False


IMMUNIZATION: dict[str, Handler] = {
    "ORC": on_orc,
    "RXA": on_rxa,
    "RXR": on_rxr,
    "OBX": on_immunization_obx,
    "PRT": on_immunization_prt,
}


def settle_forecasts(run: Run) -> None:
    """Finish each forecast of the message."""
    for resource in run.resources:
        if resource["resourceType"] == "ImmunizationRecommendation":
            settle_forecast(resource)


def vxu_v04(run: Run) -> None:
    """VXU_V04, and VXR_V03."""
    run.walk({**HEADER, **PERSON, **VISIT, **CLINICAL, **INSURANCE, **ANSWER, **OBSERVATIONS, **IMMUNIZATION})
    settle_forecasts(run)
    finish(run)
    settle_outcome(run)
    kinds = ("Immunization", "ImmunizationRecommendation")
    given = [run.refer(each) for each in run.resources if each["resourceType"] in kinds]
    if given:
        run.header["focus"] = [*given, *run.header.get("focus", [])]
