"""What an act of a referral says, written as 360X does."""

from __future__ import annotations

from schemas.tables import CodeMap
from transforms.fhir_to_v2.line import Encoded, Part
from transforms.fhir_to_v2.messages.common import observations
from transforms.fhir_to_v2.run import Run
from transforms.refer.error import NotSayableError
from transforms.refer.referral import NOBODY, Act, Party, ReferralMessage
from transforms.refer.v2.parties import put_provider, xcns_of
from transforms.refer.v2.values import cwe_of, day_of, dtm_of, ei_of, priority_of, xtns_of
from transforms.refer.v2.words import REFERRAL_NOTE, RT
from transforms.refer.v2.written import (
    NO_ENDS,
    Ends,
    Written,
    begin,
    finish,
    numbered,
    put_allergies,
    put_diagnoses,
    put_notes,
    put_patient,
)
from transforms.refer.x360.orders import read_order
from transforms.refer.x360.schedule import read_schedule
from transforms.refer.x360.words import NO_SHOW, ORDERS

VERSION = "2.5.1"
PROFILE = "360X"
_NOT_KNOWN: dict[int, Part] = {1: Encoded('""')}
"""A required person whom the referral does not name: null, for 360X has no other word (HL7 v2.5.1, 2.5.3)."""


def write_360x(message: ReferralMessage, *, ends: Ends = NO_ENDS, systems: CodeMap | None = None) -> Written:
    """The OMG^O19, OSU^O51 or SIU (2.5.1) that says the act; its documents go into the package beside it.

    Raises `NotSayableError` for an inquiry and for a booking without a time, which 360X has no message for.
    """
    if message.act in (Act.BOOK, Act.NO_SHOW):
        return finish(_schedule(message, ends, systems), message, read_schedule, systems, "documents")
    if message.act in ORDERS:
        return finish(_order(message, ends, systems), message, read_order, systems, "documents")
    raise NotSayableError("360X has no message for this act", where="ORC-1", hint="answer it from the thread")


def _order(message: ReferralMessage, ends: Ends, systems: CodeMap | None) -> Run:
    words = ORDERS[message.act]
    is_request = words.message_type == "OMG"
    event, structure = ("O19", "OMG_O19") if is_request else ("O51", "OSU_O51")
    run = _begin(message, words.message_type, event, structure, ends, systems)
    put_patient(run)
    if is_request:
        put_allergies(run)
    orc = run.line("ORC")
    orc.put(1, words.control)
    orc.put(2, ei_of(message.referral))
    orc.put(3, ei_of(message.filler))
    orc.put(5, words.status)
    orc.put(12, *xcns_of(message.initiator))
    orc.put(14, *xtns_of(message.initiator.phone, message.initiator.direct, run))
    orc.put(16, {2: message.explanation})
    if not is_request:
        orc.put(17, {2: message.recipient.organization})
        orc.put(19, *xcns_of(message.recipient))
    orc.put(21, {1: message.initiator.organization})
    if is_request:
        _put_request(message, run)
    return run


def _put_request(message: ReferralMessage, run: Run) -> None:
    if message.until is not None or message.priority:
        tq1 = numbered(run, "TQ1")
        tq1.put(8, day_of(message.until))
        tq1.put(9, priority_of(message.priority, "HL70485"))
    obr = numbered(run, "OBR")
    obr.put(2, ei_of(message.referral))
    obr.put(3, ei_of(message.filler))
    obr.put(4, cwe_of(REFERRAL_NOTE))
    obr.put(16, *xcns_of(message.initiator))
    obr.put(31, *(cwe_of(each) for each in message.reason))
    obr.put(44, cwe_of(message.service))
    if message.recipient != NOBODY:
        put_provider("CTD", message.recipient, RT, run)
    put_diagnoses(run)
    observations(run)


def _schedule(message: ReferralMessage, ends: Ends, systems: CodeMap | None) -> Run:
    appointment = message.appointment
    if appointment is None and message.act is Act.BOOK:
        hint = "an appointment needs a time; send the acceptance instead"
        raise NotSayableError("there is no time to write into TQ1", where="TQ1-7", hint=hint)
    run = _begin(message, "SIU", "S12" if message.act is Act.BOOK else NO_SHOW, "SIU_S12", ends, systems)
    sch = run.line("SCH")
    sch.put(2, ei_of(appointment.identifier if appointment is not None else message.referral))
    sch.put(6, cwe_of(REFERRAL_NOTE))
    sch.put(12, *xcns_of(message.initiator))
    sch.put(13, *xtns_of(message.initiator.phone, message.initiator.direct, run)[:1])
    sch.put(16, *(xcns_of(message.recipient) or [_NOT_KNOWN]))
    sch.put(17, *xtns_of(message.recipient.phone, message.recipient.direct, run)[:1])
    sch.put(20, *(xcns_of(message.recipient) or [_NOT_KNOWN]))
    sch.put(25, {1: "Booked" if message.act is Act.BOOK else "Noshow", 3: "HL70278"})
    sch.put(26, ei_of(message.referral))
    sch.put(27, ei_of(message.filler))
    if appointment is not None:
        tq1 = numbered(run, "TQ1")
        tq1.put(7, dtm_of(appointment.start))
        tq1.put(8, dtm_of(appointment.end))
    put_notes(run, message.explanation)
    put_patient(run)
    rgs = numbered(run, "RGS")
    rgs.put(2, "A")
    if appointment is not None and appointment.place:
        ail = numbered(run, "AIL")
        ail.put(2, "A")
        ail.put(3, {9: appointment.place})
    _put_seen_by(message.recipient, run)
    return run


def _put_seen_by(party: Party, run: Run) -> None:
    named = xcns_of(party)
    if named:
        aip = numbered(run, "AIP")
        aip.put(2, "A")
        aip.put(3, *named)


def _begin(message: ReferralMessage, kind: str, event: str, structure: str, ends: Ends, systems: CodeMap | None) -> Run:
    run = begin(message, kind, event, structure, ends, VERSION, systems)
    msh = run.lines[0]
    msh.put(15, "NE")
    msh.put(16, "NE")
    msh.put(21, {1: PROFILE})
    return run
