"""Asking a FHIR server: the connections of one outbound `fhir` end, its tokens, and what the server works on still."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from channels.ends import Outcome, OutcomeCode
from channels.fhir.negotiate import FHIR_JSON, FHIR_XML
from channels.fhir.request import Request, UnsendableError, request_of
from channels.fhir.smart.client import TokenError, TokenSource
from channels.fhir.verdict import Reply, judge, judge_finished
from channels.http.client import new_client
from channels.http.reply import is_transient, retry_after
from channels.http.request import FAILURES, encoded, failure, fill_headers, fill_url, read_some
from schemas.message import Message

if TYPE_CHECKING:
    from channels.fhir.outbound import FhirOutbound

ANSWER_LIMIT = 16 << 20
"""How much of an answer is read, in bytes."""

_UNANSWERED = 10_000  # requests that are worked on elsewhere, whose status URLs are remembered
_FIRST_LOOK = 1.0  # seconds until a status is asked for, where the server does not say
_SHORTEST_LOOK = 0.1
_LONGEST_LOOK = 10.0


class Exchange:
    """Sends the messages of one end over connections that are kept."""

    def __init__(self, end: FhirOutbound) -> None:
        self._end = end
        self._client: httpx.AsyncClient | None = None
        self._tokens = TokenSource(end.smart, end.context, self._connected) if end.smart else None
        self._accept = FHIR_JSON if end.format == "json" else FHIR_XML
        self._unanswered: OrderedDict[str, httpx.URL] = OrderedDict()

    async def deliver(self, message: Message) -> Outcome:
        """Ask for what `message` says, and say what became of it; see `channels.ends.Outbound`."""
        end = self._end
        try:
            request = request_of(message, end.interaction, end.condition, end.format)
        except UnsendableError as error:
            return Outcome(OutcomeCode.REFUSED, str(error))
        until = asyncio.get_running_loop().time() + end.timeout
        try:
            base = fill_url(end.base, message)
            if base.query or base.fragment:
                raise httpx.InvalidURL("")
            if message.id not in self._unanswered:
                async with asyncio.timeout_at(until):
                    reply, status_url = await self._ask(message, base, request)
                if status_url is None:
                    return judge(request, reply, end.context.now())
                self._remember(message.id, status_url)
            return await self._finish(message, base, request, until)
        except TokenError as error:
            return Outcome(OutcomeCode.DEFERRED, str(error), unreachable=True, retry_after=error.retry_after)
        except FAILURES as error:
            return failure(error, end.timeout)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _ask(self, message: Message, base: httpx.URL, request: Request) -> tuple[Reply, httpx.URL | None]:
        """The answer to `request`, and the status URL that it names when the server was asked to answer so."""
        headers = dict(request.headers)
        if request.body:
            headers["content-type"] = request.content_type
        if self._end.prefer:
            headers["prefer"] = ", ".join(self._end.prefer)
        url = httpx.URL(f"{str(base).rstrip('/')}/{request.path}" if request.path else base)
        response_headers, reply = await self._send(message, base, request.method, url, headers, request.body)
        status_url = None
        if reply.status == 202 and "respond-async" in self._end.prefer:
            status_url = _status_url(base, response_headers.get("content-location", ""))
        return reply, status_url

    async def _finish(self, message: Message, base: httpx.URL, request: Request, until: float) -> Outcome:
        """Ask the status URL until the request is done, or the time of this delivery is over: then it is pending, and
        the engine's next attempt asks the same URL."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_LOOK
        url = self._unanswered[message.id]
        while True:
            try:
                async with asyncio.timeout_at(until):
                    _, reply = await self._send(message, base, "GET", url, {}, b"")
            except TimeoutError:
                return Outcome(OutcomeCode.PENDING, "the partner works on it; its status URL did not answer in time")
            now = self._end.context.now()
            wish = retry_after(reply.retry_after, now)
            if reply.status in (202, 429):
                seconds = pause if wish is None else max(_SHORTEST_LOOK, wish.total_seconds())
                if loop.time() + seconds >= until:
                    return Outcome(
                        OutcomeCode.PENDING, "the partner works on it", retry_after=timedelta(seconds=seconds)
                    )
                await asyncio.sleep(seconds)
                pause = min(2 * pause, _LONGEST_LOOK)
                continue
            if reply.status in (401, 403) or 300 <= reply.status < 400:
                return judge(request, reply, now)
            del self._unanswered[message.id]
            if reply.status in (404, 410) or is_transient(reply.status):
                detail = f"the partner took it, and answered {reply.status} for its status; it is sent again"
                return Outcome(OutcomeCode.DEFERRED, detail, reply.body[:ANSWER_LIMIT], retry_after=wish)
            return judge_finished(request, reply, now)

    def _remember(self, id: str, status_url: httpx.URL) -> None:
        self._unanswered[id] = status_url
        if len(self._unanswered) > _UNANSWERED:
            self._unanswered.popitem(last=False)

    async def _send(
        self, message: Message, base: httpx.URL, method: str, url: httpx.URL, headers: dict[str, str], body: bytes
    ) -> tuple[httpx.Headers, Reply]:
        """The answer; where our token is not taken, that to a second request with a new one."""
        ours = {
            "accept": self._accept,
            "accept-encoding": "identity",  # an answer that decompresses without end is not for us
            "x-request-id": message.id,
            **headers,
        }
        theirs = fill_headers(self._end.headers, message)
        named = {name.lower() for name in theirs}
        sent = {**{name: value for name, value in ours.items() if name not in named}, **theirs}
        if self._end.token is not None:
            sent["authorization"] = f"Bearer {self._end.token.get_secret_value()}"
        if self._tokens is None:
            return await self._send_once(method, url, sent, body)
        token = await self._tokens.token(base)
        answer = await self._send_once(method, url, {**sent, "authorization": f"Bearer {token}"}, body)
        if answer[1].status in (401, 403):
            self._tokens.forget(base, token)
            token = await self._tokens.token(base)
            answer = await self._send_once(method, url, {**sent, "authorization": f"Bearer {token}"}, body)
        return answer

    async def _send_once(
        self, method: str, url: httpx.URL, headers: dict[str, str], body: bytes
    ) -> tuple[httpx.Headers, Reply]:
        name = self._end.tls.server_name
        client = self._connected()
        request = client.build_request(
            method,
            url,
            content=body or None,
            headers=encoded(headers),
            extensions={"sni_hostname": name} if name else {},
        )
        response = await client.send(request, stream=True)
        try:
            content = await read_some(response, ANSWER_LIMIT)
        finally:
            await response.aclose()
        told = response.headers
        facts = [told.get(each, "") for each in ("retry-after", "location", "etag", "last-modified")]
        return told, Reply(response.status_code, content, len(content) < ANSWER_LIMIT, *facts)

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            end = self._end
            self._client = new_client(end.tls, end.context.report, end.connections, end.timeout, http2=True)
        return self._client


def _status_url(base: httpx.URL, content_location: str) -> httpx.URL | None:
    """Where the status is asked for; None when that is nowhere on the server we asked, which alone gets our token."""
    if not content_location:
        return None
    try:
        url = base.join(content_location)
    except httpx.InvalidURL:
        return None
    same = (url.scheme, url.raw_host, url.port) == (base.scheme, base.raw_host, base.port)
    return url if same else None
