"""AIS: a service that is scheduled."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import append
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.elements import append_each
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.sch import put_appointment_status
from transforms.v2_to_fhir.segments.slots import slot_period
from transforms.v2_to_fhir.source import SourceSegment


def ais_appointment(ais: SourceSegment, run: Run, appointment: Resource, is_status: bool) -> None:
    """AIS[Appointment]; `is_status` where the service's status is the appointment's, which says none of its own."""
    append(appointment, "serviceType", cwe_codeable_concept(ais.first(3), run, ais.where(3)))
    if is_status and ais.has(10):
        put_appointment_status(appointment, ais, 10, run)
    period = slot_period(ais, 4, run)
    for name, value in period.items():
        if "T" in value and name not in appointment:
            appointment[name] = value


def ais_service_request(ais: SourceSegment, run: Run, order: Resource) -> None:
    """AIS[ServiceRequest]."""
    code = cwe_codeable_concept(ais.first(3), run, ais.where(3))
    if code is not None:
        order["code"] = code
        append_each(order, "orderDetail", ais, 11, run, cwe_codeable_concept)
        append_each(order, "orderDetail", ais, 12, run, cwe_codeable_concept)
    period = slot_period(ais, 4, run)
    if period:
        order["occurrencePeriod"] = period
