"""Referrals as FHIR: ServiceRequest and Task, in BSeR's message, in a transaction, or as one Task."""

from transforms.refer.fhir.read import read_fhir
from transforms.refer.fhir.write import FhirEnds, Form, WrittenFhir, write_fhir

__all__ = ["FhirEnds", "Form", "WrittenFhir", "read_fhir", "write_fhir"]
