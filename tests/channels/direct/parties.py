"""Two sites with agents of their own that write to each other: everything but the engine is real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from channels.direct import DirectInbound, DirectOutbound, smime
from channels.direct.agency import AgentOptions, ReceivingAgentOptions
from channels.direct.keys import Identity
from channels.direct.mime import Attachment, write_mail
from channels.direct.options import SmtpIn
from channels.direct.smtp.relay import RelayOptions
from channels.ends import Fate
from engine.ports import free_ports
from schemas.values import Address
from tests.channels.direct.edge import Engine
from tests.channels.direct.pki import Authority, pem, write_pem


class Party:
    """A site with one identity, which trusts `trusted` and knows the certificates of `partners`."""

    def __init__(
        self, folder: Path, address: str, identity: Identity, trusted: Authority, partners: Sequence[Identity]
    ) -> None:
        folder.mkdir()
        self.address = address
        self.domain = address.rpartition("@")[2]
        self.identity = identity
        self.engine = Engine()
        self.fates: dict[str, Fate] = {}
        (self.port,) = free_ports(1)
        certificate, key = write_pem(folder, "own", identity)
        (folder / "anchors.pem").write_bytes(pem(trusted.certificate))
        (folder / "partners.pem").write_bytes(pem(*(each.certificate for each in partners)))
        self.options: dict[str, Any] = {
            "keys": [{"certificate": certificate, "key": key}],
            "trust": {
                "anchors": [{"certificates": folder / "anchors.pem"}],
                "revocation": {"absent": "accept"},
            },
            "discovery": {"certificates": [folder / "partners.pem"], "dns": False, "ldap": False},
        }

    async def fate(self, id: str) -> Fate | None:
        return self.fates.get(id)

    @asynccontextmanager
    async def listening(self, relay: Party | RelayOptions, **through: Any) -> AsyncIterator[DirectInbound]:
        """The inbound end at work; its notices go to `relay`."""
        relay = relay.as_relay() if isinstance(relay, Party) else relay
        agent = ReceivingAgentOptions.model_validate({**self.options, "relay": relay})
        through = SmtpIn(listen=Address("127.0.0.1", self.port), **through)
        context = replace(self.engine.context, fate=self.fate)
        end = DirectInbound(context, recipients=[self.domain], through=through, agent=agent)
        ready = asyncio.Event()
        task = asyncio.create_task(end.serve(self.engine.accept, ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        try:
            yield end
        finally:
            task.cancel()
            await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)

    def as_relay(self) -> RelayOptions:
        return RelayOptions(connect=Address("127.0.0.1", self.port), security="none")

    def outbound(self, partner: Party, **options: Any) -> DirectOutbound:
        """The outbound end; its mails go to `partner` directly."""
        given = {"from_": self.address, "to": partner.address, "relay": partner.as_relay(), **options}
        return DirectOutbound(self.engine.context, agent=AgentOptions.model_validate(self.options), **given)

    def sealed(
        self, to: Party, *headers: tuple[str, str], message_id: str = "<1@a.example>", body: bytes = b"<x/>"
    ) -> bytes:
        """A mail of this party to `to`, as another HISP would send it."""
        plain = write_mail(
            [("From", self.address), ("To", to.address), ("Date", "Wed, 25 Nov 2026 12:00:00 +0000"),
             ("Message-ID", message_id), ("Subject", "A note"), *headers],
            "See the note.", [Attachment("note.xml", "text/xml", body)], bytes,
        )  # fmt: skip
        return smime.protect(plain, self.identity, [to.identity.certificate], self.engine.time)


async def until(holds: Callable[[], object]) -> None:
    """Wait until `holds`, for what other tasks do; at most 20 s."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - several tasks are at work, with sockets between them
            await asyncio.sleep(0.005)
