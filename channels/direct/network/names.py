"""DNS as Direct asks it: CERT, SRV and addresses, over UDP and, when the answer is cut, over TCP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from channels.direct.network.error import NetworkError
from channels.direct.trust.options import server_of

_NEGATIVE = 60
_PAYLOAD = 1232  # bytes of a UDP answer that pass without fragments (DNS flag day 2020)
_MOST = 50


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of a name, and for how many seconds they count; none where the name or its records do not exist."""

    records: tuple[Any, ...]
    seconds: int


@dataclass(frozen=True, slots=True)
class Service:
    """A server that an SRV record names."""

    host: str
    port: int


class Names:
    """Asks the name servers `nameservers` (IP or IP:port), or the system's."""

    def __init__(self, nameservers: Sequence[str], timeout: timedelta) -> None:
        self._own = bool(nameservers)
        self._nameservers = [server_of(each) for each in nameservers]
        self._timeout = timeout.total_seconds()
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def ask(self, name: str, kind: str) -> Answer:
        """The records of type `kind` at `name`; a name that DNS cannot hold has none. Raises `NetworkError`."""
        try:
            found = dns.name.from_text(name + ".")
        except dns.exception.DNSException:
            return Answer((), _NEGATIVE)
        try:
            answer = await self._connected().resolve(found, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return Answer((), _NEGATIVE)
        except (dns.exception.DNSException, OSError) as error:
            what = f"DNS does not answer: {type(error).__name__}"
            raise NetworkError("dns-unavailable", what, "see the name servers", temporary=True) from None
        records = tuple(answer)[:_MOST]
        return Answer(records, answer.rrset.ttl if answer.rrset is not None else _NEGATIVE)

    async def services(self, domain: str) -> tuple[list[Service], int]:
        """The LDAP servers of `domain` in the order in which they are to be tried (RFC 2782: by priority, then the
        heavier first), and for how many seconds that counts."""
        answer = await self.ask(f"_ldap._tcp.{domain}", "SRV")
        ordered = sorted(answer.records, key=lambda each: (each.priority, -each.weight))
        named = [Service(each.target.to_text(omit_final_dot=True), each.port) for each in ordered]
        return [each for each in named if each.host != "."], answer.seconds

    async def addresses(self, host: str) -> list[str]:
        """The IP addresses of `host`, which may be one itself; raises `NetworkError`."""
        try:
            return [str(ip_address(host.strip("[]")))]
        except ValueError:
            pass
        if not self._own:
            return await self._system_addresses(host)
        answers = [await self.ask(host, kind) for kind in ("A", "AAAA")]
        return [each.to_text() for answer in answers for each in answer.records]

    async def _system_addresses(self, host: str) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            gone = isinstance(error, UnicodeError) or getattr(error, "errno", None) == socket.EAI_NONAME
            what = "the host has no address"
            raise NetworkError("dns-no-address", what, "see the name of the host", temporary=not gone) from None
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    def _connected(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            try:
                resolver = dns.asyncresolver.Resolver(configure=not self._own)
            except dns.resolver.NoResolverConfiguration:
                what = "this machine names no name servers"
                raise NetworkError(
                    "dns-unavailable", what, "write nameservers under discovery", temporary=False
                ) from None
            if self._own:
                resolver.nameservers = [
                    dns.nameserver.Do53Nameserver(each.host, each.port) for each in self._nameservers
                ]
            resolver.lifetime = self._timeout
            resolver.timeout = min(resolver.timeout, self._timeout / 2)
            resolver.use_edns(0, 0, _PAYLOAD)
            self._resolver = resolver
        return self._resolver
