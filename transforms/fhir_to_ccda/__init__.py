"""FHIR R4 to C-CDA R2.1: `convert` a Bundle to the clinical document that says the same."""

from transforms.fhir_to_ccda.convert import Conversion, convert
from transforms.fhir_to_ccda.options import Options

__all__ = ["Conversion", "Options", "convert"]
