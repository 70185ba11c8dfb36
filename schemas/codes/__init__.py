"""The vocabularies of the transforms between HL7 v2 and FHIR: concept maps, coding systems, identifier systems."""

from schemas.codes.concept_map import Coding, ConceptMap, concept_map, map_names
from schemas.codes.identifiers import identifier_oid, identifier_system
from schemas.codes.systems import system_name, system_oid, system_uri
from schemas.codes.tables import has_code

__all__ = [
    "Coding",
    "ConceptMap",
    "concept_map",
    "has_code",
    "identifier_oid",
    "identifier_system",
    "map_names",
    "system_name",
    "system_oid",
    "system_uri",
]
