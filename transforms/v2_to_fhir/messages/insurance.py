"""Who pays: insurances and guarantors."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.gt1 import gt1_account
from transforms.v2_to_fhir.segments.in1 import in1_coverage
from transforms.v2_to_fhir.segments.in2 import in2_coverage
from transforms.v2_to_fhir.segments.in3 import in3_care_team
from transforms.v2_to_fhir.source import SourceSegment


def on_in1(in1: SourceSegment, run: Run) -> Resource | None:
    """IN1: an insurance of the patient, of what IN2 and IN3 say next."""
    if run.patient is None:
        return None
    run.procedure = None
    run.coverage = run.latest = in1_coverage(in1, run, run.patient)
    return run.coverage


def on_in2(in2: SourceSegment, run: Run) -> Resource | None:
    """IN2: more of the insurance."""
    return run.patient if run.coverage is None else in2_coverage(in2, run, run.coverage)


def on_in3(in3: SourceSegment, run: Run) -> Resource | None:
    """IN3: who manages the case; the rest is kept with the insurance."""
    if run.patient is not None:
        in3_care_team(in3, run, run.patient)
    return run.coverage or run.patient


def on_gt1(gt1: SourceSegment, run: Run) -> Resource | None:
    """GT1: who is to pay what no insurance pays."""
    return run.patient and (gt1_account(gt1, run, run.patient) or run.patient)


INSURANCE: dict[str, Handler] = {"IN1": on_in1, "IN2": on_in2, "IN3": on_in3, "GT1": on_gt1}
