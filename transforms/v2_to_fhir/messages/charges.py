"""FT1, which DFT and orders have: what is charged."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.ft1 import CHARGE, ft1_basic, ft1_charge_item
from transforms.v2_to_fhir.source import SourceSegment


def on_ft1(ft1: SourceSegment, run: Run) -> Resource | None:
    """FT1: a charge, or another transaction, of what PR1 says next."""
    run.procedure = None
    if run.patient is None:
        return None
    kind = ft1.first(6)
    is_charge = kind is None or kind.peek(1).upper() in (CHARGE, "")
    run.charge = run.latest = (ft1_charge_item if is_charge else ft1_basic)(ft1, run, run.patient)
    return run.charge
