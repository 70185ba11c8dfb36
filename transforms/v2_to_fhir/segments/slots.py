"""What AIS, AIG, AIL and AIP share: who or what takes part in an appointment, when, and whether it agreed."""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.fhir import Element, Resource
from transforms.elements import absent
from transforms.v2_to_fhir.datatypes.quantities import minutes
from transforms.v2_to_fhir.datatypes.times import put_date_time
from transforms.v2_to_fhir.run import Run
from transforms.v2_to_fhir.source import SourceSegment

REMOVED = "FHIR-131"
_AGREED = {
    "pending": "tentative",
    "waitlist": "tentative",
    "booked": "accepted",
    "overbook": "accepted",
    "started": "accepted",
    "complete": "accepted",
    "cancelled": "declined",
    "discontinued": "declined",
    "deleted": "declined",
    "blocked": "declined",
    "noshow": "declined",
}
"""Table 0278 as the status of a participant."""


def is_removed(segment: SourceSegment, run: Run) -> bool:
    """Whether the segment takes something out of the appointment (table 0206); it is kept as it was sent."""
    if segment.raw(2) == "A":
        segment.text(2)  # what is added is listed
    if segment.raw(2) != "D":
        return False
    run.tell(REMOVED, segment.where(2), "this takes a resource out of the appointment; it is not listed, but kept")
    return True


def slot_period(segment: SourceSegment, start: int, run: Run) -> Element:
    """When a resource is needed, by five fields from `start`: start, offset and its unit, duration and its unit.

    An offset counts from the appointment's own start.
    """
    period: Element = {}
    put_date_time(period, "start", segment.text(start), run, segment.where(start))
    if "start" not in period and run.appointment is not None:
        shift = _minutes(segment, start + 1)
        begins = _later(run.appointment.get("start", ""), shift)
        if begins:
            period["start"] = begins
            _read(segment, start + 1)
    length = _minutes(segment, start + 3)
    ends = _later(period.get("start", ""), length)
    if ends:
        period["end"] = ends
        _read(segment, start + 3)
    return period


def add_participant(appointment: Resource, participant: Element, segment: SourceSegment, field: int) -> None:
    """Put a participant into the appointment; `field` is that of the filler's status, which R4 words otherwise."""
    value = segment.first(field)
    status = _AGREED.get(value.peek(1).lower()) if value is not None else None
    if value is not None and status is not None:
        participant["status"] = status
        value.whole()
    held = appointment.setdefault("participant", [])
    if participant not in held:
        held.append(participant)


def settle(appointment: Resource) -> None:
    """Give an appointment what R4 demands: the status of each participant, and times where it is booked (app-3)."""
    status = appointment["status"]
    for each in appointment.setdefault("participant", []):
        if "status" not in each:
            each["status"] = "needs-action" if status in ("proposed", "pending", "waitlist") else "accepted"
    if not appointment["participant"]:
        nobody = {"type": [{"text": "patient, whom the message does not name"}], "status": "needs-action"}
        appointment["participant"].append(nobody)
    if "end" not in appointment and "minutesDuration" in appointment:
        ends = _later(appointment.get("start", ""), appointment["minutesDuration"])
        if ends:
            appointment["end"] = ends
    has_some = any(name in appointment for name in ("start", "end", "_start", "_end"))
    if has_some or status not in ("proposed", "cancelled", "waitlist"):
        for name in ("start", "end"):
            if name not in appointment:
                appointment.setdefault(f"_{name}", absent("unknown"))


def _minutes(segment: SourceSegment, field: int) -> int | None:
    number, unit = segment.first(field), segment.first(field + 1)
    if number is None or unit is None:
        return None
    return minutes(number.peek(1), unit.peek(1))


def _read(segment: SourceSegment, field: int) -> None:
    """Mark a number and its unit as read."""
    for each in (segment.first(field), segment.first(field + 1)):
        if each is not None:
            each.shown()


def _later(start: str, total: int | None) -> str:
    """The instant so many minutes after `start`, "" where either is not known to the minute."""
    if total is None or "T" not in start:
        return ""
    try:
        end = (datetime.fromisoformat(start) + timedelta(minutes=total)).isoformat()
    except (OverflowError, ValueError):
        return ""
    return f"{end[:-6]}Z" if start.endswith("Z") else end
