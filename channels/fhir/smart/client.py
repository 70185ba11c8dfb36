"""Tokens for the requests that we send: asked for once, kept, and renewed before they run out."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson

from channels.ends import EndContext
from channels.fhir.smart.assertion import Key, KeyFileError, client_assertion, load_key
from channels.fhir.smart.options import Smart
from channels.http.reply import is_transient, retry_after
from channels.http.request import encoded, read_some

CONFIGURATION = ".well-known/smart-configuration"

_LIMIT = 65_536
_MOST_SERVERS = 1_000
_MARGIN = timedelta(seconds=30)
_WITHOUT_EXPIRY = timedelta(minutes=1)
_LONGEST_EXPIRY = timedelta(days=1)
_TOKEN = re.compile(r"[\x21-\x7e]{1,16000}\Z")
_ERROR = re.compile(r"[a-z_]{1,40}\Z")
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenError(Exception):
    """There is no token to be had; the text says why, `retry_after` how long the token endpoint wishes us to wait."""

    def __init__(self, what: str, wish: timedelta | None = None) -> None:
        super().__init__(what)
        self.retry_after = wish


@dataclass(slots=True)
class _Server:
    """What is known of one FHIR server: the token that counts until `renew`, and its token endpoint."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: str = ""
    renew: datetime | None = None
    endpoint: str = ""


class TokenSource:
    """Gets tokens as `smart` says, over the client that `connected` gives, for each FHIR server by its base."""

    def __init__(self, smart: Smart, context: EndContext, connected: Callable[[], httpx.AsyncClient]) -> None:
        self._smart = smart
        self._context = context
        self._connected = connected
        self._servers: OrderedDict[str, _Server] = OrderedDict()

    async def token(self, base: httpx.URL) -> str:
        """A token that counts now at the FHIR server at `base`. Of those who ask at once, one fetches it for all.

        Raises `TokenError`, and what `httpx` raises for a network that fails.
        """
        server = self._server(base)
        if self._counts(server):
            return server.token
        async with server.lock:
            if not self._counts(server):
                await self._fetch(server, base)
            return server.token

    def forget(self, base: httpx.URL, token: str) -> None:
        """The server did not take `token`: the next who asks gets another."""
        server = self._server(base)
        if server.token == token:
            server.renew = None

    def _server(self, base: httpx.URL) -> _Server:
        name = str(base).rstrip("/")
        server = self._servers.setdefault(name, _Server())
        if len(self._servers) > _MOST_SERVERS:
            self._servers.popitem(last=False)
        return server

    def _counts(self, server: _Server) -> bool:
        return server.renew is not None and self._context.now() < server.renew

    async def _fetch(self, server: _Server, base: httpx.URL) -> None:
        endpoint = self._smart.token_url or server.endpoint or await self._discovered(base)
        server.endpoint = ""
        now = self._context.now()
        assertion = client_assertion(
            self._key(), self._smart.key_id, self._smart.client, endpoint, self._context.new_id(), now
        )
        form = {
            "grant_type": "client_credentials",
            "scope": self._smart.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        answer = await self._asked("POST", endpoint, form, "the token endpoint")
        token, kind = answer.get("access_token"), answer.get("token_type")
        if not isinstance(token, str) or not _TOKEN.match(token):
            raise TokenError("the token endpoint answered without an access_token")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise TokenError("the token endpoint gives tokens of another type than bearer")
        lifetime = _lifetime(answer.get("expires_in"))
        server.token, server.endpoint = token, endpoint
        server.renew = now + lifetime - min(_MARGIN, lifetime / 4)

    async def _discovered(self, base: httpx.URL) -> str:
        url = f"{str(base).rstrip('/')}/{CONFIGURATION}"
        answer = await self._asked("GET", url, None, CONFIGURATION)
        endpoint = answer.get("token_endpoint")
        schemes = ("https://",) if base.scheme == "https" else ("http://", "https://")
        if not isinstance(endpoint, str) or not endpoint.startswith(schemes):
            raise TokenError(f"{CONFIGURATION} names no token_endpoint; write token_url")
        return endpoint

    async def _asked(self, method: str, url: str, form: dict[str, str] | None, what: str) -> dict[str, Any]:
        """The JSON object that `what` answers; raises `TokenError`."""
        client = self._connected()
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        try:
            request = client.build_request(method, url, data=form, headers=encoded(headers))
        except httpx.InvalidURL:
            raise TokenError(f"{what} is at no address") from None
        response = await client.send(request, stream=True)
        try:
            body = await read_some(response, _LIMIT)
        finally:
            await response.aclose()
        answer = _object(body)
        status = response.status_code
        if status != 200:
            error = answer.get("error") if answer is not None else None
            named = f" ({error})" if isinstance(error, str) and _ERROR.match(error) else ""
            wish = retry_after(response.headers.get("retry-after", ""), self._context.now())
            hint = "" if is_transient(status) else "; look at `smart`"
            raise TokenError(f"{what} answered {status}{named}{hint}", wish if is_transient(status) else None)
        if answer is None:
            raise TokenError(f"{what} answered with what is no JSON object")
        return answer

    def _key(self) -> Key:
        """Read anew each time: a renewed file is taken up."""
        password = self._smart.key_password
        try:
            pem = self._smart.key.read_bytes()
            return load_key(pem, password.get_secret_value().encode() if password else None)
        except OSError as error:
            raise TokenError(f"smart: cannot read {self._smart.key}: {error.strerror}") from None
        except KeyFileError as error:
            raise TokenError(f"smart: {self._smart.key}: {error}") from None


def _lifetime(expires_in: object) -> timedelta:
    if isinstance(expires_in, str) and expires_in.isascii() and expires_in.isdecimal():
        expires_in = int(expires_in[:9])  # some servers write the number as a text
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return _WITHOUT_EXPIRY
    return timedelta(seconds=min(max(float(expires_in), 0.0), _LONGEST_EXPIRY.total_seconds()))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
