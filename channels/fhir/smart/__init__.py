"""SMART Backend Services: how systems get tokens for a FHIR server, without a person."""

from channels.fhir.smart.options import Smart

__all__ = ["Smart"]
