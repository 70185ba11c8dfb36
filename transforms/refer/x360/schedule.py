"""SIU of 360X to what it says: the patient is booked, or did not come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from transforms.refer.error import NoActError, ReferralError
from transforms.refer.referral import Act, Appointment, Attached, Identifier, Party, ReferralMessage
from transforms.refer.v2.parties import merged, xcn_party
from transforms.refer.v2.source import Source
from transforms.refer.v2.values import NOT_BOOKED, coded, ei_identifier, numbers, own_referral
from transforms.refer.v2.words import REFERRAL_NOTE
from transforms.refer.x360.words import BOOKED, CANCELLED, NO_SHOW
from transforms.v2_to_fhir.source import SourceSegment


def read_schedule(source: Source, documents: Iterable[Attached] = ()) -> ReferralMessage:
    """The act that an SIU says; raises `ReferralError` where it says none, or leaves the time or its zone open."""
    sch = source.need("SCH")
    act = _act(source.er7.trigger_event, sch.text(25).upper())
    referral = own_referral(sch.first(26), source.facility(6), source)
    if referral is None:
        hint = "the appointment is for no referral, or its sender does not say for which"
        raise ReferralError("the appointment names no referral", where="SCH-26", hint=hint)
    return ReferralMessage(
        act=act,
        referral=referral,
        at=source.at,
        patient=source.patient,
        control_id=source.er7.control_id,
        filler=ei_identifier(sch.first(27), source),
        initiator=_contact(sch, 12, source),
        recipient=_recipient(sch, source),
        explanation=_explanation(sch, source),
        appointment=_appointment(sch, act, referral, source),
        documents=tuple(documents),
    )


def _act(event: str, status: str) -> Act:
    if event == NO_SHOW or (event in BOOKED and status == "NOSHOW"):
        return Act.NO_SHOW
    if event in BOOKED and status not in NOT_BOOKED:
        return Act.BOOK
    is_cancelled = event in BOOKED or event in CANCELLED
    hint = "the referral stands where it stood; tell the initiator otherwise" if is_cancelled else ""
    raise NoActError("this event of an appointment is no act of a referral", where="MSH-9.2", hint=hint)


def _appointment(sch: SourceSegment, act: Act, referral: Identifier, source: Source) -> Appointment | None:
    tq1 = source.first("TQ1")
    timing = sch.first(11)
    begin = (
        (tq1.text(7) if tq1 is not None else "") or (timing[4] if timing is not None else "") or _resource_start(source)
    )
    end = (tq1.text(8) if tq1 is not None else "") or (timing[5] if timing is not None else "")
    if act is Act.NO_SHOW and not begin:
        return None
    start = source.certain_hour(begin, "TQ1-7")
    identifier = ei_identifier(sch.first(2), source) or ei_identifier(sch.first(1), source) or referral
    return Appointment(identifier, start, source.hour(end), _place(source))


def _resource_start(source: Source) -> str:
    for name, field in (("AIS", 4), ("AIP", 6), ("AIL", 6)):
        for segment in source.all(name):
            if segment.text(field):
                return segment.text(field)
    return ""


def _place(source: Source) -> str:
    ail = source.first("AIL")
    place = ail.first(3) if ail is not None else None
    if place is None:
        return ""
    return place[9] or " ".join(filter(None, (place.part(4)[1], place[1], place[2])))


def _recipient(sch: SourceSegment, source: Source) -> Party:
    """Who sees the patient (AIP), with the number of the filler's contact, who may be but a clerk."""
    aip = source.first("AIP")
    contact = _contact(sch, 16, source)
    return merged(xcn_party(aip[3], source), contact) if aip is not None else contact


def _contact(sch: SourceSegment, name: int, source: Source) -> Party:
    """A contact of SCH: the person counts where the message gives their number, and is a clerk where it does not."""
    phone, direct = numbers(sch[name + 1])
    person = xcn_party(sch[name], source)
    reached = Party(phone=phone, direct=direct)
    return merged(person, reached) if person.npi or person.identifiers else reached


def _explanation(sch: SourceSegment, source: Source) -> str:
    before_patient = takewhile(lambda each: each.name not in ("PID", "RGS"), source.segments)
    said = source.notes(each for each in before_patient if each.name == "NTE")
    given = coded(sch.first(6))
    is_usual = given.code == REFERRAL_NOTE.code or source.er7.trigger_event == "S12"
    return said or ("" if is_usual else given.text)
