"""What becomes of a mail that comes in: a notice settles what it is about; anything else is journaled, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from channels.direct.correspondence import Correspondence, SpeaksFor, for_anybody
from channels.direct.envelope import Envelope
from channels.direct.error import DirectError
from channels.direct.mime import Entity, MailFacts
from channels.direct.mime.headers import Octets
from channels.direct.noticed import is_answered, is_notice, notices_of
from channels.direct.notices import Effect, Notice, NoticeKind
from channels.direct.postman import Postman
from channels.direct.seen import Seen
from channels.direct.trust.binding import binds
from channels.ends import Accept, ReceiptCode
from schemas.finding import Finding, Severity
from schemas.message import MAIL, Message

if TYPE_CHECKING:
    from channels.direct.agent import Agent, Received
    from channels.direct.inbound import DirectInbound

T = TypeVar("T")

LARGE = 256 << 10
"""Mails above this size, in bytes, are read beside the event loop."""

_MOST_REPLY = 64 << 10


class Fate(StrEnum):
    """What became of a mail that was handed to us."""

    TAKEN = "taken"  # nothing of it can be lost any more
    LATER = "later"  # it should be handed over again
    REFUSED = "refused"  # handing it over again is useless
    DROPPED = "dropped"  # nobody here may use it, which whoever sent it is not told


class Answer(NamedTuple):
    """What whoever handed a mail over is told; `why` quotes nothing of the mail."""

    fate: Fate
    why: str = ""


class Mail(NamedTuple):
    """A mail as it is for us, read: what was signed or, at an edge, what came.

    `recipients` are those that it is for and that trust its sender; for those `waiting` it may turn out that they do.
    `speaks_for` says for which addresses its sender may give notice.
    """

    body: bytes
    facts: MailFacts | None
    """None where it is a notice: what writes those keeps fewer rules."""
    notices: tuple[Notice, ...]
    is_answered: bool
    recipients: tuple[str, ...]
    waiting: tuple[str, ...] = ()
    speaks_for: SpeaksFor = for_anybody


class Reception:
    """Takes the mails of one inbound end and hands them to `accept`; `agent` and `postman` where it is no edge."""

    def __init__(
        self, end: DirectInbound, accept: Accept, agent: Agent | None = None, postman: Postman | None = None
    ) -> None:
        self._context = end.context
        self._accept = accept
        self._agent = agent
        self.is_edge = agent is None
        """Whether mails are taken as they come."""
        self._postman = postman
        self._seen = Seen(end.context, end.repeats)
        self._correspondence = Correspondence(end.context)
        self._under_way: set[tuple[str, str]] = set()

    async def take(self, envelope: Envelope, octets: Octets) -> Answer:
        """Take the mail in `octets`."""
        try:
            mail = await self._opened(envelope, octets)
            if mail is None:
                return Answer(Fate.DROPPED)
            if mail.facts is None:
                return await self._notice(envelope, mail)
            return await self._once(envelope, mail, mail.facts)
        except DirectError as error:
            self._report("DIR-311", envelope, f"a mail is refused: {error}")
            return Answer(Fate.REFUSED, error.what)
        except OSError as error:  # the journal's: nothing is lost while the sender has it still
            self._report("DIR-312", envelope, f"a mail waits: {error}")
            return Answer(Fate.LATER, "not taken now")

    async def _opened(self, envelope: Envelope, octets: Octets) -> Mail | None:
        """The mail, None where nobody here may use anything of it; raises `DirectError` at an edge."""
        if self._agent is None:
            return await _beside(octets, lambda: _read(octets, envelope.recipients))
        try:
            received = await self._agent.receive(envelope, octets)
        except DirectError as error:
            report = _returned(envelope, octets) if error.code == "smime-not-encrypted" else None
            if report is None:
                # Whoever sent it is told nothing, whatever the cause: an answer would be an oracle.
                self._report("DIR-331", envelope, f"a mail is not taken: {error}")
            return report
        for verdict in {verdict.code: verdict for verdict in received.verdicts.values()}.values():
            if not verdict.trusted:
                what = f"a mail is not trusted: {verdict.code}: {verdict.reason}"
                self._report("DIR-332", envelope, what, verdict.hint)
        for note in received.notes if received.trusted else ():
            self._report(note.code, envelope, note.what, note.hint, note.severity)
        waiting = tuple(each for each, verdict in received.verdicts.items() if verdict.temporary)
        if not received.trusted and not waiting:
            return None
        return await _beside(received.inner, lambda: _mail_of(received, waiting))

    async def _notice(self, envelope: Envelope, mail: Mail) -> Answer:
        report = mail.body[:_MOST_REPLY]
        for notice in mail.notices if mail.recipients else ():
            effect = await self._correspondence.apply(notice, mail.speaks_for, report)
            if effect in (Effect.UNKNOWN, Effect.LATE, Effect.CONTRADICTED):
                what = f"a {notice.kind} notice is {effect}, and changes nothing"
                self._report("DIR-313", envelope, what, severity=Severity.INFORMATION)
        return _later(mail) or Answer(Fate.TAKEN)

    async def _once(self, envelope: Envelope, mail: Mail, facts: MailFacts) -> Answer:
        """Have the mail journaled for those recipients that it was not journaled for already."""
        name = (facts.sender.key, facts.message_id)
        if name in self._under_way:
            return Answer(Fate.LATER, "the same mail is being taken from another connection")
        self._under_way.add(name)
        try:
            digest = await _beside(mail.body, lambda: _digest(mail.body))
            look = await self._seen.look(name, digest, mail.recipients)
            if look.first:
                await self._repeated(mail, facts, look.first)
            if not look.new:
                return _later(mail) or Answer(Fate.TAKEN, "a repeat")
            return await self._journaled(envelope, mail, facts, look.new, digest)
        finally:
            self._under_way.discard(name)

    async def _repeated(self, mail: Mail, facts: MailFacts, first: Mapping[str, str]) -> None:
        if self._postman is not None and mail.is_answered:
            entity = Entity.parse(mail.body)
            owed = [kept for each, id in first.items() for kept in self._postman.owed(id, entity, facts, [each])]
            await self._postman.again(owed)

    async def _journaled(
        self, envelope: Envelope, mail: Mail, facts: MailFacts, recipients: tuple[str, ...], digest: bytes
    ) -> Answer:
        message = self._message(envelope, mail.body, facts, recipients)
        keep = self._seen.kept((facts.sender.key, facts.message_id), digest, recipients, message.id)
        if self._postman is not None and mail.is_answered:
            keep += self._postman.owed(message.id, Entity.parse(mail.body), facts, recipients)
        receipt = await self._accept(message, keep)
        if receipt.code is ReceiptCode.REJECTED:
            return Answer(Fate.REFUSED, receipt.reason)
        if receipt.code is ReceiptCode.FAILED:
            return Answer(Fate.LATER, receipt.reason)
        if self._postman is not None:
            self._postman.ring()
        return _later(mail) or Answer(Fate.TAKEN)

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


def _later(mail: Mail) -> Answer | None:
    """What is answered where some recipients' trust could not be found out: for the others it will be a repeat."""
    return Answer(Fate.LATER, "whether it is trusted could not be found out now") if mail.waiting else None


async def _beside(octets: Octets, work: Callable[[], T]) -> T:
    return work() if len(octets) <= LARGE else await asyncio.to_thread(work)


def _digest(body: bytes) -> bytes:
    """A digest of what a mail carries: servers on the way write into its headers when it comes again."""
    return sha256(Entity.parse(body).body).digest()


def _read(octets: Octets, recipients: tuple[str, ...]) -> Mail:
    """What is in a mail at an edge; raises `DirectError` where Direct's rules for mails are broken."""
    entity = Entity.parse(octets)
    notice = is_notice(entity)
    facts = None if notice else MailFacts.of(entity.headers)
    return Mail(bytes(octets), facts, notices_of(entity) if notice else (), is_answered(entity), recipients)


def _mail_of(received: Received, waiting: tuple[str, ...]) -> Mail:
    """What an agent has opened; raises `DirectError` for a notice that says nothing."""
    entity = Entity.parse(received.inner)
    signer = received.signer
    return Mail(
        received.inner,
        None if received.is_notice else received.facts,
        notices_of(entity) if received.is_notice else (),
        is_answered(entity),
        received.trusted,
        waiting,
        lambda address: binds(signer, address),
    )


def _returned(envelope: Envelope, octets: Octets) -> Mail | None:
    """A report of mail servers, which do not encrypt: that what we sent cannot be delivered. None where it is none."""
    if envelope.sender:
        return None
    try:
        entity = Entity.parse(octets)
        notices = notices_of(entity) if is_notice(entity) else ()
    except DirectError:
        return None
    failed = tuple(notice for notice in notices if notice.kind is NoticeKind.FAILED and notice.status)
    return Mail(bytes(octets), None, failed, False, envelope.recipients) if failed else None
