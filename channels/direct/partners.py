"""The other side's certificates: found, and judged by whom our addresses trust."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from channels.direct.discovery.discovery import Discovery
from channels.direct.discovery.found import Place
from channels.direct.network.names import Names
from channels.direct.trust.options import DiscoveryOptions, TrustOptions
from channels.direct.trust.trust import Trust
from channels.direct.verdict import Verdict
from schemas.finding import Finding
from schemas.ids import Clock


@dataclass(frozen=True, slots=True)
class Tried:
    """One place that was looked at: its certificates and what is to be said of each, or why it cannot be asked."""

    source: str
    bound: str
    where: str
    judged: tuple[tuple[x509.Certificate, Verdict], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The trusted certificates of a recipient, all of one place, and every place that was looked at for them.

    Without certificates nothing may be sent; `temporary` says that looking again later may find some.
    """

    certificates: tuple[x509.Certificate, ...]
    tried: tuple[Tried, ...]
    temporary: bool = False

    @property
    def reason(self) -> str:
        """Why there are no certificates, "" when there are."""
        if self.certificates:
            return ""
        refused = [verdict.reason for tried in self.tried for _, verdict in tried.judged]
        problems = [tried.problem for tried in self.tried if tried.problem]
        return "; ".join(dict.fromkeys([*refused, *problems])) or "no certificate was found for the recipient"


class Partners:
    """What an end knows of the other side: `trust` judges, `find` finds whom to encrypt to."""

    def __init__(
        self, trust: TrustOptions, discovery: DiscoveryOptions, report: Callable[[Finding], None], now: Clock
    ) -> None:
        """Read anchors and certificates from files; raises `BundleError`."""
        names = Names(discovery.nameservers, discovery.timeout)
        self.trust = Trust(trust, names, report, now)
        self._discovery = Discovery(discovery, names, self.trust.guard, self.trust.fetcher, report)

    async def find(self, address: str, *, ours: str, now: datetime) -> Recipient:
        """The certificates of `address` to which our address `ours` may encrypt: those that are trusted in the first
        place that has such. Raises nothing for what a partner, DNS or LDAP did."""
        tried: list[Tried] = []
        temporary = False
        async for place in self._discovery.places(address, now):
            if not isinstance(place, Place):
                temporary = temporary or place.temporary
                tried.append(Tried("", "", "", problem=place.what))
                continue
            judged = [
                (each, await self.trust.judge(each, place.certificates, address, ours=ours, way="out", now=now))
                for each in place.certificates
            ]
            tried.append(Tried(place.source, place.bound, place.where, tuple(judged)))
            trusted = tuple(each for each, verdict in judged if verdict.trusted)
            if trusted:
                return Recipient(trusted, tuple(tried))
            temporary = temporary or any(verdict.temporary for _, verdict in judged)
        return Recipient((), tuple(tried), temporary)

    async def keep_fresh(self) -> None:
        """Fetch trust bundles again and again, until cancelled."""
        await self.trust.keep_fresh()

    async def close(self) -> None:
        """Let go of connections and threads."""
        await self._discovery.close()
        await self.trust.close()
