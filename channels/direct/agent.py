"""The security and trust agent: what stands between mail from anywhere and mail that each recipient trusts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509

from channels.direct import smime
from channels.direct.cms import CmsError, Signer
from channels.direct.envelope import Envelope
from channels.direct.error import DirectError
from channels.direct.keys import Keys
from channels.direct.mime import Address, Entity, MailFacts, Octets
from channels.direct.noticed import is_notice
from channels.direct.partners import Partners
from channels.direct.trust.binding import binds
from channels.direct.trust.checks import Way
from channels.direct.verdict import Verdict
from schemas.finding import Finding
from schemas.ids import Clock

MOST_SIGNERS_JUDGED = 3


class AgentError(DirectError):
    """A mail is refused as a whole, before trust is asked about; `code` begins with `agent-`."""


@dataclass(frozen=True, slots=True)
class Received:
    """A mail whose signature holds, and for each recipient of its envelope whether it is trusted there.

    `sender` is the address that the signer's certificate was judged for: that in From, or that in Sender where the
    signer speaks for it alone.
    `is_notice` tells an MDN or DSN from a message. Only for `trusted` may anything of it be used.
    """

    inner: bytes
    facts: MailFacts
    sender: Address
    signer: x509.Certificate
    verdicts: Mapping[str, Verdict]
    is_notice: bool
    notes: tuple[Finding, ...] = ()

    @property
    def trusted(self) -> tuple[str, ...]:
        """The recipients that trust it, as the envelope writes them."""
        return tuple(recipient for recipient, verdict in self.verdicts.items() if verdict.trusted)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A mail that is ready for the relay, and the recipients that it is encrypted for."""

    mail: bytes
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """What to hand to the relay, and for each recipient whether there was a trusted certificate."""

    parcels: tuple[Parcel, ...]
    verdicts: Mapping[str, Verdict]


def _standard(recipient: str) -> smime.Protection:
    return smime.DEFAULT


class Agent:
    """Opens and protects mail with our `keys`, and asks `partners` whom to trust.

    `protection` says how mail to a recipient's address is protected; what every partner reads without it.
    """

    def __init__(
        self,
        keys: Keys,
        partners: Partners,
        now: Clock,
        protection: Callable[[str], smime.Protection] = _standard,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._keys = keys
        self._partners = partners
        self._now = now
        self._protection = protection
        self._random = random

    async def receive(self, envelope: Envelope, mail: Octets) -> Received:
        """Open `mail` and judge it for each recipient of `envelope`.

        Raises `DirectError` where it is refused for everybody: it cannot be opened, its headers break Direct's rules,
        or the envelope's sender is another than the message's. Then nothing is answered to whoever sent it.
        """
        opened = await self._open(envelope, mail)
        inner = Entity.parse(opened.inner)
        notice = is_notice(inner)
        facts = MailFacts.of(inner.headers, is_notice=notice)
        senders = _senders(envelope, facts, notice)
        sender, signers = _by_sender(opened.signers, senders)
        addressed = {address.key for address in facts.recipients}
        verdicts = {}
        for recipient in envelope.recipients:
            if recipient.lower() in addressed:
                verdicts[recipient] = await self._judge(sender, signers, recipient, "notice" if notice else "in")
            else:
                verdicts[recipient] = _NOT_ADDRESSED
        return Received(opened.inner, facts, sender, signers[0].certificate, verdicts, notice, opened.notes)

    async def send(self, mail: bytes, recipients: Sequence[str]) -> Sent:
        """Protect `mail`, whole with its headers, for those of `recipients` who have a certificate that we trust.

        Raises `DirectError` where it cannot be sent to anybody: there is no identity for the address in From, the
        headers break Direct's rules, or a recipient is neither in To nor in Cc.
        """
        facts = MailFacts.of(Entity.parse(mail).headers)
        addressed = {address.key for address in facts.recipients}
        if any(recipient.lower() not in addressed for recipient in recipients):
            raise AgentError("agent-not-addressed", "a recipient of the envelope is neither in To nor in Cc")
        now = self._now()
        signer = self._keys.signing(facts.sender.key, now)
        verdicts: dict[str, Verdict] = {}
        groups: dict[smime.Protection, dict[str, tuple[x509.Certificate, ...]]] = {}
        for recipient in recipients:
            found = await self._partners.find(recipient.lower(), ours=facts.sender.key, now=now)
            if found.certificates:
                groups.setdefault(self._protection(recipient.lower()), {})[recipient] = found.certificates
                verdicts[recipient] = Verdict(True, "trusted", "there is a certificate that we trust")
            else:
                hint = "hie direct lookup shows where certificates were looked for, and what was wrong with each"
                verdicts[recipient] = Verdict(False, "no-certificate", found.reason, hint, temporary=found.temporary)
        parcels = []
        for protection, group in groups.items():
            certificates = list(dict.fromkeys(each for found in group.values() for each in found))
            sealed = await asyncio.to_thread(smime.protect, mail, signer, certificates, now, protection, self._random)
            parcels.append(Parcel(sealed, tuple(group)))
        return Sent(tuple(parcels), verdicts)

    async def _open(self, envelope: Envelope, mail: Octets) -> smime.Opened:
        holders = self._keys.decrypting()
        try:
            return await asyncio.to_thread(smime.open, mail, holders)
        except CmsError as error:
            if error.code != "cms-signer-unknown":
                raise
            known = await self._published(envelope, mail)
            if not known:
                raise
        return await asyncio.to_thread(smime.open, mail, holders, known)

    async def _published(self, envelope: Envelope, mail: Octets) -> list[x509.Certificate]:
        """The certificates that are published for the sender, when the message has none; judged as any other later."""
        sender = envelope.sender
        if not sender:
            sender = Address.parse(Entity.parse(mail).headers.one("from")).key
        ours = next(iter(envelope.recipients), "")
        found = await self._partners.find(sender.lower(), ours=ours.lower(), now=self._now())
        return [certificate for tried in found.tried for certificate, _ in tried.judged]

    async def _judge(self, sender: Address, signers: Sequence[Signer], recipient: str, way: Way) -> Verdict:
        """The verdict on the first of `signers` that `recipient` trusts, else on the first one."""
        verdicts = []
        for signer in signers[:MOST_SIGNERS_JUDGED]:
            chain = [each for each in signer.certificates if each != signer.certificate]
            verdict = await self._partners.trust.judge(
                signer.certificate, chain, sender.key, ours=recipient.lower(), way=way, now=self._now()
            )
            if verdict.trusted:
                return verdict
            verdicts.append(verdict)
        return verdicts[0]


_NOT_ADDRESSED = Verdict(
    False,
    "not-addressed",
    "the recipient is neither in To nor in Cc of the signed message",
    "the sender may not use Bcc, nor pass somebody else's message on as it is",
)


def _senders(envelope: Envelope, facts: MailFacts, notice: bool) -> list[Address]:
    """From and Sender, one of which the envelope names; notices may come from nobody (ANSI/DS 2019-01-100-2021)."""
    senders = [facts.sender, *([facts.agent] if facts.agent else [])]
    if not envelope.sender and notice:
        return senders
    if envelope.sender.lower() not in {sender.key for sender in senders}:
        raise AgentError(
            "agent-sender",
            "the envelope's sender is neither in From nor in Sender of the signed message",
            "somebody may be passing on a message of another",
        )
    return senders


def _by_sender(signers: Sequence[Signer], senders: Sequence[Address]) -> tuple[Address, list[Signer]]:
    """The first of `senders` that a signer's certificate speaks for, and the signers that do.

    Where none speaks for any, every signer for From: its judgement will say what is wrong. Sender counts in the
    organisation of From alone: a trusted stranger could else write in anybody's name.
    """
    domain = senders[0].domain.lower()
    for sender in senders:
        if sender.domain.lower() != domain:
            continue
        bound = [signer for signer in signers if binds(signer.certificate, sender.key)]
        if bound:
            return sender, bound
    return senders[0], list(signers)
