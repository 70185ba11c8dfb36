"""What becomes of a mail that comes in: a notice settles what it is about; anything else is journaled, once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from channels.direct.correspondence import Correspondence, SpeaksFor, for_anybody
from channels.direct.envelope import Envelope
from channels.direct.error import DirectError
from channels.direct.mime import Entity, MailFacts
from channels.direct.mime.headers import Octets
from channels.direct.noticed import is_notice, notices_of
from channels.direct.notices import Effect, Notice
from channels.direct.seen import Seen
from channels.ends import Accept, ReceiptCode
from schemas.finding import Finding, Severity
from schemas.message import MAIL, Message

if TYPE_CHECKING:
    from channels.direct.inbound import DirectInbound

LARGE = 256 << 10
"""Mails above this size, in bytes, are read beside the event loop."""

_MOST_REPLY = 64 << 10


class Fate(StrEnum):
    """What became of a mail that was handed to us."""

    TAKEN = "taken"  # nothing of it can be lost any more
    LATER = "later"  # it should be handed over again
    REFUSED = "refused"  # handing it over again is useless


class Answer(NamedTuple):
    """What whoever handed a mail over is told; `why` quotes nothing of the mail."""

    fate: Fate
    why: str = ""


class Opened(NamedTuple):
    """A mail as it is for us: what was signed or, at an edge, what came.

    `recipients` are those that it is for and that trust its sender. `speaks_for` says for which addresses its sender
    may give notice.
    """

    inner: Octets
    recipients: tuple[str, ...]
    speaks_for: SpeaksFor = for_anybody


class Mail(NamedTuple):
    """An opened mail that was read."""

    facts: MailFacts | None
    """None where it is a notice: what writes those keeps fewer rules."""
    notices: tuple[Notice, ...]
    digest: bytes
    body: bytes


class Reception:
    """Takes the mails of one inbound end and hands them to `accept`."""

    def __init__(self, end: DirectInbound, accept: Accept) -> None:
        self._end = end
        self._context = end.context
        self._accept = accept
        self._seen = Seen(end.context, end.repeats)
        self._correspondence = Correspondence(end.context)
        self._under_way: set[tuple[str, str]] = set()

    async def take(self, envelope: Envelope, octets: Octets) -> Answer:
        """Take the mail in `octets`."""
        try:
            opened = Opened(octets, envelope.recipients)
            mail = await _read_beside(opened.inner)
            if mail.facts is None:
                return await self._notice(envelope, opened, mail)
            return await self._once(envelope, opened, mail, mail.facts)
        except DirectError as error:
            self._report("DIR-311", envelope, f"a mail is refused: {error}")
            return Answer(Fate.REFUSED, error.what)
        except OSError as error:  # the journal's: nothing is lost while the sender has it still
            self._report("DIR-312", envelope, f"a mail waits: {error}")
            return Answer(Fate.LATER, "not taken now")

    async def _notice(self, envelope: Envelope, opened: Opened, mail: Mail) -> Answer:
        report = mail.body[:_MOST_REPLY]
        for notice in mail.notices:
            effect = await self._correspondence.apply(notice, opened.speaks_for, report)
            if effect in (Effect.UNKNOWN, Effect.LATE, Effect.CONTRADICTED):
                what = f"a {notice.kind} notice is {effect}, and changes nothing"
                self._report("DIR-313", envelope, what, severity=Severity.INFORMATION)
        return Answer(Fate.TAKEN)

    async def _once(self, envelope: Envelope, opened: Opened, mail: Mail, facts: MailFacts) -> Answer:
        """Have the mail journaled for those recipients that it was not journaled for already."""
        name = (facts.sender.key, facts.message_id)
        if name in self._under_way:
            return Answer(Fate.LATER, "the same mail is being taken from another connection")
        self._under_way.add(name)
        try:
            look = await self._seen.look(name, mail.digest, opened.recipients)
            if not look.new:
                return Answer(Fate.TAKEN, "a repeat")
            message = self._message(envelope, mail.body, facts, look.new)
            receipt = await self._accept(message, self._seen.kept(name, mail.digest, look.new, message.id))
        finally:
            self._under_way.discard(name)
        match receipt.code:
            case ReceiptCode.ACCEPTED:
                return Answer(Fate.TAKEN)
            case ReceiptCode.REJECTED:
                return Answer(Fate.REFUSED, receipt.reason)
        return Answer(Fate.LATER, receipt.reason)

    def _message(self, envelope: Envelope, body: bytes, facts: MailFacts, recipients: Sequence[str]) -> Message:
        attributes = {
            "direct.from": facts.sender.spec,
            "direct.to": ", ".join(recipients),
            "direct.message_id": facts.message_id.strip("<>"),
            "direct.subject": facts.subject,
            "direct.peer": envelope.peer,
        }
        given = {key: value for key, value in attributes.items() if value}
        now = self._context.now()
        return Message(self._context.new_id(), self._context.channel, MAIL, body, now, attributes=given)

    def _report(
        self, code: str, envelope: Envelope, what: str, hint: str = "", severity: Severity = Severity.WARNING
    ) -> None:
        self._context.report(Finding(code, f"direct from {envelope.peer or 'the mailbox'}", what, hint, severity))


async def _read_beside(octets: Octets) -> Mail:
    return _read(octets) if len(octets) <= LARGE else await asyncio.to_thread(_read, octets)


def _read(octets: Octets) -> Mail:
    """What is in the mail; raises `DirectError` where Direct's rules for mails are broken."""
    entity = Entity.parse(octets)
    notice = is_notice(entity)
    facts = None if notice else MailFacts.of(entity.headers)
    # Servers on the way write into the headers, so that they may differ when the mail comes again.
    digest = sha256(entity.body).digest()
    return Mail(facts, notices_of(entity) if notice else (), digest, bytes(octets))
