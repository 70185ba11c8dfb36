"""The step `notify_event`."""

from __future__ import annotations

from schemas.message import HL7V2, Message
from transforms.notify.events import CLASSES, happening, sender_of
from transforms.step import Nothing, StepError, sets, step


@step
@sets("notice.kind", "notice.event", "notice.visit", "notice.phase", "notice.digest", "notice.patient", "notice.sender")
def notify_event(
    message: Message, *, classes: dict[str, str] | None = None, emergency_units: list[str] | None = None
) -> Message | Nothing:
    """Let ADT messages pass that tell of an event at a visit, an update of one, or its withdrawal; others are filtered.

    A01, A04, A06 and A10 are an arrival, A02 a transfer where the facility changes or the patient leaves the emergency
    department, A07 a transfer, A03 a discharge, A08 an update, A11, A12, A13 and A23 withdrawals. All others, bed moves
    among them, are no event.

    Args:
        classes: What the arrival of a patient class (PV1-2) is: `{OBS: observation, S: admit}`; "" for nothing. Added
            to those of HL7 table 0004.
        emergency_units: The points of care (PV1-3.1) of the emergency department: `[ED, EDHOLD]`.
    """
    if message.format != HL7V2:
        raise StepError(f"only HL7 v2 tells of events here, and the body is {message.format}", "put the step before")
    er7 = message.er7
    found = happening(er7, {**CLASSES, **(classes or {})}, emergency_units or ())
    if isinstance(found, str):
        return Nothing(found)
    if len(er7.named("PID")) > 1:
        raise StepError("the message names two patients (PID), and not whose event it is", "have the sender part them")
    facts = {
        "notice.kind": found.kind,
        "notice.event": found.event,
        "notice.visit": found.visit,
        "notice.phase": found.phase or "",
        "notice.digest": found.digest,
        "notice.patient": er7.get("PID-3.1"),
        "notice.sender": sender_of(er7),
    }
    return message.derive("notify_event", attributes=facts)
