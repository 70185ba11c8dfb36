"""What the messages share: header, person and visit."""

from __future__ import annotations

from transforms.fhir_to_v2.event import Event
from transforms.fhir_to_v2.node import Node
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.msh import msh_of
from transforms.fhir_to_v2.segments.pid import pid_of
from transforms.fhir_to_v2.segments.pv1 import pv1_of


def header(event: Event, run: Run) -> None:
    """MSH."""
    msh_of(run.first("MessageHeader"), event, run)


def person(patient: Node, run: Run) -> None:
    """PID and what follows it about the person."""
    if patient:
        pid_of(patient, run)


def visit(encounter: Node, run: Run) -> None:
    """PV1 and PV2."""
    if encounter:
        pv1_of(encounter, run)
