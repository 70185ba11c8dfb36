"""AIG: equipment or another thing that is scheduled."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import put
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.entities import cwe_device, cwe_identifiers
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.slots import add_participant, slot_period
from transforms.v2_to_fhir.source import SourceSegment

_PLACES = ("room", "location", "bed", "ward", "clinic")


def aig_appointment(aig: SourceSegment, run: Run, appointment: Resource) -> None:
    """AIG[Appointment]: a Location where the type of the resource says that it is one, else a Device."""
    kind = cwe_codeable_concept(aig.first(4), run, aig.where(4))
    participant: Element = {}
    if kind is not None:
        participant["type"] = [kind]
    put(participant, "actor", _resource(aig, kind, run))
    put(participant, "period", slot_period(aig, 8, run))
    if "type" in participant or "actor" in participant:
        add_participant(appointment, participant, aig, 14)


def _resource(aig: SourceSegment, kind: Element | None, run: Run) -> Element | None:
    value = aig.first(3)
    if value is None:
        return None
    shown = [each.get("display", "") for each in (kind or {}).get("coding", [])]
    words = " ".join([*shown, (kind or {}).get("text", "")]).lower().split()
    if any(word in words for word in _PLACES):
        name = value[2] or value[1]
        place: Resource = {"resourceType": "Location", "name": name, "mode": "instance"}
        put(place, "identifier", cwe_identifiers(value))
        return run.share(place, run.sender, "resource", value.peek(1) or name, value.peek(3))
    device = cwe_device(value, run)
    if device is not None and kind is not None:
        run.referred(device)["type"] = kind
    return device
