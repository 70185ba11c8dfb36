"""ADT: admission, discharge, transfer, registration and what changes them."""

from __future__ import annotations

from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.messages.common import header, person, visit
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.evn import evn_of


def adt(event: Event, run: Run) -> None:
    """ADT, in the order of ADT_A01."""
    header(event, run)
    evn_of(event, run)
    person(run.first("Patient"), run)
    visit(run.first("Encounter"), run)
