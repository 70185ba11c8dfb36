"""OMG^O19 and OSU^O51 of 360X to what they say."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.refer.error import NoActError, ReferralError
from transforms.refer.referral import NO_CODE, NOBODY, Act, Attached, Coded, Identifier, Party, ReferralMessage, Side
from transforms.refer.v2.documents import documents_of
from transforms.refer.v2.parties import merged, provider_party, xcn_party
from transforms.refer.v2.source import Source
from transforms.refer.v2.values import coded, codes, ei_identifier, numbers, own_referral, priority
from transforms.refer.v2.words import REFERRAL_NOTE, RT
from transforms.refer.x360.words import BY_CONTROL, BY_STATUS, STATUS_CHANGED
from transforms.v2_to_fhir.source import SourceSegment


def read_order(source: Source, documents: Iterable[Attached] = ()) -> ReferralMessage:
    """The act that an OMG^O19 or OSU^O51 says; raises `ReferralError` where it says none."""
    orc, obr, tq1 = source.need("ORC"), source.first("OBR"), source.first("TQ1")
    act = _act(orc)
    _refuse_others(orc, source)
    held = list(documents_of(source, REFERRAL_NOTE))
    return ReferralMessage(
        act=act,
        referral=_referral(orc, obr, act, source),
        at=source.at,
        patient=source.patient,
        control_id=source.er7.control_id,
        filler=ei_identifier(orc.first(3) or (obr.first(3) if obr is not None else None), source),
        initiator=_initiator(orc, obr, source),
        recipient=_recipient(orc, act, source),
        service=_service(obr),
        priority=priority(tq1.text(9)) if tq1 is not None else "",
        until=source.moment(tq1.text(8)) if tq1 is not None else None,
        reason=codes(obr, 31),
        explanation=_explanation(orc, source),
        clinical=source.clinical(*(each for each, _ in held)),
        documents=(*(each._replace(unique_id="") for _, each in held), *documents),  # OBR-3 is the referral's here
    )


def _refuse_others(orc: SourceSegment, source: Source) -> None:
    """Raise `ReferralError` where another order of the message says something else than `orc`."""
    for number, each in enumerate(source.all("ORC"), 1):
        control, status = each.text(1).upper(), each.text(5).upper()
        is_act = control in BY_CONTROL or (control in STATUS_CHANGED and status in BY_STATUS)
        same = (orc.text(1).upper(), orc.text(5).upper(), orc.text(2)) == (control, status, each.text(2))
        if is_act and not same:
            hint = "each is a referral of its own: its sender should send them apart"
            raise ReferralError("the message has several orders", where=f"ORC[{number}]", hint=hint)


def _act(orc: SourceSegment) -> Act:
    control, status = orc.text(1).upper(), orc.text(5).upper()
    found = BY_STATUS.get(status) if control in STATUS_CHANGED else BY_CONTROL.get(control)
    if found is None:
        what = "this order control says no act of a referral"
        raise NoActError(what, where="ORC-1", hint="docs/referral-forms.md lists the codes that do")
    return found


def _referral(orc: SourceSegment, obr: SourceSegment | None, act: Act, source: Source) -> Identifier:
    facility = source.facility(4 if act.side is Side.INITIATOR else 6)
    ei = orc.first(2) or (obr.first(2) if obr is not None else None)
    found = own_referral(ei, facility, source)
    if found is None:
        raise ReferralError("the order names no referral", where="ORC-2", hint="it is what holds the messages together")
    return found


def _initiator(orc: SourceSegment, obr: SourceSegment | None, source: Source) -> Party:
    person = xcn_party(orc[12] or (obr[16] if obr is not None else []), source)
    phone, direct = numbers([*orc[14], *orc[23]])
    named = orc.first(21)
    return merged(person, Party(organization=named[1] if named is not None else "", phone=phone, direct=direct))


def _recipient(orc: SourceSegment, act: Act, source: Source) -> Party:
    """Whom the patient is referred to: CTD; of what is no request, who acts and where (ORC-19, ORC-17) as well, which
    in a request are those of who asks."""
    ctd = next((each for each in source.all("CTD") if _is_referred_to(each)), None)
    named = provider_party(ctd, source) if ctd is not None else NOBODY
    if act in (Act.REQUEST, Act.CHANGE):
        return named
    entering = orc.first(17)
    organization = coded(entering).text if entering is not None else ""
    return merged(merged(xcn_party(orc[19], source), Party(organization=organization)), named)


def _is_referred_to(ctd: SourceSegment) -> bool:
    """Whether a contact is who is asked to see the patient, and nobody else who may be called."""
    return not ctd.has(1) or any(value[1] in ("", RT.code) for value in ctd[1])


def _service(obr: SourceSegment | None) -> Coded:
    """What is asked for beyond a consultation as such: OBR-44, or what a sender has put into OBR-4 instead."""
    if obr is None:
        return NO_CODE
    asked = coded(obr.first(4))
    wanted = coded(obr.first(44))
    return wanted if any(wanted) or asked.code == REFERRAL_NOTE.code else asked


def _explanation(orc: SourceSegment, source: Source) -> str:
    given = coded(orc.first(16))
    return given.text or given.code
