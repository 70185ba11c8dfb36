"""The key sets that clients publish: fetched over https, kept, and fetched anew when a key is not among them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from channels.fhir.smart.keys import Key, KeysError, read_keys
from channels.http.client import new_client
from channels.tls import ClientTls, TlsError
from schemas.finding import Finding, Severity
from schemas.ids import Clock

_FRESH = timedelta(hours=1)
_KEPT = timedelta(days=1)
_PAUSE = timedelta(minutes=1)
_TIMEOUT = 5.0
_LIMIT = 1 << 20

Fetch = Callable[[str], Awaitable[bytes]]
"""The body at a URL; raises `FetchError`."""


class FetchError(Exception):
    """A key set could not be fetched; says why."""


@dataclass(slots=True)
class _Set:
    keys: Mapping[str, Key] = field(default_factory=dict)
    fetched: datetime | None = None
    tried: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RemoteKeys:
    """Knows the keys at each URL. Whoever asks cannot have a URL fetched more than once a minute."""

    def __init__(self, fetch: Fetch, now: Clock, report: Callable[[Finding], None]) -> None:
        self._fetch = fetch
        self._now = now
        self._report = report
        self._sets: dict[str, _Set] = {}

    async def find(self, url: str, kid: str) -> Key | None:
        """The key `kid` of the set at `url`; a set of an hour, or without that key, is fetched anew."""
        found = self._sets.setdefault(url, _Set())
        async with found.lock:
            now = self._now()
            fresh = found.fetched is not None and now - found.fetched < _FRESH
            if not (fresh and kid in found.keys) and (found.tried is None or now - found.tried >= _PAUSE):
                await self._renew(found, url, now)
            if found.fetched is None or now - found.fetched >= _KEPT:
                return None
            return found.keys.get(kid)

    async def _renew(self, found: _Set, url: str, now: datetime) -> None:
        found.tried = now
        try:
            found.keys = read_keys(await self._fetch(url))
            found.fetched = now
        except (FetchError, KeysError) as error:
            hint = "the keys known before are used for a day; see the client's operator"
            what = f"the client's keys cannot be fetched: {error}"
            self._report(Finding("FHIR-416", url, what, hint, Severity.WARNING))


def fetcher(tls: ClientTls, report: Callable[[Finding], None]) -> Fetch:
    """Fetches over https: one answer of 200, 1 MB at most, within 5 seconds, no redirects."""

    async def fetch(url: str) -> bytes:
        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                new_client(tls, report, 1, _TIMEOUT) as client,
                client.stream("GET", url, headers={"accept": "application/json"}) as answer,
            ):
                return await _content(answer)
        except TlsError as error:
            raise FetchError(str(error)) from None
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchError(type(error).__name__) from None

    return fetch


async def _content(answer: httpx.Response) -> bytes:
    if answer.status_code != 200:
        raise FetchError(f"the answer is {answer.status_code}")
    content = b""
    async for part in answer.aiter_bytes():
        content += part
        if len(content) > _LIMIT:
            raise FetchError("the answer is larger than 1 MB")
    return content
