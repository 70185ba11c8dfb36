"""SCH: the appointment."""

from __future__ import annotations

from itertools import zip_longest

from schemas.codes import concept_map
from schemas.fhir import Element, Resource
from transforms.elements import ALTERNATE_CODES, append, coded, extension
from transforms.v2_to_fhir.datatypes.codes import cwe_codeable_concept
from transforms.v2_to_fhir.datatypes.identifiers import ei_identifier, identifier_key
from transforms.v2_to_fhir.datatypes.people import xcn_practitioner
from transforms.v2_to_fhir.datatypes.quantities import minutes
from transforms.v2_to_fhir.datatypes.times import put_instant
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.segments.msa import is_positive
from transforms.v2_to_fhir.segments.msh import AGENT_TYPE, recorded
from transforms.v2_to_fhir.source import SourceSegment, Value

BLOCKED = "S23"
FILLER_STATUS = "http://terminology.hl7.org/CodeSystem/v2-0278"
_EVENTS = {
    "S15": "cancelled",
    "S16": "cancelled",
    "S17": "entered-in-error",
    "S26": "noshow",
    "S04": "cancelled",
    "S05": "cancelled",
    "S06": "entered-in-error",
}
"""What an event makes of an appointment, whatever its status field says (HL7 v2.9, 10.2 to 10.4)."""
_FILLER_STATUS = {
    "pending": "pending",
    "waitlist": "waitlist",
    "booked": "booked",
    "overbook": "booked",
    "started": "checked-in",
    "complete": "fulfilled",
    "cancelled": "cancelled",
    "discontinued": "cancelled",
    "deleted": "entered-in-error",
    "noshow": "noshow",
}
"""Table 0278, however it is written; the guide's map lacks overbooked and discontinued appointments."""
NEW = "S01"
_REQUESTS = ("S01", "S02", "S03", "S04", "S05", "S06", "S07", "S08", "S09", "S10", "S11")
_CONTACTS = ((12, "placer contact"), (16, "filler contact"))
_ORDER_STATUS = {
    "": "active",
    "pending": "active",
    "waitlist": "active",
    "booked": "active",
    "overbook": "active",
    "started": "active",
    "complete": "completed",
}
"""The status of what an appointment is for; an appointment that is cancelled does not say that its order is."""


def sch_appointment(sch: SourceSegment, run: Run) -> Resource:
    """SCH[Appointment]."""
    placer, filler = ei_identifier(sch.first(1), run, "PLAC"), ei_identifier(sch.first(2), run, "FILL")
    appointment = run.add("Appointment", *_key(filler or placer, sch.text(3), run))
    append(appointment, "identifier", placer, filler)
    put_appointment_status(appointment, sch, 25, run)
    reason = sch.first(7)
    if reason is not None:
        kind = reason.peek(3) == "HL70277"
        codes, table = ("AppointmentTypeCodes", "0277") if kind else ("AppointmentReasonCodes", "0276")
        found = cwe_codeable_concept(reason, run, sch.where(7), codes, table)
        if kind and found is not None:
            appointment["appointmentType"] = found
        else:
            append(appointment, "reasonCode", found)
    found = cwe_codeable_concept(sch.first(8), run, sch.where(8), "AppointmentTypeCodes", "0277")
    if found is not None:
        appointment["appointmentType"] = found
    if appointment["status"] in ("cancelled", "noshow"):
        why = cwe_codeable_concept(sch.first(6), run, sch.where(6))
        if why is not None:
            appointment["cancelationReason"] = why
    _put_duration(appointment, sch, 9)
    timing = sch.first(11)
    if timing is not None:
        tq_appointment(timing, appointment, run, sch.where(11))
    for field, role in _CONTACTS:
        _put_people(appointment, sch, field, {"text": role}, run)
    _put_people(appointment, sch, 20, coded(AGENT_TYPE, "enterer"), run)
    return appointment


def sch_slot(sch: SourceSegment, run: Run) -> Resource:
    """SCH of S23 and S24, which the guide takes for an appointment: time that is blocked, or opened again."""
    placer, filler = ei_identifier(sch.first(1), run, "PLAC"), ei_identifier(sch.first(2), run, "FILL")
    slot = run.add("Slot", *_key(filler or placer, sch.text(3), run))
    append(slot, "identifier", placer, filler)
    slot["status"] = "busy-unavailable" if run.trigger_event == BLOCKED else "free"
    kind = cwe_codeable_concept(sch.first(8), run, sch.where(8), "AppointmentTypeCodes", "0277")
    if kind is not None:
        slot["appointmentType"] = kind
    timing = sch.first(11)
    if timing is not None:
        tq_appointment(timing, slot, run, sch.where(11))
    return slot


def arq_appointment(arq: SourceSegment, run: Run) -> Resource:
    """ARQ, which the guide does not map: the appointment that is asked for."""
    placer, filler = ei_identifier(arq.first(1), run, "PLAC"), ei_identifier(arq.first(2), run, "FILL")
    appointment = run.add("Appointment", *_key(filler or placer, arq.text(3), run))
    append(appointment, "identifier", placer, filler)
    appointment["status"] = "proposed" if run.trigger_event == NEW else "pending"
    append(
        appointment,
        "reasonCode",
        cwe_codeable_concept(arq.first(7), run, arq.where(7), "AppointmentReasonCodes", "0276"),
    )
    kind = cwe_codeable_concept(arq.first(8), run, arq.where(8), "AppointmentTypeCodes", "0277")
    if kind is not None:
        appointment["appointmentType"] = kind
    _put_duration(appointment, arq, 9)
    for wanted in arq[11]:
        period: Element = {}
        put_instant(period, "start", wanted[1], run, arq.where(11))
        put_instant(period, "end", wanted[2], run, arq.where(11))
        append(appointment, "requestedPeriod", period)
    _put_people(appointment, arq, 15, {"text": "placer contact"}, run)
    _put_people(appointment, arq, 19, coded(AGENT_TYPE, "enterer"), run)
    return appointment


def sch_provenance(sch: SourceSegment, run: Run, appointment: Resource) -> Resource | None:
    """SCH[Provenance]: who entered the appointment."""
    people = [xcn_practitioner(value, run, sch.where(20)) for value in sch[20]]
    agents = [{"type": coded(AGENT_TYPE, "enterer"), "who": person} for person in people if person is not None]
    if not agents:
        return None
    provenance = run.add("Provenance", appointment["id"], run.control_id, "entered")
    provenance.update({"target": [run.refer(appointment)], "recorded": recorded(run), "agent": agents})
    return provenance


def sch_service_request(sch: SourceSegment, run: Run, appointment: Resource) -> list[Resource]:
    """SCH[ServiceRequest]: the orders that the appointment is for, each by its placer and filler order number."""
    made: list[Resource] = []
    for placer, filler in zip_longest(sch[26], sch[27]):
        numbers = [ei_identifier(placer, run, "PLAC"), ei_identifier(filler, run, "FILL")]
        identifiers = [each for each in numbers if each is not None]
        if not identifiers:
            continue
        order = run.add("ServiceRequest", *identifier_key(identifiers[0], run))
        order["identifier"] = identifiers
        status = sch.first(25)
        order["status"] = _ORDER_STATUS.get(status[1].lower() if status is not None else "", "unknown")
        order["intent"] = "order"
        append(appointment, "basedOn", run.refer(order))
        made.append(order)
    return made


def put_appointment_status(appointment: Resource, segment: SourceSegment, field: int, run: Run) -> None:
    """Put the status of an appointment: what the event says of it, else the filler's status (table 0278)."""
    value = segment.first(field)
    text = value[1] if value is not None else ""
    by_event = _by_event(run)
    known = _FILLER_STATUS.get(text.lower(), "")
    status = by_event or known or ("pending" if text or run.trigger_event in _REQUESTS else "booked")
    appointment["status"] = status
    if value is not None and known:
        value.whole()  # its text and table say no more than the code
    if text and not known:
        run.report_code(segment.where(field), text, "FillerStatusCodes[Appointment]")
    if text and concept_map("FillerStatusCodes[Appointment]").back_code(status) != text:
        original = {"coding": [{"system": FILLER_STATUS, "code": text}]}
        append(
            appointment.setdefault("_status", {}),
            "extension",
            extension(ALTERNATE_CODES, "valueCodeableConcept", original),
        )


def _by_event(run: Run) -> str | None:
    """What the event makes of an appointment; a request (SRM) makes nothing of it, nor does its refusal (SRR)."""
    if run.message_type == "SRM" or (run.message_type == "SRR" and not is_positive(run.er7.get("MSA-1"))):
        return None
    return _EVENTS.get(run.trigger_event)


def tq_appointment(tq: Value, appointment: Resource, run: Run, where: str) -> None:
    """TQ[Appointment]: from when to when."""
    put_instant(appointment, "start", tq[4], run, where)
    put_instant(appointment, "end", tq[5], run, where)


def tq1_appointment(tq1: SourceSegment, appointment: Resource, run: Run) -> None:
    """TQ1, by which v2.5 and later replace the TQ of SCH-11: from when to when."""
    if "start" not in appointment:
        put_instant(appointment, "start", tq1.text(7), run, tq1.where(7))
    if "end" not in appointment:
        put_instant(appointment, "end", tq1.text(8), run, tq1.where(8))


def _put_duration(appointment: Resource, segment: SourceSegment, field: int) -> None:
    """Put a duration into the Appointment where it says its unit, as whole minutes."""
    number, unit = segment.first(field), segment.first(field + 1)
    if number is None or unit is None:
        return
    total = minutes(number.peek(1), unit.peek(1) or unit.peek(2))
    if total:
        appointment["minutesDuration"] = total
        number[1], unit.shown()  # they are read now


def _put_people(appointment: Resource, segment: SourceSegment, field: int, role: Element, run: Run) -> None:
    for value in segment[field]:
        person = xcn_practitioner(value, run, segment.where(field))
        if person is not None:
            append(appointment, "participant", {"type": [role], "actor": person})


def _key(identifier: Element | None, occurrence: str, run: Run) -> tuple[str, ...]:
    """What identifies an appointment: the filler's number for it, else the placer's, and which occurrence it is."""
    if identifier is None:
        return (run.sender, run.control_id, "appointment", str(run.count("appointment")))
    key = identifier_key(identifier, run)
    return (*key, occurrence) if occurrence else key
