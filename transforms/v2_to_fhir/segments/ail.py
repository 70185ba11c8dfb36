"""AIL: a place that is scheduled."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.slots import add_participant, slot_period
from transforms.v2_to_fhir.source import SourceSegment


def ail_appointment(ail: SourceSegment, run: Run, appointment: Resource) -> None:
    """AIL[Appointment]."""
    kind = cwe_codeable_concept(ail.first(4), run, ail.where(4))
    period = slot_period(ail, 6, run)
    for place in [pl_location(value, run) for value in ail[3]] or [None]:
        participant: Element = {}
        put(participant, "type", [kind] if kind is not None else [])
        put(participant, "actor", place)
        put(participant, "period", dict(period))
        if "type" in participant or "actor" in participant:
            add_participant(appointment, participant, ail, 12)
