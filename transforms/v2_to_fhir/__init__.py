"""HL7 v2 to FHIR R4, by HL7's v2-to-FHIR guide: `convert` a message."""

from transforms.v2_to_fhir.convert import Conversion, convert
from transforms.v2_to_fhir.options import Options

__all__ = ["Conversion", "Options", "convert"]
