"""The inbound `http` end: HL7 v2 over HTTP, and any other body, by POST."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import NoReturn

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from channels.ends import Accept, EndContext, Receipt, ReceiptCode
from channels.formats import Format, sniff
from channels.http.body import ENCODINGS, Body, DamagedError, TooLargeError
from channels.http.server import LINGER, Limits, Server
from channels.mllp.answer import Answers
from channels.mllp.framing import END, VT
from channels.tls import ServerTls
from schemas.finding import Finding, Severity
from schemas.message import HL7V2, TEXT, Message
from schemas.values import Duration, Listen, Secret, Size

HL7_TYPES = ("application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/plain")
"""The content types of ER7: HL7 over HTTP's own, its later and its earlier spelling, and what people send."""

_STATUS = {ReceiptCode.ACCEPTED: 200, ReceiptCode.REJECTED: 400, ReceiptCode.FAILED: 503}
_AGAIN = {"retry-after": "10"}
_CHARSET = re.compile(r"[A-Za-z0-9/_.:+ -]{1,40}\Z")
_DISCARD_FOR = 2.0  # seconds in which the rest of a refused request is read, so that its sender sees the answer
_PEERS = 1000
_FINDINGS = {
    "HTTP-101": ("sent no valid bearer token", "have the partner send the token of this channel"),
    "HTTP-102": ("sent a body that is too large", "raise `limit`, or have the partner send less at once"),
    "HTTP-103": ("sent a request too slowly", "look at the network between, or raise `patience`"),
    "HTTP-104": ("sent a content type that is not taken here", "have the partner send application/hl7-v2"),
    "HTTP-105": ("showed a certificate that is not in client_names", "its connection was closed"),
    "HTTP-106": ("opened a connection too many", "raise `connections`, or find out why a sender opens so many"),
}


class _RefusedError(Exception):
    """The request is answered without being handed to the engine."""

    def __init__(self, status: int, text: str, finding: str = "", **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.finding = finding
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class HttpInbound:
    """Takes the body of each POST as one message and answers once the engine has it durable.

    HL7 v2 is answered with an acknowledgment (HL7 over HTTP): 200 with AA, 400 with AR when the message is rejected,
    503 with AE when it could not be made durable and should be sent again. Any other body is answered with 202 and its
    id. Compressed bodies (gzip) are taken.

    Adds `http.peer`, and with mutual TLS `http.client`.

    Args:
        listen: The address to listen on, host:port.
        path: The path that is posted to; any other is answered 404.
        tls: TLS; with `clients`, partners must show a certificate (mutual TLS).
        token: The bearer token that a partner must send; write ${...}.
        format: What bodies hold: `hl7v2`, `text`, `binary`, or `auto` to tell by the content.
        charset: The character set of messages without MSH-18 when the request names none, a name of HL7 table 0211.
        limit: The largest body that is taken, compressed or not; a larger one is answered 413.
        patience: How long the head, and then the body, of a request may take to arrive.
        connections: How many connections are open at most; further ones are closed.
        idle: How long a connection may be silent between requests before it is closed.
        always_200: Answer 200 with every acknowledgment, AE and AR included, as HL7 over HTTP asks for; without it the
            status says the same as the acknowledgment, so that no sender takes AE for success.
        share_address: Lets several engine processes of this machine listen on the same address; they share connections.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        listen: Listen,
        path: str = "/",
        tls: ServerTls | None = None,
        token: Secret | None = None,
        format: Format = "hl7v2",
        charset: str | None = None,
        limit: Size = 16 << 20,
        patience: Duration = timedelta(minutes=1),
        connections: int = 1000,
        idle: Duration = timedelta(minutes=1),
        always_200: bool = False,
        share_address: bool = False,
    ) -> None:
        self._context = context
        self._listen = listen
        self._path = f"/{path.lstrip('/')}"
        self._tls = tls
        self._token = token.get_secret_value().encode() if token else None
        self._format: Format = format
        self._charset = charset
        self._limit = limit
        self._patience = patience.total_seconds()
        self._limits = Limits(connections, self._patience, idle.total_seconds())
        self._always_200 = always_200
        self._answers = Answers("always")  # HTTP has no silence: who wants no acknowledgment may overlook it
        self._share_address = share_address
        self._reading: set[asyncio.Timeout] = set()
        self._seen: Counter[tuple[str, str]] = Counter()
        self.port = listen.port
        """The port listened on, once `serve` is ready: the one that the system chose when `listen` names port 0."""

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        """Take messages until cancelled; see `channels.ends.Inbound`."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            response = await self._respond(request, accept)
            if response is not None:
                await response(scope, receive, send)

        context = self._tls.context(self._context.report) if self._tls else None
        listener = await self._bind()
        self.port = listener.getsockname()[1]
        server = Server(
            app,
            limits=self._limits,
            tls=self._tls,
            context=context,
            listening=ready,
            stopping=self._hurry,
            refused=self._report,
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.stop()
            await serving
            raise
        finally:
            listener.close()

    async def _bind(self) -> socket.socket:
        host, port = self._listen.host, self._listen.port
        loop = asyncio.get_running_loop()
        family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._share_address:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(address)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        return listener

    async def _respond(self, request: Request, accept: Accept) -> Response | None:
        """The answer to `request`; None when its sender is gone."""
        peer = request.client.host if request.client else "unknown"
        try:
            self._check(request)
            body = await self._body(request)
        except ClientDisconnect:
            return None
        except _RefusedError as refused:
            if refused.finding:
                self._report(refused.finding, peer)
            if refused.status != 408 and "expect" not in request.headers:
                await self._discard(request)
            headers = {**refused.headers, "connection": "close"}
            return Response(f"{refused.text}\n", refused.status, headers, "text/plain; charset=utf-8")
        message = self._message(request, peer, body)
        try:
            receipt = await accept(message)
        except Exception as error:  # whatever it is, the sender must not take it for success
            kind = type(error).__name__
            self._context.report(
                Finding("HTTP-107", f"http {self._listen}", f"accepting a message failed with {kind}", "see the log")
            )
            receipt = Receipt(ReceiptCode.FAILED, "the engine could not take the message", error="207")
        return self._answer(message, receipt)

    def _check(self, request: Request) -> None:
        """Refuse what needs no look at the body."""
        if request.url.path != self._path:
            raise _RefusedError(404, "Nothing is taken here.")
        if request.method != "POST":
            raise _RefusedError(405, "Only POST is taken here.", allow="POST")
        if self._token is not None:
            self._authorize(request.headers.get("authorization", ""), self._token)
        kind = _media_type(request)
        if self._format == HL7V2 and kind and kind not in HL7_TYPES:
            raise _RefusedError(415, f"Send {HL7_TYPES[0]}.", "HTTP-104", accept=", ".join(HL7_TYPES))
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "", *ENCODINGS):
            raise _RefusedError(415, "Send the body as it is or in gzip.", accept_encoding="gzip, identity")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit:
            self._too_large()

    def _authorize(self, header: str, token: bytes) -> None:
        scheme, _, given = header.partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), token)
        if scheme.lower() != "bearer" or not right:
            challenge = 'Bearer error="invalid_token"' if header else "Bearer"
            raise _RefusedError(401, "A valid bearer token is needed.", "HTTP-101", www_authenticate=challenge)

    async def _body(self, request: Request) -> bytes:
        coding = request.headers.get("content-encoding", "").strip().lower()
        body = Body(self._limit, coding if coding in ENCODINGS else "")
        try:
            async with self._within(self._patience):
                async for chunk in request.stream():
                    body.add(chunk)
            return body.whole()
        except TooLargeError:
            self._too_large()
        except DamagedError:
            raise _RefusedError(400, "The body is not what Content-Encoding says.") from None
        except TimeoutError:
            raise _RefusedError(408, "The request took too long to arrive.", "HTTP-103") from None

    def _too_large(self) -> NoReturn:
        raise _RefusedError(413, f"The body is larger than the {self._limit} bytes taken here.", "HTTP-102")

    @contextlib.asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        """Give the block so many seconds, and fewer when the end is stopped meanwhile."""
        async with asyncio.timeout(seconds) as limit:
            self._reading.add(limit)
            try:
                yield
            finally:
                self._reading.discard(limit)

    def _hurry(self) -> None:
        soonest = asyncio.get_running_loop().time() + LINGER
        for limit in self._reading:
            limit.reschedule(min(limit.when() or soonest, soonest))

    async def _discard(self, request: Request) -> None:
        """Read what its sender is still writing, within bounds: closing at once could take the answer away from it."""
        left = self._limit
        with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
            async with self._within(_DISCARD_FOR):
                async for chunk in request.stream():
                    left -= len(chunk)
                    if left < 0:
                        return

    def _message(self, request: Request, peer: str, body: bytes) -> Message:
        attributes = {"http.peer": peer}
        if request.scope.get("state", {}).get("client"):
            attributes["http.client"] = request.scope["state"]["client"]
        charset = _charset(request) or self._charset
        if charset:
            attributes["body.charset"] = charset
        format = sniff(body) if self._format == "auto" else self._format
        if self._format == "auto" and format == TEXT and _media_type(request) in HL7_TYPES[:3]:
            format = HL7V2  # damaged, and to be answered as HL7 v2
        return Message(
            id=self._context.new_id(),
            channel=self._context.channel,
            format=format,
            body=body,
            received=self._context.now(),
            attributes=attributes,
        )

    def _answer(self, message: Message, receipt: Receipt) -> Response:
        headers = _AGAIN if receipt.code == ReceiptCode.FAILED else {}
        if message.format == HL7V2:
            status = 200 if self._always_200 else _STATUS[receipt.code]
            ack = self._answers.to(message.body, receipt, self._context.new_id()[-20:], self._context.now())
            return _hl7(status, ack.removeprefix(VT).removesuffix(END), headers)
        if receipt.code == ReceiptCode.ACCEPTED:
            return _json(202, {"id": message.id}, headers)
        return _json(_STATUS[receipt.code], {"id": message.id, "error": receipt.reason or receipt.code.value}, headers)

    def _report(self, code: str, peer: str) -> None:
        """Report what `peer` did; of what it does again and again, the 1st, 2nd, 4th, 8th time and so on."""
        if (code, peer) not in self._seen and len(self._seen) >= _PEERS:
            self._seen.clear()
        self._seen[code, peer] += 1
        times = self._seen[code, peer]
        if times & (times - 1) == 0:
            what, hint = _FINDINGS[code]
            again = f" (time {times})" if times > 1 else ""
            self._context.report(Finding(code, f"http {self._listen}", f"{peer} {what}{again}", hint, Severity.WARNING))


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _charset(request: Request) -> str:
    """The charset parameter of Content-Type, "" when there is none that could be a name."""
    for parameter in request.headers.get("content-type", "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            value = value.strip().strip('"')
            return value if _CHARSET.match(value) else ""
    return ""


def _hl7(status: int, ack: bytes, headers: Mapping[str, str]) -> Response:
    try:
        ack.decode()
    except UnicodeDecodeError:
        return Response(ack, status, headers, HL7_TYPES[0])  # MSH-18 names its character set
    return Response(ack, status, headers, f"{HL7_TYPES[0]}; charset=utf-8")


def _json(status: int, content: dict[str, str], headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")
