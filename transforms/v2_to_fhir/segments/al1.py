"""AL1: an allergy."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.v2_to_fhir.allergies import allergy
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment


def al1_allergy_intolerance(al1: SourceSegment, run: Run, patient: Resource) -> Resource:
    """AL1[AllergyIntolerance]."""
    resource = allergy(al1, run, patient)
    put_field_time(resource, "onsetDateTime", al1, 6, run)
    return resource
