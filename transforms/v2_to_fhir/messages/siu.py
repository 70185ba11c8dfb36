"""SIU, SRM and SRR: appointments, and the requests for them."""

from __future__ import annotations

from schemas.fhir import Resource
from transforms.elements import R5, absent, add_extension, extension
from transforms.v2_to_fhir.messages.ack import ANSWER
from transforms.v2_to_fhir.messages.clinical import CLINICAL
from transforms.v2_to_fhir.messages.common import HEADER, PERSON, VISIT, finish, on_pid
from transforms.v2_to_fhir.messages.insurance import INSURANCE
from transforms.v2_to_fhir.messages.observations import OBSERVATIONS
from transforms.v2_to_fhir.run import Handler, Run
from transforms.v2_to_fhir.segments.aig import aig_appointment
from transforms.v2_to_fhir.segments.ail import ail_appointment
from transforms.v2_to_fhir.segments.aip import aip_appointment
from transforms.v2_to_fhir.segments.ais import ais_appointment, ais_service_request
from transforms.v2_to_fhir.segments.sch import (
    arq_appointment,
    sch_appointment,
    sch_provenance,
    sch_service_request,
    sch_slot,
    tq1_appointment,
)
from transforms.v2_to_fhir.segments.slots import is_removed, settle
from transforms.v2_to_fhir.source import SourceSegment


def on_sch(sch: SourceSegment, run: Run) -> Resource:
    """SCH: an appointment, and the orders that it is for."""
    run.appointment = run.latest = sch_appointment(sch, run)
    sch_provenance(sch, run, run.appointment)
    orders = sch_service_request(sch, run, run.appointment)
    run.order = orders[0] if orders else None
    if run.patient is not None:
        pid_appointment(run, run.appointment, run.patient)
    return run.appointment


def on_arq(arq: SourceSegment, run: Run) -> Resource:
    """ARQ: an appointment that is asked for."""
    run.appointment = run.latest = arq_appointment(arq, run)
    if run.patient is not None:
        pid_appointment(run, run.appointment, run.patient)
    return run.appointment


def on_person(pid: SourceSegment, run: Run) -> Resource:
    """PID: a patient, for whom the appointment is."""
    patient = on_pid(pid, run)
    if run.appointment is not None:
        pid_appointment(run, run.appointment, patient)
    return patient


def pid_appointment(run: Run, appointment: Resource, patient: Resource) -> None:
    """PID[Appointment]: the patient takes part, and is whom the appointment is about."""
    reference = run.refer(patient)
    participants = appointment.setdefault("participant", [])
    if any(each.get("actor") == reference for each in participants):
        return
    participants.insert(0, {"actor": reference})
    add_extension(appointment, extension(f"{R5}Appointment.subject", "valueReference", reference))


def on_tq1(tq1: SourceSegment, run: Run) -> Resource | None:
    """TQ1: when the appointment is."""
    if run.appointment is not None:
        tq1_appointment(tq1, run.appointment, run)
    return run.appointment


def on_ais(ais: SourceSegment, run: Run) -> Resource | None:
    """AIS: a service."""
    appointment = run.appointment
    if appointment is None or is_removed(ais, run):
        return appointment
    run.latest = appointment
    of_appointment = not any(each.name == "SCH" and each.has(25) for each in run.segments)
    ais_appointment(ais, run, appointment, is_status=of_appointment and ais.number == 1)
    if run.order is not None and "code" not in run.order:
        ais_service_request(ais, run, run.order)
    return appointment


def on_aig(aig: SourceSegment, run: Run) -> Resource | None:
    """AIG: a thing."""
    run.latest = run.appointment or run.latest
    if run.appointment is not None and not is_removed(aig, run):
        aig_appointment(aig, run, run.appointment)
    return run.appointment


def on_ail(ail: SourceSegment, run: Run) -> Resource | None:
    """AIL: a place."""
    run.latest = run.appointment or run.latest
    if run.appointment is not None and not is_removed(ail, run):
        ail_appointment(ail, run, run.appointment)
    return run.appointment


def on_aip(aip: SourceSegment, run: Run) -> Resource | None:
    """AIP: a person."""
    run.latest = run.appointment or run.latest
    if run.appointment is not None and not is_removed(aip, run):
        aip_appointment(aip, run, run.appointment)
    return run.appointment


def on_resource(segment: SourceSegment, run: Run) -> Resource | None:
    """RGS: it groups what follows, and says nothing that the guide maps."""
    run.latest = run.appointment or run.latest
    if segment.raw(2) == "A":
        segment.text(2)  # what is added is listed
    return run.appointment


SIU: dict[str, Handler] = {
    **HEADER,
    **PERSON,
    **VISIT,
    **CLINICAL,
    **INSURANCE,
    **OBSERVATIONS,
    **ANSWER,
    "SCH": on_sch,
    "ARQ": on_arq,
    "TQ1": on_tq1,
    "PID": on_person,
    "RGS": on_resource,
    "AIS": on_ais,
    "AIG": on_aig,
    "AIL": on_ail,
    "AIP": on_aip,
}


def on_blocked_sch(sch: SourceSegment, run: Run) -> Resource:
    """SCH: time of a schedule."""
    run.appointment = run.latest = sch_slot(sch, run)
    return run.appointment


def on_blocked_ais(ais: SourceSegment, run: Run) -> Resource | None:
    """AIS: the service that the time is for."""
    if run.appointment is not None and not is_removed(ais, run):
        ais_appointment(ais, run, run.appointment, is_status=False)
    return run.appointment


def siu_s23(run: Run) -> None:
    """SIU_S12 of the events S23 and S24: time that is blocked or opened, of a schedule of those whose time it is."""
    run.walk({**SIU, "SCH": on_blocked_sch, "AIS": on_blocked_ais, "PID": on_pid})
    finish(run)
    for slot in [each for each in run.resources if each["resourceType"] == "Slot"]:
        actors = [each["actor"] for each in slot.pop("participant", []) if "actor" in each]
        schedule = run.add("Schedule", slot["id"])
        schedule["actor"] = actors or [absent("unknown")]
        slot["schedule"] = run.refer(schedule)
        for name in ("start", "end"):
            if name not in slot:
                slot.setdefault(f"_{name}", absent("unknown"))
        run.header["focus"] = [run.refer(slot), *run.header.get("focus", [])]


def siu_s12(run: Run) -> None:
    """SIU_S12: S12 to S22 and S26; SRM_S01 and SRR_S01, which the guide does not map."""
    run.walk(SIU)
    finish(run)
    for appointment in [each for each in run.resources if each["resourceType"] == "Appointment"]:
        settle(appointment)
    for order in [each for each in run.resources if each["resourceType"] == "ServiceRequest"]:
        order.setdefault("subject", run.refer(run.patient) if run.patient is not None else absent("unknown"))
    if run.appointment is not None:
        run.header.setdefault("focus", []).insert(0, run.refer(run.appointment))
