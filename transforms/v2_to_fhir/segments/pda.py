"""PDA: death and autopsy: our own map, for the guide has none."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append, coded
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.pd1 import LOINC
from transforms.v2_to_fhir.source import SourceSegment


def pda_observation(pda: SourceSegment, run: Run, patient: Resource) -> Resource | None:
    """The causes of death, of which the first is the value, and who certified them when."""
    causes = [each for each in (cwe_codeable_concept(value, run, pda.where(1)) for value in pda[1]) if each]
    if not causes:
        return None
    observation = run.add("Observation", patient["id"], "cause-of-death")
    observation["status"] = "final"
    observation["code"] = coded(LOINC, "69453-9", "Cause of death [US Standard Certificate of Death]")
    observation["subject"] = run.refer(patient)
    put_field_time(observation, "effectiveDateTime", pda, 4, run)
    append(observation, "performer", xcn_practitioner(pda.first(5), run, pda.where(5)))
    observation["valueCodeableConcept"] = causes[0]
    for cause in causes[1:]:
        part = {"code": observation["code"], "valueCodeableConcept": cause}
        append(observation, "component", part)
    return observation
