"""Where notifications may go: a client names the address, so it must not lead to what only we can reach (SSRF)."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from channels.guard import Guard

_LONGEST = 2_000
_MOST_ADDRESSES = 4
_GUARD = Guard()


class EndpointError(ValueError):
    """The endpoint is none that notifications go to; says why, and quotes nothing of it."""


class UnresolvedError(OSError):
    """The endpoint's host has no address, or cannot be asked for now."""


def check_endpoint(endpoint: str, address: str) -> None:
    """Raises `EndpointError` for an endpoint that is not taken: below `address`, where the site names one; else https,
    and at no address that is not public."""
    parts = _parts(endpoint)
    if is_below(endpoint, address):
        return
    if address:
        raise EndpointError("The endpoint is none below the address that the operator has for this client.")
    if parts.scheme != "https":
        raise EndpointError("The endpoint is https, unless the operator has another address for this client.")
    host = parts.hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or _is_inner(host):
        raise EndpointError("The endpoint is at no public address.")


def is_below(endpoint: str, address: str) -> bool:
    """Whether `endpoint` begins with `address`, the server and whole parts of the path, and does not climb out of it,
    as many servers resolve a path that they have decoded."""
    if not address:
        return False
    its, ours = _parts(endpoint), urlsplit(address)
    same = (its.scheme, its.hostname, _port(its)) == (ours.scheme, ours.hostname, _port(ours))
    path = ours.path.rstrip("/")
    within = its.path == path or its.path.startswith(f"{path}/")
    return same and within and "/.." not in unquote(its.path).replace("\\", "/")


async def reach(endpoint: str, address: str) -> list[str]:
    """The IP addresses to connect to for `endpoint`, looked up once, so that a name cannot be public when it is asked
    about and private when it is connected to. Raises `EndpointError`, `UnresolvedError`."""
    check_endpoint(endpoint, address)
    parts = _parts(endpoint)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnresolvedError("the endpoint's host has no address") from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not is_below(endpoint, address):
        addresses = [each for each in addresses if _GUARD.admits(each)]
    if not addresses:
        raise EndpointError("The endpoint is at no public address.")
    return addresses[:_MOST_ADDRESSES]


def _parts(endpoint: str) -> SplitResult:
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError:
        raise EndpointError("The endpoint is no URL.") from None
    plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and len(endpoint) <= _LONGEST
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain or "\\" in endpoint:
        raise EndpointError("The endpoint is an https URL.")
    if parts.username is not None or parts.fragment:
        raise EndpointError("The endpoint has no user and no fragment; credentials are a header.")
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_inner(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return not _GUARD.admits(host)
