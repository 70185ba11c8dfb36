"""REF and RRI to what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from transforms.refer.error import NoActError, ReferralError
from transforms.refer.ref.words import (
    ACCEPTED,
    BOOKED,
    EXPIRED,
    NO_SHOW,
    NOTE,
    REJECTED,
    REQUESTS,
    RESULTS,
)
from transforms.refer.referral import NOBODY, Act, Appointment, Attached, Coded, Identifier, Party, ReferralMessage
from transforms.refer.v2.documents import documents_of
from transforms.refer.v2.parties import is_another, merged, provider_party
from transforms.refer.v2.source import Source
from transforms.refer.v2.values import NOT_BOOKED, coded, codes, ei_identifier, identifier_of, own_referral, priority
from transforms.refer.v2.words import REFERRAL_NOTE, RP, RT
from transforms.v2_to_fhir.source import SourceSegment


def read_ref(source: Source, documents: Iterable[Attached] = ()) -> ReferralMessage:
    """The act that a REF or RRI says; raises `ReferralError` where it says none."""
    is_answer = source.er7.message_type == "RRI"
    _refuse_errors(source)
    rf1 = source.first("RF1")
    if rf1 is None and is_answer:
        raise NoActError("the answer says no more than that the message came", where="RF1")
    rf1 = rf1 or source.need("RF1")
    held = list(documents_of(source, NOTE))
    act = _answer(rf1, [each for each, _ in held], source) if is_answer else _request(source)
    referral = own_referral(rf1.first(6), source.facility(6 if is_answer else 4), source)
    if referral is None:
        raise ReferralError("RF1 names no referral", where="RF1-6", hint="it is what holds the messages together")
    return ReferralMessage(
        act=act,
        referral=referral,
        at=source.at,
        patient=source.patient,
        control_id=source.er7.control_id,
        filler=ei_identifier(rf1.first(11), source),
        initiator=_provider(RP, source),
        recipient=_provider(RT, source),
        service=coded(rf1.first(3)),
        priority=priority(rf1.text(2)),
        until=source.moment(rf1.text(8)),
        reason=(*codes(rf1, 10), *(Coded(text=value.whole()) for value in rf1[14])),
        explanation=source.notes(_remarks(source)) or "\n".join(value.whole() for value in rf1[24]),
        appointment=_appointment(referral, source),
        clinical=source.clinical(*(each for each, _ in held)),
        documents=(*(each for _, each in held), *documents),
    )


def _refuse_errors(source: Source) -> None:
    msa = source.first("MSA")
    if msa is not None and msa.text(1).upper()[1:] in ("E", "R"):
        hint = "ERR and MSA-3 of the answer say why; the referral stands where it stood"
        raise ReferralError("the other side did not take the message", where="MSA-1", hint=hint)


def _request(source: Source) -> Act:
    act = REQUESTS.get(source.er7.trigger_event)
    if act is None:
        raise NoActError("this event is no act of a referral", where="MSH-9.2", hint="I12 to I15 are")
    return act


def _answer(rf1: SourceSegment, held: list[SourceSegment], source: Source) -> Act:
    """What an RRI says: by its event, the status of the referral, the visit, and what it brings."""
    if source.er7.trigger_event == "I14":
        return Act.CONFIRM_CANCEL
    status = rf1.text(1).upper()
    if status in (REJECTED, EXPIRED):
        return Act.DECLINE
    if status != ACCEPTED:
        hint = "the recipient has it and has not decided"
        raise NoActError("the status of the referral says no act", where="RF1-1", hint=hint)
    pv2 = source.first("PV2")
    visit = pv2.text(24).upper() if pv2 is not None else ""
    if visit == NO_SHOW.upper():
        return Act.NO_SHOW
    if visit in NOT_BOOKED:
        hint = "the referral stands where it stood; tell the initiator otherwise"
        raise NoActError("the visit does not take place", where="PV2-24", hint=hint)
    if pv2 is not None and (visit == BOOKED.upper() or pv2.has(8)):
        return Act.BOOK
    brought = [RESULTS[each] for each in _result_statuses(held, source) if each in RESULTS]
    return Act.ACCEPT if not brought else Act.INTERIM if Act.INTERIM in brought else Act.COMPLETE


def _result_statuses(held: list[SourceSegment], source: Source) -> Iterator[str]:
    told = [each.text(25).upper() for each in source.all("OBR") if each.has(25)]
    yield from told or [each.text(11).upper() for each in held]


def _provider(role: Coded, source: Source) -> Party:
    """The first provider in that role, with what further PRD say of the same person, and of no other."""
    party = NOBODY
    for prd in source.all("PRD"):
        if any(value[1] == role.code for value in prd[1]):
            named = provider_party(prd, source)
            if not is_another(party, named):
                party = merged(party, named)
    return party


def _appointment(referral: Identifier, source: Source) -> Appointment | None:
    pv1, pv2 = source.first("PV1"), source.first("PV2")
    if pv2 is None or not pv2.has(8):
        return None
    start = source.certain_hour(pv2.text(8), "PV2-8")
    number = pv1.first(5) if pv1 is not None else None
    place = pv1.first(3) if pv1 is not None else None
    identifier = referral
    if number is not None and number[1]:
        hd = number.part(4)
        identifier = identifier_of(hd[1], hd[2], hd[3], number[1], source)
    where = place[9] or " ".join(filter(None, (place.part(4)[1], place[1]))) if place is not None else ""
    return Appointment(identifier, start, source.hour(pv2.text(9)), where)


def _remarks(source: Source) -> Iterator[SourceSegment]:
    """The NTE about the referral itself: those of no result."""
    owner: SourceSegment | None = None
    for segment in source.segments:
        if segment.name != "NTE":
            owner = segment
        elif owner is not None and (owner.name not in ("OBR", "OBX") or _is_progress(owner)):
            yield segment


def _is_progress(owner: SourceSegment) -> bool:
    return owner.name == "OBR" and owner.text(4) == REFERRAL_NOTE.code
