"""Posting to the endpoints that clients name: one client for each server, to the address that was looked up."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple

import httpx

from channels.fhir.subscriptions.endpoint import EndpointError, UnresolvedError, reach
from channels.fhir.subscriptions.wanted import Wanted
from channels.http.client import new_client
from channels.http.reply import Reply
from channels.http.request import encoded, read_some
from channels.tls import ClientTls, TlsError
from schemas.fhir import Resource, dumps
from schemas.fhir.xml import to_xml
from schemas.finding import Finding

_SERVERS = 100
_CONNECTIONS = 8  # to one server
_ANSWER = 65_536


class Unsent(NamedTuple):
    """Why no answer came: `error` is a code of subscription-error, `detail` says it to the operator."""

    error: str
    detail: str


@dataclass(slots=True)
class _Held:
    """A client, and how many requests it has under way."""

    client: httpx.AsyncClient
    users: int = 0


class Poster:
    """Posts notifications; each may take `timeout` seconds, or less where its subscription says so."""

    def __init__(self, tls: ClientTls, timeout: float, report: Callable[[Finding], None]) -> None:
        self._tls = tls
        self._timeout = timeout
        self._report = report
        self._clients: OrderedDict[str, _Held] = OrderedDict()

    async def post(self, wanted: Wanted, address: str, bundle: Resource, request_id: str) -> Reply | Unsent:
        """The answer of the endpoint, which is below `address` or public."""
        seconds = self._timeout if wanted.timeout is None else min(self._timeout, wanted.timeout.total_seconds())
        body = to_xml(bundle) if wanted.is_xml else dumps(bundle)
        try:
            async with asyncio.timeout(seconds):
                return await self._post_to_any(wanted, await reach(wanted.endpoint, address), body, request_id)
        except UnresolvedError as error:
            return Unsent("dns-resolution-error", str(error))
        except (EndpointError, TlsError) as error:
            return Unsent("no-response", str(error))
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return Unsent("no-response", "the endpoint cannot be reached")
        except (TimeoutError, httpx.TimeoutException):
            return Unsent("no-response", f"no answer within {seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unsent("no-response", f"the connection broke: {type(error).__name__}")

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = self._clients, OrderedDict()
        for each in clients.values():
            await each.client.aclose()

    async def _post_to_any(self, wanted: Wanted, addresses: list[str], body: bytes, request_id: str) -> Reply:
        """The answer from the first of `addresses` that can be connected to."""
        *others, last = addresses
        for ip in others:
            with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._post(wanted, ip, body, request_id)
        return await self._post(wanted, last, body, request_id)

    async def _post(self, wanted: Wanted, ip: str, body: bytes, request_id: str) -> Reply:
        named = httpx.URL(wanted.endpoint)
        url = named.copy_with(host=ip)
        headers = {
            "accept-encoding": "identity",  # an answer that decompresses without end is not for us
            "x-request-id": request_id,
            **dict(wanted.headers),
            "host": named.netloc.decode(),
            "content-type": wanted.mime,
        }
        # The certificate is that of the name, whichever address it was looked up at.
        # As it is on the wire: decoding an A-label fails where that is none, and TLS has no use for it.
        extensions = {"sni_hostname": self._tls.server_name or named.raw_host.decode()}
        async with self._client(f"{named.scheme}://{named.netloc.decode()}") as client:
            request = client.build_request("POST", url, content=body, headers=encoded(headers), extensions=extensions)
            response = await client.send(request, stream=True)
            try:
                content = await read_some(response, _ANSWER)
            finally:
                await response.aclose()
        return Reply(response.status_code, content, response.headers.get("retry-after", ""))

    @contextlib.asynccontextmanager
    async def _client(self, server: str) -> AsyncIterator[httpx.AsyncClient]:
        """The client for one server. Beyond `_SERVERS` those that were used last stay, and all that are in use."""
        held = self._clients.pop(server, None) or _Held(
            new_client(self._tls, self._report, _CONNECTIONS, self._timeout)
        )
        self._clients[server] = held
        held.users += 1
        try:
            yield held.client
        finally:
            held.users -= 1
            idle = [name for name, each in self._clients.items() if not each.users]
            spare = [self._clients.pop(name) for name in idle[: max(0, len(self._clients) - _SERVERS)]]
            for each in spare:
                await each.client.aclose()
