"""ACC: an accident: our own map, for the guide has none."""

from __future__ import annotations

from schemas.fhir import Element, Resource
from transforms.elements import OWN, add_extension, extension
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, id_boolean
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment


def acc_encounter(acc: SourceSegment, run: Run, encounter: Resource) -> None:
    """The accident that led to a visit, as an extension of it: R4 knows accidents only in claims."""
    parts: list[Element] = []
    if acc.has(1):
        when: Element = {"url": "date"}
        put_field_time(when, "valueDateTime", acc, 1, run)
        parts.append(when)
    kind = cwe_codeable_concept(acc.first(2), run, acc.where(2), table="0050")
    if kind is not None:
        parts.append(extension("type", "valueCodeableConcept", kind))
    place = acc.text(3)
    if place:
        parts.append(extension("location", "valueString", place))
    state = cwe_codeable_concept(acc.first(4), run, acc.where(4), table="0347")
    if state is not None:
        parts.append(extension("state", "valueCodeableConcept", state))
    for field, name in ((5, "jobRelated"), (6, "death")):
        is_so = id_boolean(acc.text(field)) if acc.raw(field) in ("Y", "N") else None
        if is_so is not None:
            parts.append(extension(name, "valueBoolean", is_so))
    if parts:
        add_extension(encounter, {"url": f"{OWN}accident", "extension": parts})
