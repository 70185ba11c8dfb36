"""Reads, searches and histories, passed on to the FHIR server that keeps the resources; none of them is journaled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import quote

import httpx
from starlette.responses import Response

from channels.fhir.call import Call
from channels.fhir.negotiate import CONTENT_TYPES
from channels.fhir.options import Reads
from channels.fhir.refusal import RefusedError
from channels.http.client import new_client
from channels.tls import ClientTls, TlsError
from schemas.finding import Finding

FORM = "application/x-www-form-urlencoded"
"""The content type of a search that is posted (R4, 3.1.1.1)."""

_PASSED = ("if-none-match", "if-modified-since", "prefer")
_RETURNED = ("content-type", "etag", "last-modified", "content-location", "location", "retry-after")
_OURS = (401, 403, 407)
_AGAIN = {"retry-after": "10"}
_CONNECTIONS = 100


class Reader:
    """Asks one server; `limit` is the largest answer that is passed back, in bytes."""

    def __init__(self, reads: Reads, limit: int, report: Callable[[Finding], None]) -> None:
        self._reads = reads
        self._limit = limit
        self._report = report
        self._client: httpx.AsyncClient | None = None
        self._its_base = re.compile(re.escape(reads.server) + r"(?=[/?]|\Z)")
        self._in_body = re.compile(b'"' + re.escape(reads.server.encode()) + b'(?=[/?"])')

    async def read(self, call: Call, form: bytes) -> Response:
        """What the server answers to `call`, with our base in place of its own; `form` is a search that was posted.

        Raises `RefusedError` when it cannot be asked, or what it answers is no FHIR.
        """
        query = f"?{call.query}" if call.query else ""
        url = f"{self._reads.server}/{quote(call.path or '')}".rstrip("/") + query
        try:
            async with asyncio.timeout(self._reads.timeout.total_seconds()):
                return await self._ask(call, url, form)
        except httpx.InvalidURL:
            raise RefusedError(400, "value", "The address is none that can be passed on.") from None
        except (TimeoutError, httpx.HTTPError, TlsError):
            text = "The server behind this one does not answer."
            raise RefusedError(503, "transient", text, headers=_AGAIN, finding="FHIR-409") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _ask(self, call: Call, url: str, form: bytes) -> Response:
        if self._client is None:
            tls, timeout = self._reads.tls or ClientTls(), self._reads.timeout.total_seconds()
            self._client = new_client(tls, self._report, _CONNECTIONS, timeout)
        request = self._client.build_request(call.method, url, headers=self._headers(call), content=form or None)
        response = await self._client.send(request, stream=True)
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._limit:
                    raise _no_fhir()
        finally:
            await response.aclose()
        kind = response.headers.get("content-type", "")
        status = response.status_code
        if status in _OURS or status in range(300, 304) or (body and "json" not in kind and "xml" not in kind):
            raise _no_fhir()
        given = {name: response.headers.get(name, "") for name in _RETURNED}
        headers = {name: value for name, value in given.items() if value and value.isascii()}
        for name in ("location", "content-location"):
            if name in headers:
                headers[name] = self._its_base.sub(call.base, headers[name])
        content = self._in_body.sub(b'"' + call.base.encode(), bytes(body))
        return Response(content, status, {**headers, "x-request-id": call.request_id})

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {name: call.headers[name] for name in _PASSED if name in call.headers}
        headers["accept"] = CONTENT_TYPES[call.form].partition(";")[0]
        headers["accept-encoding"] = "identity"  # an answer that decompresses without end is not for us
        headers["x-request-id"] = call.request_id
        if call.method == "POST":
            headers["content-type"] = FORM
        if self._reads.token is not None:
            headers["authorization"] = f"Bearer {self._reads.token.get_secret_value()}"
        return headers


def _no_fhir() -> RefusedError:
    return RefusedError(502, "exception", "The server behind this one does not answer with FHIR.", finding="FHIR-410")
