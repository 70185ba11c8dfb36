"""Which maps made a resource."""

from importlib.metadata import version

TRANSFORMATION = f"hie {version('hie-engine')}, v2_to_fhir by HL7's v2-to-FHIR guide 1.0.0"
"""What Provenance names as the maker of a bundle."""
