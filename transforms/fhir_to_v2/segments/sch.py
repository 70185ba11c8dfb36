"""SCH, RGS, AIS, AIG, AIL and AIP: an appointment, and who and what takes part in it."""

from __future__ import annotations

from datetime import datetime

from transforms.fhir_node import EMPTY, Node
from transforms.fhir_to_v2.datatypes.codes import code_of, cwe_of, has_code
from transforms.fhir_to_v2.datatypes.entities import cwe_of_device
from transforms.fhir_to_v2.datatypes.identifiers import ei_of
from transforms.fhir_to_v2.datatypes.locations import pl_of
from transforms.fhir_to_v2.datatypes.people import xcn_of
from transforms.fhir_to_v2.datatypes.times import dtm_of
from transforms.fhir_to_v2.line import Line
from transforms.fhir_to_v2.run import Run
from transforms.fhir_to_v2.segments.orc import FILLER, PLACER, order_number

_STATUS = {
    "proposed": "Pending",
    "pending": "Pending",
    "booked": "Booked",
    "arrived": "Started",
    "checked-in": "Started",
    "fulfilled": "Complete",
    "cancelled": "Cancelled",
    "noshow": "Noshow",
    "entered-in-error": "Deleted",
    "waitlist": "Waitlist",
}
"""The filler's status of an appointment (table 0278)."""
_AGREED = {"accepted": "Booked", "declined": "Cancelled", "tentative": "Pending"}
_ENDED = ("cancelled", "noshow", "entered-in-error")
_CONTACTS = {"placer contact": 12, "filler contact": 16}


def sch_of(appointment: Node, run: Run) -> Line:
    """Appointment[SCH]."""
    sch = run.line("SCH", appointment)
    sch.put(1, ei_of(order_number(appointment, *PLACER), run))
    sch.put(2, ei_of(order_number(appointment, *FILLER), run))
    sch.put(6, cwe_of(appointment.one("cancelationReason"), run))
    sch.put(7, cwe_of(appointment.one("reasonCode"), run, "AppointmentReasonCodes", "0276"))
    sch.put(8, cwe_of(appointment.one("appointmentType"), run, "AppointmentTypeCodes", "0277"))
    minutes = appointment.text("minutesDuration")
    sch.put(9, minutes)
    sch.put(10, "min" if minutes else "")
    begin, end = dtm_of(appointment, "start", run), dtm_of(appointment, "end", run)
    sch.put(11, {4: begin, 5: end})
    for participant in appointment.all("participant"):
        field = _field(participant)
        if field is not None:
            _read_role(participant)
            sch.put(field, xcn_of(participant.one("actor"), run))
    sch.put(25, appointment_status(appointment, run))
    for reference in appointment.all("basedOn"):
        order = run.resolve(reference)
        sch.put(26, ei_of(order_number(order, *PLACER), run))
        sch.put(27, ei_of(order_number(order, *FILLER), run))
        if order:
            run.done.add(order.path)
    if not run.has_field("SCH", 11) and run.tables.has_segment("TQ1") and (begin or end):
        tq1 = run.line("TQ1", appointment)
        tq1.put(1, "1")
        tq1.put(7, begin)
        tq1.put(8, end)
    return sch


def appointment_status(appointment: Node, run: Run) -> str:
    """SCH-25."""
    if appointment.has("_status"):
        return code_of(appointment, "status", run)
    return _STATUS.get(appointment.text("status"), "")


def resources_of(appointment: Node, run: Run) -> None:
    """Appointment[RGS, AIS, AIG, AIL, AIP]: its services, things, places and people."""
    others = [each for each in appointment.all("participant") if _field(each) is None]
    named = [(each, _kind(each, run)) for each in others]
    services = appointment.all("serviceType")
    if services or any(kind for _, kind in named):
        rgs = run.line("RGS", appointment)
        rgs.put(1, "1")
    for number, service in enumerate(services, 1):
        ais = run.line("AIS", appointment)
        ais.put(1, str(number))
        ais.put(3, cwe_of(service, run))
        ais.put(4, dtm_of(appointment, "start", run))
    for name in ("AIG", "AIL", "AIP"):
        for number, participant in enumerate((each for each, kind in named if kind == name), 1):
            _resource(name, number, participant, appointment, run)


def _resource(name: str, number: int, participant: Node, appointment: Node, run: Run) -> None:
    line = run.line(name, appointment)
    actor = participant.one("actor")
    line.put(1, str(number))
    line.put(4, cwe_of(participant.one("type"), run))
    found = run.resolve(actor) if actor.has("reference") else EMPTY
    if name == "AIG":
        line.put(3, cwe_of_device(actor, run))
        found.skip("type")
    elif name == "AIL":
        line.put(3, pl_of(actor, run))
    else:
        line.put(3, xcn_of(actor, run))
    start = 8 if name == "AIG" else 6
    period = participant.one("period")
    line.put(start, dtm_of(period, "start", run))
    minutes = _minutes(period.peek("start"), period.text("end"))
    if minutes:
        line.put(start + 3, minutes)
        line.put(start + 4, "min")
    agreed = _AGREED.get(participant.text("status"), "")
    status = appointment.peek("status")
    # Nobody is booked for an appointment that does not take place.
    line.put(14 if name == "AIG" else 12, _STATUS[status] if agreed and status in _ENDED else agreed)


def _kind(participant: Node, run: Run) -> str:
    actor = participant.one("actor")
    found = run.resolve(actor).peek("resourceType") if actor.has("reference") else actor.peek("type")
    if found == "Patient":
        participant.text("status")
        return ""
    if not actor:
        return ""
    return {"Location": "AIL", "Device": "AIG", "HealthcareService": "AIG"}.get(found, "AIP")


def _field(participant: Node) -> int | None:
    """The field of SCH for a person who is a contact or has entered the appointment."""
    for kind in participant.all("type"):
        if has_code(kind, "enterer"):
            return 20
        if kind.peek("text") in _CONTACTS:
            return _CONTACTS[kind.peek("text")]
    return None


def _read_role(participant: Node) -> None:
    participant.text("status")
    for kind in participant.all("type"):
        kind.skip("coding", "text")


def _minutes(start: str, end: str) -> str:
    try:
        total = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60
    except (ValueError, TypeError):
        return ""
    return str(int(total)) if 0 < total < 10**7 else ""
