"""A referral from the request to the outcome, each side in its own form: all messages are of one thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.fhir import dumps
from schemas.message import FHIR, HL7V2, Message
from tests.transforms.refer.making import APPOINTMENT, NOW, PATIENT, REFERRAL, REQUEST, act
from tests.transforms.refer.test_track import Threads
from transforms.refer.fhir import write_fhir
from transforms.refer.read import read
from transforms.refer.ref import write_ref
from transforms.refer.referral import Act, ReferralMessage, Side
from transforms.refer.thread import Contact
from transforms.refer.v2.written import Ends
from transforms.refer.x360 import write_360x

FORMS: dict[str, Callable[[ReferralMessage], bytes]] = {
    "360x": lambda said: write_360x(said, ends=_ends(said)).message.encode(),
    "ref": lambda said: write_ref(said, ends=_ends(said)).message.encode(),
    "fhir": lambda said: dumps(write_fhir(said).resource),
    "transaction": lambda said: dumps(write_fhir(said, form="transaction").resource),
}
LOOP = [
    (REQUEST, "requested"),
    (act(Act.ACCEPT), "accepted"),
    (act(Act.BOOK, appointment=APPOINTMENT), "booked"),
    (act(Act.NO_SHOW, appointment=APPOINTMENT), "no_show"),
    (act(Act.BOOK, appointment=APPOINTMENT._replace(start=APPOINTMENT.start + timedelta(days=7))), "booked"),
    (act(Act.INTERIM), "booked"),
    (act(Act.COMPLETE), "completed"),
]
ENDED = [(REQUEST, "requested"), (act(Act.CANCEL), "cancelled"), (act(Act.CONFIRM_CANCEL), "cancel_confirmed")]


def _ends(said: ReferralMessage) -> Ends:
    practice, clinic = "^2.999.1^ISO", "^2.999.2^ISO"
    sides = (practice, clinic) if said.act.side is Side.INITIATOR else (clinic, practice)
    return Ends(sending_facility=sides[0], receiving_facility=sides[1])


def arrived(said: ReferralMessage, form: str) -> ReferralMessage:
    """What is read of `said` when it has travelled in that form."""
    body = FORMS[form](said)
    return read(Message("0" * 32, "test", FHIR if form in ("fhir", "transaction") else HL7V2, body, said.at))


@pytest.mark.parametrize("recipient", FORMS)
@pytest.mark.parametrize("initiator", FORMS)
@pytest.mark.parametrize("conversation", [LOOP, ENDED], ids=["to the outcome", "cancelled"])
def test_all_messages_are_of_one_thread_whatever_each_side_speaks(
    initiator: str, recipient: str, conversation: list[tuple[ReferralMessage, str]]
) -> None:
    threads = Threads()
    spoken = {Side.INITIATOR: initiator, Side.RECIPIENT: recipient}
    for hour, (said, state) in enumerate(conversation):
        side = said.act.side
        now = replace(said, at=NOW + timedelta(hours=hour), control_id=f"M-{hour}")
        came = arrived(now, spoken[side])
        assert came.referral == REFERRAL
        made = threads.say(came, Contact(spoken[side], side.value))
        assert (made.get("referral.verdict"), made.get("referral.state")) == ("applied", state), said.act
        again = threads.say(arrived(replace(now, control_id=f"N-{hour}"), spoken[side]), Contact(spoken[side]))
        assert again.get("referral.verdict") == "repeated", said.act
    assert threads.thread.contact(Side.INITIATOR) == Contact(initiator, "initiator")
    first, second = PATIENT["identifier"]
    assert threads.thread.patient(Side.INITIATOR) == (first["value"], first["system"])
    assert threads.thread.patient(Side.RECIPIENT) in (None, (second["value"], second["system"]))
