"""Certificates in LDAP: entries by `mail` on the servers that SRV records of the domain name (RFC 2798, 9.1.2)."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import ldap3
from cryptography import x509
from ldap3.utils.conv import escape_filter_chars

from channels.direct.discovery.found import MOST, read_each
from channels.direct.network.error import NetworkError
from channels.direct.network.kept import Found, Kept
from channels.direct.network.names import Names, Service
from channels.direct.trust.binding import domain_of
from channels.guard import Guard

_ATTRIBUTES = ["userCertificate", "userCertificate;binary"]
_ANSWERED = {0, 4, 32}
"""Result codes of a search that says what there is: success, more than was asked for, no such object."""
_NEGATIVE = timedelta(minutes=1)
_MOST_KEPT = 1000
_MOST_SERVERS = 5
_MOST_BASES = 10
_MOST_BYTES = 4 << 20
_THREADS = 4


class Directory:
    """Asks the LDAP servers of a domain, one after another until one answers, without a password.

    A server may take `timeout` seconds and must be at an address that `guard` admits. The library waits for its server,
    so that it works in threads of its own.
    """

    def __init__(self, names: Names, guard: Guard, timeout: timedelta, keep: timedelta) -> None:
        self._names = names
        self._guard = guard
        self._timeout = timeout.total_seconds()
        self._keep = keep
        self._threads = ThreadPoolExecutor(_THREADS, "direct-ldap")
        self._known: Kept[str, tuple[x509.Certificate, ...]] = Kept(_MOST_KEPT)

    async def certificates(self, subject: str, now: datetime) -> tuple[x509.Certificate, ...]:
        """The certificates of `subject`, an address or a domain; none where the domain names no server.

        Raises `NetworkError` when no server answers.
        """
        return await self._known.get(subject.lower(), now, lambda: self._ask(subject.lower(), now))

    async def close(self) -> None:
        """Let go of the threads; one that waits for a server ends by its own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, subject: str, now: datetime) -> Found[tuple[x509.Certificate, ...]]:
        services, seconds = await self._names.services(domain_of(subject))
        until = now + min(timedelta(seconds=seconds), self._keep)
        if not services:
            return Found((), until, until)
        why: NetworkError | None = None
        for service in services[:_MOST_SERVERS]:
            try:
                certificates = await self._asked(service, subject)
            except NetworkError as error:
                why = error
            else:
                until = until if certificates else min(until, now + _NEGATIVE)
                return Found(certificates, until, until)
        assert why is not None
        raise why

    async def _asked(self, service: Service, subject: str) -> tuple[x509.Certificate, ...]:
        addresses = await self._names.addresses(service.host)
        admitted = [each for each in addresses if self._guard.admits(each)]
        if not admitted:
            what = f"the LDAP server {service.host} {'lies in a private network' if addresses else 'has no address'}"
            hint = "write the network under fetch: networks, if it is yours"
            raise NetworkError("ldap-unreachable", what, hint, temporary=not addresses)
        loop = asyncio.get_running_loop()
        values = await loop.run_in_executor(self._threads, _search, admitted[0], service, subject, self._timeout)
        return read_each(values)


def _search(address: str, service: Service, subject: str, seconds: float) -> list[bytes]:
    """The values of certificate attributes of `subject` on one server; raises `NetworkError`."""
    whole = math.ceil(seconds)
    server = ldap3.Server(address, port=service.port, get_info=ldap3.NONE, connect_timeout=seconds)
    connection = ldap3.Connection(
        server, auto_referrals=False, check_names=False, receive_timeout=whole, read_only=True, raise_exceptions=False
    )
    try:
        connection.open()
        connection.socket = _Bounded(connection.socket, time.monotonic() + seconds)
        return _values(connection, subject, whole)
    except Exception as error:  # the library raises whatever comes for a server that is down, silent or talks nonsense
        why = str(error) if isinstance(error, _RefusedError) else f"it does not answer as LDAP: {type(error).__name__}"
        what = f"the LDAP server {service.host}:{service.port} cannot be asked: {why}"
        raise NetworkError("ldap-unreachable", what, "ask the partner's operator", temporary=True) from None
    finally:
        with contextlib.suppress(Exception):  # it is over in any case
            connection.unbind()


def _values(connection: ldap3.Connection, subject: str, seconds: int) -> list[bytes]:
    if not connection.bind():
        raise _RefusedError("it does not let us in without a password")
    connection.search("", "(objectClass=*)", ldap3.BASE, attributes=["namingContexts"])
    bases = [base.decode("utf-8", "replace") for base in _attribute(connection, "namingcontexts")]
    values: list[bytes] = []
    for base in bases[:_MOST_BASES]:
        connection.search(
            base,
            f"(mail={escape_filter_chars(subject)})",
            ldap3.SUBTREE,
            attributes=_ATTRIBUTES,
            size_limit=MOST,
            time_limit=seconds,
        )
        if connection.result["result"] not in _ANSWERED:
            raise _RefusedError(f"it answers {connection.result['description']}")
        values += _attribute(connection, "usercertificate")
    return values


def _attribute(connection: ldap3.Connection, name: str) -> list[bytes]:
    """The values of an attribute, whatever its options, in all entries of the last answer."""
    entries: list[dict[str, Any]] = connection.response or []
    return [
        bytes(value)
        for entry in entries
        for key, values in entry.get("raw_attributes", {}).items()
        if key.lower().partition(";")[0] == name
        for value in values
    ]


class _RefusedError(Exception):
    """The server answers that it does not answer."""


class _Bounded:
    """A socket that gives no more than so many bytes, and none after `end`: the library itself knows no such limit."""

    def __init__(self, inner: socket.socket, end: float) -> None:
        self._inner = inner
        self._end = end
        self._left = _MOST_BYTES

    def recv(self, size: int) -> bytes:
        left = self._end - time.monotonic()
        if self._left <= 0 or left <= 0:
            raise OSError("too much, or too late")
        self._inner.settimeout(left)
        data = self._inner.recv(size)
        self._left -= len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
