"""IN3: the certification of an insurance, and who manages the case."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import append, coded
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.rol import care_team
from transforms.v2_to_fhir.source import SourceSegment

SNOMED = "http://snomed.info/sct"


def in3_care_team(in3: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """IN3[CareTeam]: the case manager."""
    manager = in3.text(21)
    if not manager:
        return None
    team = care_team(run, patient)
    role: Element = {**coded(SNOMED, "768832004", "Case manager"), "text": "case manager"}
    append(team, "participant", {"role": [role], "member": {"display": manager}})
    return team
