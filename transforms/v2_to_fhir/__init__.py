"""HL7 v2 to FHIR R4, by HL7's v2-to-FHIR guide: `convert` a message; `reads_segment` for a site's own segments."""

from transforms.v2_to_fhir.convert import Conversion, convert
from transforms.v2_to_fhir.options import Options
from transforms.v2_to_fhir.site import reads_segment

__all__ = ["Conversion", "Options", "convert", "reads_segment"]
