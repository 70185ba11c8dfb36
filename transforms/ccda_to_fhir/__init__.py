"""C-CDA to FHIR R4, by HL7's guide C-CDA on FHIR: `convert` a document of any version."""

from transforms.ccda_to_fhir.convert import Conversion, convert
from transforms.ccda_to_fhir.options import Options

__all__ = ["Conversion", "Options", "convert"]
