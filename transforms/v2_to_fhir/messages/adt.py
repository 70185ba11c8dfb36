"""ADT: admission, discharge, transfer, registration and what changes them."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.messages.common import HEADER, PERSON, VISIT, finish
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.evn import evn_provenance
from transforms.v2_to_fhir.source import SourceSegment


def on_evn(evn: SourceSegment, run: Run) -> Resource:
    """EVN: what happened."""
    return evn_provenance(evn, run)


ADT: dict[str, Handler] = {**HEADER, "EVN": on_evn, **PERSON, **VISIT}


def adt_a01(run: Run) -> None:
    """ADT_A01: A01, A04, A08, A13."""
    run.walk(ADT)
    finish(run)
