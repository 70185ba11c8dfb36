"""Intermediate certificates that a sender left out, fetched where certificates name them (AIA, RFC 5280, 4.2.2.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from channels.direct.cms.certificate import UNREADABLE
from channels.direct.network.error import NetworkError
from channels.direct.network.fetch import Fetcher
from channels.direct.network.kept import Found, Kept
from channels.direct.trust.bundle import BundleError, read_bundle
from channels.direct.trust.path import tops

_KEPT = timedelta(hours=12)
_MOST = 500
_MOST_URLS = 2
_MOST_TOPS = 2


class Issuers:
    """Fetches issuers over http or https, and keeps them for half a day."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._known: Kept[str, tuple[x509.Certificate, ...]] = Kept(_MOST)

    async def above(
        self, certificate: x509.Certificate, beside: Sequence[x509.Certificate], now: datetime
    ) -> tuple[list[x509.Certificate], NetworkError | None]:
        """The issuers that those at the top of what is known name, and why one of them could not be had."""
        found: list[x509.Certificate] = []
        why: NetworkError | None = None
        for top in tops(certificate, beside)[:_MOST_TOPS]:
            for url in _places(top):
                try:
                    fetched = await self._known.get(url, now, lambda url=url: self._ask(url, now))  # type: ignore[misc]
                except NetworkError as error:
                    why = error
                else:
                    found += [each for each in fetched if each not in beside and each != certificate]
        return found, why

    async def _ask(self, url: str, now: datetime) -> Found[tuple[x509.Certificate, ...]]:
        data = await self._fetcher.get(url)
        try:
            certificates = await asyncio.to_thread(read_bundle, data)
        except BundleError as error:
            what = f"where the issuer should be is none: {error.what}"
            raise NetworkError("aia-unusable", what, "the authority must mend it", temporary=True) from None
        return Found(certificates, now + _KEPT, now + _KEPT)


def _places(certificate: x509.Certificate) -> list[str]:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return []
    urls = [
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]
    return [each for each in urls if each.lower().startswith(("http://", "https://"))][:_MOST_URLS]
