"""OBX and NTE in messages that carry them beside what they are about: of the patient, the visit, the order."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.profiles import put_birth_sex
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.nte import on_nte
from transforms.v2_to_fhir.segments.obx import obx_observation, text_lines
from transforms.v2_to_fhir.source import SourceSegment


def on_obx(obx: SourceSegment, run: Run) -> Resource:
    """OBX: an observation of the patient who is open; a line that goes on with a text before it went into that one."""
    if obx.target is not None:
        return obx.target
    more = text_lines(obx, run)
    observation = run.observation = run.latest = obx_observation(obx, run, more)
    for line in more:
        line.target = observation
    if run.patient is not None:
        put_birth_sex(run.patient, observation)
    return observation


OBSERVATIONS: dict[str, Handler] = {"OBX": on_obx, "NTE": on_nte}
