"""The places of a recipient's certificates in their order: files, DNS, LDAP; the address before the domain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from cryptography import x509

from channels.direct.discovery.found import Bound, Place
from channels.direct.discovery.ldap import Directory
from channels.direct.discovery.records import Records, name_of
from channels.direct.network.error import NetworkError
from channels.direct.network.fetch import Fetcher
from channels.direct.network.guard import Guard
from channels.direct.network.names import Names
from channels.direct.trust.binding import address_bound, domain_bound, domain_of
from channels.direct.trust.bundle import read_bundle
from channels.direct.trust.options import DiscoveryOptions
from channels.direct.trust.store import read_file


class Discovery:
    """Looks in the places that `options` name; hosts must be at addresses that `guard` admits."""

    def __init__(self, options: DiscoveryOptions, names: Names, guard: Guard, fetcher: Fetcher) -> None:
        """Read the partners' certificates from files; raises `BundleError`."""
        self._options = options
        self._files: list[tuple[str, tuple[x509.Certificate, ...]]] = [
            (str(file), read_bundle(read_file(file))) for file in options.certificates
        ]
        self._records = Records(names, fetcher, options.keep)
        self._directory = Directory(names, guard, options.timeout, options.keep)

    async def places(self, address: str, now: datetime) -> AsyncIterator[Place | NetworkError]:
        """Each place where there are certificates for `address`, and each that cannot be asked, in order.

        The next place is asked when the caller goes on, so that a first good one costs no more.
        """
        bounds: tuple[tuple[Bound, str], ...] = (("address", address), ("domain", domain_of(address)))
        for place in self._in_files(address):
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

    def _in_files(self, address: str) -> list[Place]:
        found: list[Place] = []
        for bound, binds in (("address", address_bound), ("domain", domain_bound)):
            for file, certificates in self._files:
                fitting = tuple(each for each in certificates if binds(each, address))
                if fitting:
                    found.append(Place("file", "address" if bound == "address" else "domain", file, fitting))
        return found
