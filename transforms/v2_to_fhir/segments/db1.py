"""DB1: a disability: our own map, for the guide has none."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, append, extension
from transforms.v2_to_fhir.datatypes.codes import id_boolean
from transforms.v2_to_fhir.datatypes.identifiers import cx_identifier
from transforms.v2_to_fhir.datatypes.times import period
from transforms.v2_to_fhir.elements import of_field
from transforms.v2_to_fhir.profiles import put_patient_profile
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

PATIENT = "PT"


def db1_patient(db1: SourceSegment, run: Run, patient: Resource) -> None:
    """Whether the patient is disabled and since when; a disability of someone else (DB1-2) is left to be kept."""
    person = db1.first(2)
    if person is not None and person[1] != PATIENT:
        return
    for value in db1[3]:
        append(patient, "identifier", of_field(cx_identifier(value, run, db1.where(3)), db1, 3))
        put_patient_profile(patient, run)
    parts: list[Element] = []
    is_disabled = id_boolean(db1.text(4)) if db1.raw(4) in ("Y", "N") else None
    if is_disabled is not None:
        parts.append(extension("disabled", "valueBoolean", is_disabled))
    for name, start, end in (("period", 5, 6), ("unableToWork", 8, 7)):
        when = period(db1.text(start), db1.text(end), run, db1.where(start))
        if when is not None:
            parts.append(extension(name, "valuePeriod", when))
    if parts:
        add_extension(patient, {"url": f"{OWN}disability", "extension": parts})
