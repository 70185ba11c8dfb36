"""The outbound `direct` end: a message goes out as a Direct message, and is delivered when notices say so."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from channels.direct.agency import Agency, AgentOptions
from channels.direct.compose import LARGE, Letter, Package, compose
from channels.direct.correspondence import Correspondence, Sent, new_message_id, outcome_of
from channels.direct.error import DirectError
from channels.direct.handed import Handed
from channels.direct.keys import KeysError
from channels.direct.mime import MimeError, parse_list
from channels.direct.notices import Closing, Tracking
from channels.direct.options import Sender
from channels.direct.smtp.relay import Relay, RelayOptions
from channels.ends import EndContext, Outcome, OutcomeCode
from schemas.message import Message
from schemas.values import Duration, Template

MOST_RECIPIENTS = 100

WaitFor = Literal["nothing", "processed", "delivered"]


class AgencyError(DirectError):
    """Our own keys or anchors cannot be used: nothing goes out before that is mended."""


class DirectOutbound:
    """Sends each message by Direct, as an attachment of a mail; it is delivered when its recipients' notices say so. A
    message of the format text is the text of the mail, unless it gets a `file` name or goes in a package.

    Notices come in by the inbound `direct` ends of the site, on any channel, and settle the delivery. Where one does
    not come in time for a recipient, the delivery is refused.

    Args:
        from_: The address that messages come from.
        to: The recipients' addresses, with commas between several.
        relay: The mail server that our mails go out through.
        subject: What the mail is called. Servers on the way may see it: no patient's data.
        text: What stands in the mail to be read.
        file: The attachment's name; without it, one is made of the message's id and format.
        xdm: Has messages go out in an XDM package (IHE ITI 3.32) instead of as they are.
        agent: Our own security and trust agent, which signs and encrypts. Without it, the end is the edge of a HISP,
            which does that.
        wait_for: What makes it delivered: `processed`, the notice that the recipient's HISP has it; `delivered`, the
            notice that it is at its final destination, which is asked for; `nothing`, the relay's word.
        processed_within: How long a recipient's first notice may take.
        delivered_within: How long the notice of the final delivery may take.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        from_: Sender,
        to: Template,
        relay: RelayOptions,
        subject: Template = "Clinical document",
        text: Template = "A clinical document is attached.",
        file: Template | None = None,
        xdm: Package | None = None,
        agent: AgentOptions | None = None,
        wait_for: WaitFor = "processed",
        processed_within: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(hours=1),
        delivered_within: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(hours=1),
    ) -> None:
        self.context = context
        self.sender = from_
        self.to = to
        self.subject = subject
        self.text = text
        self.file = file
        self.xdm = xdm
        self.agent = agent
        self.wait_for: WaitFor = wait_for
        self.processed_within = processed_within
        self.delivered_within = delivered_within
        self._correspondence = Correspondence(context)
        self._relay = Relay(relay, context.report)
        self._agency: asyncio.Task[Agency] | None = None
        self._fresh: asyncio.Task[None] | None = None

    async def deliver(self, message: Message) -> Outcome:
        """Deliver `message`; see `channels.ends.Outbound`."""
        try:
            sent = await self._correspondence.find(message.id)
            if sent is not None and not sent.to_go:
                return await self._waited(message.id)
            return await self._send(message, sent)
        except AgencyError as error:
            return Outcome(OutcomeCode.DEFERRED, str(error), unreachable=True)
        except DirectError as error:
            return Outcome(OutcomeCode.REFUSED, str(error))
        except OSError as error:
            return Outcome(OutcomeCode.DEFERRED, f"the journal cannot be asked: {error}")

    async def close(self) -> None:
        """Let go of connections."""
        await self._relay.close()
        if self._fresh is not None:
            self._fresh.cancel()
            await asyncio.gather(self._fresh, return_exceptions=True)
        if self._agency is not None and self._agency.done() and not self._agency.exception():
            await self._agency.result().partners.close()

    def _begin(self, message: Message) -> Sent:
        """A correspondence for `message`; raises `MimeError`."""
        filled = message.fill(self.to)
        try:
            recipients = tuple({address.key: address.spec for address in parse_list(filled)}.values())
        except MimeError as error:
            what = f"`to` gives no address for this message: {error.what}"
            raise MimeError(error.code, what, "see the attribute that it is filled from") from None
        if not 0 < len(recipients) <= MOST_RECIPIENTS:
            raise MimeError("direct-recipients", f"a message has 1 to {MOST_RECIPIENTS} recipients")
        unique = os.urandom(8).hex()
        domain = self.sender.rpartition("@")[2]
        return Sent(self._tracking(new_message_id(message.id, unique, domain), recipients), recipients)

    def _tracking(self, message_id: str, recipients: Sequence[str]) -> Tracking:
        closing = Closing.ANY
        if self.wait_for == "delivered":
            closing = Closing.DISPATCHED if self.agent is None else Closing.PROCESSED_AND_DISPATCHED
        return Tracking.begin(
            message_id,
            recipients,
            sent=self.context.now(),
            closing=closing,
            processed_within=self.processed_within,
            dispatched_within=self.delivered_within,
        )

    async def _send(self, message: Message, known: Sent | None) -> Outcome:
        """Hand the mail over for those whom it has not been handed over for."""
        sent = known or self._begin(message)
        letter = self._letter(message, sent)
        if len(message.body) > LARGE:
            mail = await asyncio.to_thread(compose, message, letter, os.urandom)
        else:
            mail = compose(message, letter, os.urandom)
        handed = Handed()
        parcels = await self._sealed(mail, sent.to_go, handed)
        if known is None:
            # Before it goes: a notice may be faster than the relay's reply, and a crash must not make a new mail of it.
            await self._correspondence.open(message.id, sent)
        for parcel, recipients in parcels:
            handed.note(recipients, await self._relay.send(self.sender, recipients, parcel))
        return await self._handed_over(message.id, handed)

    async def _sealed(
        self, mail: bytes, recipients: Sequence[str], handed: Handed
    ) -> list[tuple[bytes, tuple[str, ...]]]:
        """The mail as it goes out, for those who can get it; the others are noted as `handed`."""
        if self.agent is None:
            return [(mail, tuple(recipients))]
        agency = await self._opened(self.agent)
        try:
            sealed = await agency.agent.send(mail, recipients)
        except KeysError as error:
            raise AgencyError(error.code, error.what, error.hint) from None
        for recipient, verdict in sealed.verdicts.items():
            if not verdict.trusted:
                handed.refuse(recipient, f"{verdict.code}: {verdict.reason}", later=verdict.temporary)
        return [(parcel.mail, parcel.recipients) for parcel in sealed.parcels]

    async def _opened(self, options: AgentOptions) -> Agency:
        """The agent, with keys and anchors from their files; raises `AgencyError`."""
        if self._agency is None or (self._agency.done() and self._agency.exception()):
            self._agency = asyncio.create_task(asyncio.to_thread(Agency.open, options, self.context))
        try:
            agency = await asyncio.shield(self._agency)
        except DirectError as error:
            raise AgencyError(error.code, error.what, error.hint) from None
        if self._fresh is None:
            self._fresh = asyncio.create_task(agency.partners.keep_fresh())
        return agency

    async def _handed_over(self, delivery: str, handed: Handed) -> Outcome:
        sent = await self._correspondence.relayed(delivery, self._tracking("", ()), handed.later, handed.refused)
        if handed.later:
            return Outcome(OutcomeCode.DEFERRED, handed.why, unreachable=handed.unreachable)
        if sent is not None and self.wait_for == "nothing":
            await self._correspondence.close(delivery)
            return _by_relay(sent.tracking)
        return await self._told(delivery, sent)

    async def _waited(self, delivery: str) -> Outcome:
        """What became of a delivery that was handed over, now that a time has come."""
        return await self._told(delivery, await self._correspondence.expire(delivery))

    async def _told(self, delivery: str, sent: Sent | None) -> Outcome:
        if sent is None:  # notices were faster, and have told the engine
            return Outcome(OutcomeCode.PENDING, until=self.context.now())
        outcome = outcome_of(sent.tracking)
        if outcome.code is not OutcomeCode.PENDING:
            await self._correspondence.close(delivery)
        return outcome

    def _letter(self, message: Message, sent: Sent) -> Letter:
        return Letter(
            sender=self.sender,
            recipients=tuple(sent.tracking.recipients),
            message_id=sent.tracking.message_id,
            date=self.context.now(),
            subject=message.fill(self.subject),
            text=message.fill(self.text),
            file=message.fill(self.file) if self.file else "",
            final_delivery=self.wait_for == "delivered",
            package=self.xdm,
        )


def _by_relay(tracking: Tracking) -> Outcome:
    """The outcome by the relay's word alone: what it refused, at whichever attempt, is not delivered."""
    if not tracking.failed:
        return Outcome(OutcomeCode.DELIVERED, "the relay has taken it")
    why = "; ".join(dict.fromkeys(tracking.recipients[address].why for address in tracking.failed))
    return Outcome(OutcomeCode.REFUSED, f"not sent to {len(tracking.failed)} recipients: {why}")
