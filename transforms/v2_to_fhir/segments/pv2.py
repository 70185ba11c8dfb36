"""PV2: what else is known of the visit."""

from __future__ import annotations

from html import escape

from schemas.fhir import Resource
from transforms.elements import CORE, OWN, R5, add_extension, append, extension, put
from transforms.v2_to_fhir.datatypes.authorities import xon_organization
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept, cwe_coding, id_boolean
from transforms.v2_to_fhir.datatypes.lengths import nm_quantity_length_of_stay
from transforms.v2_to_fhir.datatypes.locations import pl_location
from transforms.v2_to_fhir.datatypes.times import put_field_time
from transforms.v2_to_fhir.elements import put_first
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.pv1 import put_participants
from transforms.v2_to_fhir.source import SourceSegment

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_CONCEPTS = (
    (7, "visit-user-code", "VisitUserCode", "0130"),
    (21, "visit-publicity-code", "PublicityCode", "0215"),
    (40, "admission-level-of-care", "AdmissionLevelOfCareCode", "0432"),
)


def pv2_encounter(pv2: SourceSegment, run: Run, encounter: Resource) -> None:
    """PV2[Encounter]."""
    pending = pl_location(pv2.first(1), run)
    if pending is not None:
        append(encounter, "location", {"location": pending, "status": "planned"})
    put_first(encounter, "priority", pv2, 25, run, cwe_codeable_concept, codes="EncounterPriority", table="0217")
    put_participants(encounter, pv2, 13, "REF", "referrer", run)
    put(encounter, "length", nm_quantity_length_of_stay(pv2.text(11), run, pv2.where(11)))
    append(encounter, "reasonCode", cwe_codeable_concept(pv2.first(3), run, pv2.where(3)))
    put(encounter, "serviceProvider", xon_organization(pv2.first(23), run))
    description = pv2.text(12)
    if description:
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(description, quote=False)}</div>'
        encounter["text"] = {"status": "additional", "div": div}
    _put_protection(encounter, pv2)
    _put_extensions(encounter, pv2, run)


def _put_protection(encounter: Resource, pv2: SourceSegment) -> None:
    is_protected = id_boolean(pv2.text(22))
    if is_protected is None:
        return
    add_extension(encounter, extension(f"{OWN}visit-protection", "valueBoolean", is_protected))
    if is_protected:
        label = {"system": _CONFIDENTIALITY, "code": "R", "display": "restricted"}
        append(encounter.setdefault("meta", {}), "security", label)


def _put_extensions(encounter: Resource, pv2: SourceSegment, run: Run) -> None:
    for field, name in ((8, "plannedStartDate"), (9, "plannedEndDate")):
        if pv2.has(field):
            planned = {"url": f"{R5}Encounter.{name}"}
            put_field_time(planned, "valueDateTime", pv2, field, run)
            add_extension(encounter, planned)
    for field, name, codes, table in _CONCEPTS:
        for value in pv2[field]:
            found = cwe_codeable_concept(value, run, pv2.where(field), codes, table)
            if found is not None:
                add_extension(encounter, extension(OWN + name, "valueCodeableConcept", found))
    estimated = nm_quantity_length_of_stay(pv2.text(10), run, pv2.where(10))
    if estimated is not None:
        add_extension(encounter, extension(f"{OWN}estimated-length-of-stay", "valueQuantity", estimated))
    arrival = cwe_coding(pv2.first(38), run, pv2.where(38), "ModeOfArrivalCode", "0430")
    if arrival is not None:
        add_extension(encounter, extension(f"{CORE}encounter-modeOfArrival", "valueCoding", arrival))
