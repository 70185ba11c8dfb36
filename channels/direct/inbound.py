"""The inbound `direct` end: Direct messages, by SMTP or from a mailbox."""

from __future__ import annotations

import asyncio
import mmap
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import IO, Annotated

from pydantic import Field

from channels.direct.agency import Agency, ReceivingAgentOptions
from channels.direct.envelope import Envelope
from channels.direct.error import DirectError
from channels.direct.options import ImapIn, Ours, SmtpIn, takes
from channels.direct.postman import Postman
from channels.direct.reception import LARGE, Answer, Fate, Reception
from channels.direct.smtp.relay import Relay
from channels.ends import Accept, EndContext
from schemas.values import Duration

_OK = "250 2.0.0 OK"
_REPLIES = {Fate.TAKEN: _OK, Fate.DROPPED: _OK, Fate.LATER: "451 4.3.0", Fate.REFUSED: "554 5.6.0"}


class DirectInbound:
    """Takes Direct messages and acknowledges each one once the engine has it durable.

    A message is the whole mail, as its sender wrote it; the step `open_mail` makes a message of each attachment and of
    each document in an XDM package. A mail that comes again is acknowledged and not taken again. A notice of delivery
    is no message: it settles the delivery that it is about, on whichever channel that went out.

    Adds `direct.from`, `direct.to` (the recipients here, with commas), `direct.message_id`, `direct.subject` and
    `direct.peer`.

    Args:
        recipients: Whose mail is taken: domains of ours, or single addresses.
        through: How mails come: `listen` for an SMTP server of our own, `collect` for a mailbox at a HISP (IMAP).
        agent: Our own security and trust agent: mails must be signed and encrypted, and are answered with notices.
            Without it, the end is the edge of a HISP, which does that.
        repeats: For how long a mail is known again.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        recipients: Annotated[list[Ours], Field(min_length=1)],
        through: SmtpIn | ImapIn,
        agent: ReceivingAgentOptions | None = None,
        repeats: Duration = timedelta(days=7),
    ) -> None:
        self.context = context
        self.recipients = frozenset(recipients)
        self.through = through
        self.agent = agent
        self.repeats = repeats
        self.port = through.listen.port if isinstance(through, SmtpIn) else 0
        """The port listened on, once `serve` is ready: the one that the system chose when `listen` names port 0."""

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        """Take messages until cancelled; see `channels.ends.Inbound`."""
        if self.agent is None:
            await self._take(Reception(self, accept), ready)
            return
        try:
            agency = await asyncio.to_thread(Agency.open, self.agent, self.context)
        except DirectError as error:
            raise OSError(str(error)) from error
        relay = Relay(self.agent.relay, self.context.report)
        postman = Postman(self.context, agency.agent, relay)
        beside = [asyncio.create_task(postman.run()), asyncio.create_task(agency.partners.keep_fresh())]
        try:
            await self._take(Reception(self, accept, agency.agent, postman), ready)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await relay.close()
            await agency.partners.close()

    async def _take(self, reception: Reception, ready: Callable[[], None]) -> None:
        if isinstance(self.through, ImapIn):
            from channels.direct.imap import Collector  # noqa: PLC0415

            take = partial(_with_octets, reception)
            await Collector(self.through, self.context, self.takes, take).serve(ready)
        else:
            await self._listen(self.through, reception, ready)

    def takes(self, address: str) -> bool:
        """Whether mail for `address` is taken here."""
        return takes(self.recipients, address)

    async def _listen(self, through: SmtpIn, reception: Reception, ready: Callable[[], None]) -> None:
        # Here and not above: only a site with this end should pay for the library.
        from channels.direct.smtp.server import SmtpServer, SmtpSettings  # noqa: PLC0415

        async def receive(envelope: Envelope, text: IO[bytes]) -> str:
            return _reply(await _with_octets(reception, envelope, text))

        def listening() -> None:
            self.port = server.port
            ready()

        settings = SmtpSettings(
            listen=through.listen,
            hostname=through.hostname or socket.gethostname(),
            tls=through.tls.context(self.context.report) if through.tls else None,
            is_tls_required=through.tls is not None and through.require_tls,
            users={name: password.get_secret_value() for name, password in through.users.items()},
            limit=through.limit,
            connections=through.connections,
            timeout=through.stall.total_seconds(),
            share_address=through.share_address,
        )
        server = SmtpServer(settings, self.takes, receive, self.context.report)
        await server.serve(listening)


async def _with_octets(reception: Reception, envelope: Envelope, text: IO[bytes]) -> Answer:
    """What becomes of the mail in `text`. An agent reads a long one from the disk; at an edge, what is journaled is the
    mail itself, and must be in memory once."""
    size = text.seek(0, 2)
    text.seek(0)
    if size <= LARGE or reception.is_edge:
        return await reception.take(envelope, text.read())
    octets = mmap.mmap(text.fileno(), 0, access=mmap.ACCESS_READ)  # closed with the last view of it
    return await reception.take(envelope, octets)


def _reply(answer: Answer) -> str:
    why = "".join(character if " " <= character <= "~" else "?" for character in answer.why)[:400]
    return f"{_REPLIES[answer.fate]} {why}".strip()
