"""FHIR R4 to HL7 v2: `convert` a Bundle or a resource to the message that says the same."""

from transforms.fhir_to_v2.convert import Conversion, convert
from transforms.fhir_to_v2.options import Options

__all__ = ["Conversion", "Options", "convert"]
