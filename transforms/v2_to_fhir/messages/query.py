"""QBP, QRY, VXQ and their answers RSP, ADR: what was asked, and the patients and records that were found."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.messages.ack import ANSWER, settle_outcome
from transforms.v2_to_fhir.messages.adt import ADT
from transforms.v2_to_fhir.messages.common import HEADER, finish
from transforms.v2_to_fhir.messages.observations import OBSERVATIONS
from transforms.v2_to_fhir.messages.vxu import IMMUNIZATION, settle_forecasts
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.qpd import query_parameters
from transforms.v2_to_fhir.source import SourceSegment


def on_query(segment: SourceSegment, run: Run) -> Resource:
    """A segment of the query."""
    query_parameters(segment, run)
    return run.header


def on_qri(qri: SourceSegment, run: Run) -> Resource | None:
    """QRI: how well the patient before it fits what was asked; FHIR says that of an entry of a search alone."""
    return run.patient


QUERY: dict[str, Handler] = dict.fromkeys(("QPD", "RCP", "QAK", "QRD", "QRF", "QID", "DSC"), on_query)


def qbp_q21(run: Run) -> None:
    """QBP_Q11, QBP_Q21 (Q21 to Q23), QRY_A19, VXQ_V01, QCN_J01: a query, or its end."""
    run.walk({**HEADER, **QUERY})
    finish(run)
    run.header["focus"] = [run.refer(each) for each in run.resources if each["resourceType"] == "Parameters"]
    if not run.header["focus"]:
        del run.header["focus"]


def rsp_k21(run: Run) -> None:
    """RSP_K11, RSP_K21 (K21 to K24), ADR_A19: an answer, with every patient that it has."""
    run.walk({**ADT, **OBSERVATIONS, **IMMUNIZATION, **ANSWER, **QUERY, "QRI": on_qri})
    settle_forecasts(run)
    finish(run)
    settle_outcome(run)
    focus = [run.refer(each) for each in run.resources if each["resourceType"] in ("Parameters", "Patient")]
    if focus:
        run.header["focus"] = focus
