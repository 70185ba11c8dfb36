"""The practice's side of Direct in the demo: its own identity and agent, on a mail server of its own."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.serialization import Encoding

from channels.direct.agent import Agent, AgentError, Parcel
from channels.direct.envelope import Envelope
from channels.direct.issuing import issue, key_pem, new_authority, revocation_list
from channels.direct.keys import Identity, IdentityFiles, Keys
from channels.direct.mime import Attachment, Entity, attachments, write_mail
from channels.direct.noticed import notices_of
from channels.direct.notices import ASKS_FINAL_DELIVERY, Mdn, Notice, NoticeKind, write_mdn
from channels.direct.partners import Partners
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from engine.demo.mail_server import MailServer, insist
from schemas.finding import Finding
from schemas.ids import utc_now

HOSPITAL, PRACTICE = "direct.stanne.example", "direct.eastmere.example"
INBOX, DOCTOR = f"inbox@{HOSPITAL}", f"harrowgate@{PRACTICE}"
_LASTS = timedelta(days=1)


def make_identities(hospital: Path, practice: Path, now: datetime) -> None:
    """Make both sides' keys and certificates for today, below an authority of the demo's own: each side's folder holds
    its identity (`stanne`, `eastmere`), what it trusts, and the other side's certificate."""
    authority = new_authority("hie demo", "rsa", now, _LASTS)
    ours = issue(authority, HOSPITAL, "rsa", "both", now, _LASTS)
    theirs = issue(authority, DOCTOR, "rsa", "both", now, _LASTS)
    for folder, name, own, other in ((hospital, "stanne", ours, theirs), (practice, "eastmere", theirs, ours)):
        folder.mkdir(mode=0o700)
        (folder / f"{name}.key").touch(0o600)
        (folder / f"{name}.key").write_bytes(key_pem(own.key))
        (folder / f"{name}.pem").write_bytes(_pem(own))
        (folder / "anchors.pem").write_bytes(_pem(authority))
        (folder / "partners.pem").write_bytes(_pem(other))
        (folder / "revoked.crl").write_bytes(revocation_list(authority, now))


def _pem(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Got:
    """A mail that came in: as it was on the wire, and the documents in it once it was opened and found trusted."""

    wire: bytes
    documents: tuple[bytes, ...]


class Hisp:
    """Takes sealed mail from the hospital and answers it with notices, and sends sealed mail to it.

    `got` are the messages that came in, answered while it `may_answer`; `notices` is what was said of those that went
    out.
    """

    def __init__(self, folder: Path, hospital: int, port: int) -> None:
        self.got: list[Got] = []
        self.notices: list[Notice] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.findings: list[Finding] = []
        trust = {
            "anchors": [{"certificates": folder / "anchors.pem"}],
            "revocation": {"lists": [folder / "revoked.crl"]},
        }
        found = {"certificates": [folder / "partners.pem"], "dns": False, "ldap": False}
        self._partners = Partners(
            TrustOptions.model_validate(trust), DiscoveryOptions.model_validate(found), self.findings.append, utc_now
        )
        files = IdentityFiles(certificate=folder / "eastmere.pem", key=folder / "eastmere.key")
        self._agent = Agent(Keys([files], self.findings.append), self._partners, utc_now)
        self._hospital = hospital
        self._server = MailServer(PRACTICE, port, _is_ours, self._receive)

    async def open(self) -> None:
        """Listen; raises `OSError`."""
        await self._server.open()

    async def close(self) -> None:
        """Go away."""
        await self._server.close()
        await self._partners.close()

    async def send(self, document: bytes, file: str) -> str:
        """Send a clinical document to the hospital's inbox, sealed, and ask for word of its final delivery; why that
        did not work."""
        return await self.hand_over(await self.seal(letter(document, file), INBOX))

    async def seal(self, mail: bytes, to: str) -> Parcel:
        """`mail` signed, and encrypted to `to`; raises `DirectError`."""
        sent = await self._agent.send(mail, [to])
        if not sent.parcels:
            raise AgentError("agent-nobody", "; ".join(verdict.reason for verdict in sent.verdicts.values()))
        return sent.parcels[0]

    async def hand_over(self, parcel: Parcel) -> str:
        """Hand sealed mail to the hospital's server; why it did not take it."""
        return await self._server.hand_over(self._hospital, DOCTOR, parcel.recipients, parcel.mail)

    async def _receive(self, envelope: Envelope, text: IO[bytes]) -> str:
        wire = text.read()
        received = await self._agent.receive(envelope, wire)
        if not received.trusted:
            return "250 2.0.0 OK"
        inner = Entity.parse(received.inner)
        if received.is_notice:
            self.notices += notices_of(inner)
            return "250 2.0.0 OK"
        self.got.append(Got(wire, tuple(each.data for each in attachments(inner) if not each.is_text)))
        self._server.soon(self._answer(received.sender.spec, received.facts.message_id.strip("<>")))
        return "250 2.0.0 OK"

    async def _answer(self, to: str, about: str) -> None:
        """Say that the message was taken, and that it lies where it is read."""
        await self.may_answer.wait()
        for kind in (NoticeKind.PROCESSED, NoticeKind.DISPATCHED):
            mdn = Mdn(kind, DOCTOR, to, about, PRACTICE)
            mail = write_mdn(mdn, utc_now(), f"{os.urandom(16).hex()}@{PRACTICE}")
            parcel = await self.seal(mail, to)
            await insist(partial(self.hand_over, parcel))


def letter(document: bytes, file: str) -> bytes:
    """The mail that carries a document of the practice, not sealed yet."""
    headers = [
        ("From", DOCTOR),
        ("To", INBOX),
        ("Date", format_datetime(utc_now())),
        ("Message-ID", f"<{os.urandom(16).hex()}@{PRACTICE}>"),
        ("Subject", "Consultation note"),
        ("Disposition-Notification-Options", ASKS_FINAL_DELIVERY),
    ]
    return write_mail(headers, "The note is attached.", [Attachment(file, "text/xml", document)], os.urandom)


def _is_ours(address: str) -> bool:
    return address.lower() == DOCTOR
