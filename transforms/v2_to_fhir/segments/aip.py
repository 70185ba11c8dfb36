"""AIP: a person who is scheduled."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.slots import add_participant, slot_period
from transforms.v2_to_fhir.source import SourceSegment


def aip_appointment(aip: SourceSegment, run: Run, appointment: Resource) -> None:
    """AIP[Appointment]."""
    kind = cwe_codeable_concept(aip.first(4), run, aip.where(4))
    period = slot_period(aip, 6, run)
    for person in [xcn_practitioner(value, run, aip.where(3)) for value in aip[3]] or [None]:
        participant: Element = {}
        put(participant, "type", [kind] if kind is not None else [])
        put(participant, "actor", person)
        put(participant, "period", dict(period))
        if "type" in participant or "actor" in participant:
            add_participant(appointment, participant, aip, 12)
