"""The cardiologist of the demo: reads the packages of 360X in the mailbox, and answers them in the same way."""

from __future__ import annotations

import os
from dataclasses import replace
from email.utils import format_datetime

from channels.direct.mime import Attachment, write_mail
from channels.direct.xdm import SUBJECT, Sending, read_xdm, submit, write_xdm
from engine.demo.mailroom import Letter, Mailroom
from schemas.content import Kind, recognize
from schemas.ids import new_id, utc_now
from schemas.message import HL7V2, Message
from transforms.refer import Act, Attached, Identifier, ReferralMessage
from transforms.refer.read import read
from transforms.refer.v2.written import Ends
from transforms.refer.x360 import write_360x

SPECIALIST, EXCHANGE = "pellworth@direct.cardiology.example", "referrals@direct.exchange.example"
_OID, _PEER = "2.999.30", "2.999.1.9"


class Specialist:
    """Whoever refers a patient by whatever way: here it is mail."""

    def __init__(self, mailroom: Mailroom) -> None:
        self._mailroom = mailroom

    @property
    def asked(self) -> list[ReferralMessage]:
        """What the packages in the mailbox say, in order."""
        letters = [each for each in self._mailroom.of(SPECIALIST) if each.sender == EXCHANGE]
        return [_said(each) for each in letters]

    async def answer(self, asked: ReferralMessage, act: Act, documents: tuple[Attached, ...] = ()) -> str:
        """Send the act that answers `asked`, with its documents; why the exchange did not take it."""
        now = utc_now()
        said = replace(
            asked, act=act, at=now, control_id=new_id(now)[:20], documents=documents, clinical=None, reason=(),
            filler=Identifier(f"F-{asked.referral.value}", f"urn:oid:{_OID}.1"),
        )  # fmt: skip
        ends = Ends(sending_facility=f"^{_OID}^ISO", receiving_facility=f"^{_PEER}^ISO")
        order = write_360x(said, ends=ends).message.encode()
        sending = Sending(SPECIALIST, (EXCHANGE,), _OID, "Cathedral Square Cardiology")
        package = submit([order, *(each.body for each in documents)], sending, now, lambda: new_id(utc_now()))
        headers = [
            ("From", SPECIALIST),
            ("To", EXCHANGE),
            ("Date", format_datetime(now)),
            ("Message-ID", f"<{os.urandom(16).hex()}@direct.cardiology.example>"),
            ("Subject", SUBJECT),
        ]
        attached = Attachment("referral.zip", Kind.XDM.media_type, write_xdm(package, now))
        mail = write_mail(headers, "About a referral.", [attached], os.urandom)
        return await self._mailroom.send(SPECIALIST, EXCHANGE, mail)


def _said(letter: Letter) -> ReferralMessage:
    (package,) = letter.attached
    order, *others = read_xdm(package.data).documents
    now = utc_now()
    documents = [Attached(each.data, recognize(each.data).media_type, each.entry.title) for each in others]
    return read(Message(new_id(now), "cardiology", HL7V2, order.data, now), documents=documents)
