"""Certificates in DNS: CERT records (RFC 4398) at the name that an address or a domain becomes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from cryptography import x509

from channels.direct.discovery.found import read_each
from channels.direct.network.error import NetworkError
from channels.direct.network.fetch import Fetcher
from channels.direct.network.kept import Found, Kept
from channels.direct.network.names import Names

PKIX, IPKIX = 1, 4
"""The types of CERT that Direct uses: the certificate itself, or the URL where it is."""

_MOST = 1000
_MOST_URLS = 3
_MOST_URL = 2000


class Records:
    """Asks `names`, and `fetcher` for the certificates that a record only points to; keeps answers for their time to
    live, `keep` at most."""

    def __init__(self, names: Names, fetcher: Fetcher, keep: timedelta) -> None:
        self._names = names
        self._fetcher = fetcher
        self._keep = keep
        self._known: Kept[str, tuple[x509.Certificate, ...]] = Kept(_MOST)

    async def certificates(self, subject: str, now: datetime) -> tuple[x509.Certificate, ...]:
        """The certificates of `subject`, an address or a domain; raises `NetworkError`."""
        return await self._known.get(name_of(subject), now, lambda: self._ask(name_of(subject), now))

    async def _ask(self, name: str, now: datetime) -> Found[tuple[x509.Certificate, ...]]:
        answer = await self._names.ask(name, "CERT")
        values = [each.certificate for each in answer.records if each.certificate_type == PKIX]
        urls = [each.certificate for each in answer.records if each.certificate_type == IPKIX][:_MOST_URLS]
        fetched = await asyncio.gather(*map(self._fetch, urls), return_exceptions=True)
        values += [each for each in fetched if isinstance(each, bytes)]
        certificates = read_each(values)
        for each in fetched:
            if isinstance(each, BaseException) and not (isinstance(each, NetworkError) and certificates):
                raise each
        until = now + min(timedelta(seconds=answer.seconds), self._keep)
        return Found(certificates, until, until)

    async def _fetch(self, url: bytes) -> bytes:
        try:
            place = url[:_MOST_URL].decode("ascii")
        except UnicodeDecodeError:
            return b""
        return await self._fetcher.get(place, schemes=("https",))


def name_of(subject: str) -> str:
    """The name at which DNS has the certificates of `subject`: that of an address has a dot in place of the at sign."""
    return subject.lower().replace("@", ".")
