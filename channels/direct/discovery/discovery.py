"""The places of a recipient's certificates in their order: files, DNS, LDAP; the address before the domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from cryptography import x509

from channels.direct.discovery.files import KnownFiles
from channels.direct.discovery.found import Bound, Place
from channels.direct.discovery.ldap import Directory
from channels.direct.discovery.records import Records, name_of
from channels.direct.network.error import NetworkError
from channels.direct.network.fetch import Fetcher
from channels.direct.network.names import Names
from channels.direct.trust.binding import domain_of
from channels.direct.trust.options import DiscoveryOptions
from channels.guard import Guard
from schemas.finding import Finding


class Discovery:
    """Looks in the places that `options` name; hosts must be at addresses that `guard` admits."""

    def __init__(
        self,
        options: DiscoveryOptions,
        names: Names,
        guard: Guard,
        fetcher: Fetcher,
        report: Callable[[Finding], None],
    ) -> None:
        """Read the partners' certificates from files; raises `BundleError`."""
        self._options = options
        self._files = KnownFiles(options.certificates, report)
        self._records = Records(names, fetcher, options.keep)
        self._directory = Directory(names, guard, options.timeout, options.keep)

    async def places(self, address: str, now: datetime) -> AsyncIterator[Place | NetworkError]:
        """Each place where there are certificates for `address`, and each that cannot be asked, in order.

        The next place is asked when the caller goes on, so that a first good one costs no more.
        """
        bounds: tuple[tuple[Bound, str], ...] = (("address", address), ("domain", domain_of(address)))
        for place in self._files.places(address):
            yield place
        if self._options.dns:
            for bound, subject in bounds:
                try:
                    certificates = await self._records.certificates(subject, now)
                except NetworkError as error:
                    yield error
                else:
                    if certificates:
                        yield Place("dns", bound, f"CERT records of {name_of(subject)}", certificates)
        if self._options.ldap:
            for bound, subject in bounds:
                try:
                    certificates = await self._directory.certificates(subject, now)
                except NetworkError as error:
                    yield error
                else:
                    if certificates:
                        yield Place("ldap", bound, f"LDAP entries with the mail {subject}", certificates)

    async def certificates(self, address: str, now: datetime) -> tuple[x509.Certificate, ...]:
        """The certificates of the first place that has any, judged by nothing; raises `NetworkError` when there is none
        and a place could not be asked."""
        why: NetworkError | None = None
        async for place in self.places(address, now):
            if isinstance(place, Place):
                return place.certificates
            why = place
        if why is not None:
            raise why
        return ()

    async def close(self) -> None:
        """Let go of threads."""
        await self._directory.close()
