"""The one HTTP fetcher of Direct: small answers, in little time, from hosts that may be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from channels.direct.network.error import NetworkError
from channels.direct.trust.options import Fetching
from channels.guard import Guard
from channels.http.client import new_client
from channels.tls import ClientTls, TlsError
from schemas.finding import Finding

Resolve = Callable[[str], Awaitable[list[str]]]
"""The IP addresses of a host; raises `NetworkError`."""

LIMIT = 1 << 20
_REDIRECTS = 3
_TRIES = 3
_REDIRECTED = {301, 302, 303, 307, 308}
_CONNECTIONS = 20
_SEE = "see the host, or a firewall between"
_ANY = ("http", "https")


class Fetcher:
    """Fetches what `guard` admits. The host's name is looked up once and that address connected to, so that a name
    that points elsewhere a moment later changes nothing."""

    def __init__(self, options: Fetching, guard: Guard, resolve: Resolve, report: Callable[[Finding], None]) -> None:
        self._options = options
        self._guard = guard
        self._resolve = resolve
        self._report = report
        self._timeout = options.timeout.total_seconds()
        self._client: httpx.AsyncClient | None = None

    async def get(self, url: str, *, limit: int = LIMIT, schemes: tuple[str, ...] = _ANY) -> bytes:
        """The body at `url`, over one of `schemes`, at most `limit` bytes; raises `NetworkError`."""
        return await self._within("GET", url, limit, schemes, None, "")

    async def post(self, url: str, body: bytes, type: str, *, limit: int = LIMIT) -> bytes:
        """The answer to `body`, of media type `type`, posted to `url`; raises `NetworkError`."""
        return await self._within("POST", url, limit, _ANY, body, type)

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _within(
        self, method: str, url: str, limit: int, schemes: tuple[str, ...], body: bytes | None, type: str
    ) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._followed(method, url, limit, schemes, body, type)
        except TimeoutError:
            what = f"no whole answer within {self._timeout:g} s"
            raise NetworkError("fetch-timeout", what, _SEE, temporary=True) from None
        except TlsError as error:
            raise NetworkError("fetch-tls", str(error), "see fetch: tls", temporary=False) from None
        except httpx.HTTPError as error:
            what = f"the host cannot be asked: {error.__class__.__name__}"
            raise NetworkError("fetch-failed", what, _SEE, temporary=True) from None

    async def _followed(
        self, method: str, url: str, limit: int, schemes: tuple[str, ...], body: bytes | None, type: str
    ) -> bytes:
        place = _parsed(url, schemes)
        for _ in range(_REDIRECTS + 1):
            answer = await self._asked(method, place, body, type)
            try:
                if answer.status_code in _REDIRECTED and method == "GET":
                    narrowed = ("https",) if place.scheme == "https" else schemes
                    place = _parsed(str(place.join(answer.headers.get("location", ""))), narrowed)
                    continue
                return await _content(answer, limit)
            except (httpx.InvalidURL, ValueError):
                raise NetworkError("fetch-address", "the host points to no address", _SEE, temporary=False) from None
            finally:
                await answer.aclose()
        raise NetworkError("fetch-redirects", "the host points on and on", _SEE, temporary=False)

    async def _asked(self, method: str, place: httpx.URL, body: bytes | None, type: str) -> httpx.Response:
        addresses = await self._resolve(place.host)
        admitted = [each for each in addresses if self._guard.admits(each)]
        if not admitted:
            what = "the host has no address" if not addresses else "the host lies in a private network"
            code = "fetch-no-address" if not addresses else "fetch-private"
            raise NetworkError(code, what, "write the network under fetch: networks, if it is yours", temporary=False)
        if self._client is None:
            self._client = new_client(self._options.tls or ClientTls(), self._report, _CONNECTIONS, self._timeout)
        headers = {"host": place.netloc.decode("ascii"), "accept-encoding": "identity", "accept": "*/*"}
        if type:
            headers["content-type"] = type
        for number, address in enumerate(admitted[:_TRIES], start=1):
            request = self._client.build_request(
                method,
                place.copy_with(host=address),
                headers=headers,
                content=body,
                extensions={"sni_hostname": place.host},
            )
            try:
                return await self._client.send(request, stream=True)
            except httpx.ConnectError:
                if number == len(admitted[:_TRIES]):
                    raise
        raise AssertionError("the last address either answers or raises")


def _parsed(url: str, schemes: tuple[str, ...]) -> httpx.URL:
    try:
        place = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        raise NetworkError(
            "fetch-address", "there is no such address", "see how it is written", temporary=False
        ) from None
    if place.port is not None and not 0 < place.port <= 65535:
        raise NetworkError("fetch-address", "there is no such address", "see how it is written", temporary=False)
    if place.scheme not in schemes or not place.host or place.userinfo:
        what = f"only {' and '.join(schemes)} addresses are fetched, without user and password"
        raise NetworkError("fetch-scheme", what, "see how the address is written", temporary=False)
    return place


async def _content(answer: httpx.Response, limit: int) -> bytes:
    if answer.status_code != 200:
        temporary = answer.status_code >= 500 or answer.status_code == 429
        what = f"the host answers {answer.status_code}"
        raise NetworkError("fetch-status", what, _SEE, temporary=temporary)
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise NetworkError("fetch-encoding", "the answer is compressed unasked", _SEE, temporary=False)
    content = bytearray()
    async for part in answer.aiter_raw():
        content += part
        if len(content) > limit:
            what = f"the answer is larger than {limit >> 10} kB"
            raise NetworkError("fetch-size", what, _SEE, temporary=False)
    return bytes(content)
