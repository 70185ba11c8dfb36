"""What becomes of one request to the inbound `http` end: checked, read, handed over, answered."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import NoReturn, Protocol

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from channels.ends import Accept, EndContext, Receipt, ReceiptCode
from channels.formats import Format, sniff
from channels.http.body import ENCODINGS, DamagedError, TooLargeError
from channels.http.noticed import CONNECTIONS, Noticed
from channels.http.reading import Reading, content_coding, declared_length
from channels.mllp.answer import Answers
from channels.mllp.framing import END, VT
from schemas.finding import Finding
from schemas.message import FHIR, HL7V2, TEXT, Message
from schemas.values import Address

HL7_TYPES = ("application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/plain")
"""The content types of ER7: HL7 over HTTP's own, its later and its earlier spelling, and what people send."""
FHIR_TYPES = ("application/fhir+json", "application/json+fhir", "application/json")
"""The content types of FHIR in JSON: R4's own, that of the early versions, and what people send."""

_TYPES = {HL7V2: HL7_TYPES, FHIR: FHIR_TYPES}
_STATUS = {ReceiptCode.ACCEPTED: 200, ReceiptCode.REJECTED: 400, ReceiptCode.FAILED: 503}
_AGAIN = {"retry-after": "10"}
_CHARSET = re.compile(r"[A-Za-z0-9/_.:+ -]{1,40}\Z")
_FINDINGS = {
    "HTTP-101": ("sent no valid bearer token", "have the partner send the token of this channel"),
    "HTTP-102": ("sent a body that is too large", "raise `limit`, or have the partner send less at once"),
    "HTTP-103": ("sent a request too slowly", "look at the network between, or raise `patience`"),
    "HTTP-104": (
        "sent a content type that is not taken here",
        "have the partner send one that the answer's Accept names",
    ),
    **CONNECTIONS,
}


class _RefusedError(Exception):
    """The request is answered without being handed to the engine."""

    def __init__(self, status: int, text: str, finding: str = "", **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.finding = finding
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Listener(Protocol):
    """The end that is worked for: its options, as `HttpInbound` describes them."""

    context: EndContext
    listen: Address
    path: str
    token: bytes | None
    format: Format
    charset: str | None
    limit: int
    patience: float
    always_200: bool


class Reception:
    """Answers the requests of one listening end."""

    def __init__(self, end: Listener, accept: Accept) -> None:
        self._end = end
        self._accept = accept
        self._answers = Answers("always")  # HTTP has no silence: who wants no acknowledgment may overlook it
        self._reading = Reading(end.limit, end.patience)
        self._noticed = Noticed(end.context.report, f"http {end.listen}", _FINDINGS)
        self.hurry = self._reading.hurry
        self.report = self._noticed.report

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        response = await self._respond(Request(scope, receive))
        if response is not None:
            await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response | None:
        """The answer to `request`; None when its sender is gone."""
        peer = request.client.host if request.client else "unknown"
        try:
            self._check(request)
            body = await self._body(request)
        except ClientDisconnect:
            return None
        except _RefusedError as refused:
            if refused.finding:
                self.report(refused.finding, peer)
            if refused.status != 408 and "expect" not in request.headers:
                await self._reading.discard(request)
            headers = {**refused.headers, "connection": "close"}
            return Response(f"{refused.text}\n", refused.status, headers, "text/plain; charset=utf-8")
        message = self._message(request, peer, body)
        try:
            receipt = await self._accept(message)
        except Exception as error:  # whatever it is, the sender must not take it for success
            kind = type(error).__name__
            self._end.context.report(
                Finding(
                    "HTTP-107", f"http {self._end.listen}", f"accepting a message failed with {kind}", "see the log"
                )
            )
            receipt = Receipt(ReceiptCode.FAILED, "the engine could not take the message", error="207")
        return self._answer(message, receipt)

    def _check(self, request: Request) -> None:
        """Refuse what needs no look at the body."""
        if request.url.path != self._end.path:
            raise _RefusedError(404, "Nothing is taken here.")
        if request.method != "POST":
            raise _RefusedError(405, "Only POST is taken here.", allow="POST")
        if self._end.token is not None:
            self._authorize(request.headers.get("authorization", ""), self._end.token)
        kind = _media_type(request)
        taken = _TYPES.get(self._end.format)
        if taken is not None and kind and kind not in taken:
            raise _RefusedError(415, f"Send {taken[0]}.", "HTTP-104", accept=", ".join(taken))
        if content_coding(request) not in ("", *ENCODINGS):
            raise _RefusedError(415, "Send the body as it is or in gzip.", accept_encoding="gzip, identity")
        if declared_length(request) > self._end.limit:
            self._too_large()

    def _authorize(self, header: str, token: bytes) -> None:
        scheme, _, given = header.partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), token)
        if scheme.lower() != "bearer" or not right:
            challenge = 'Bearer error="invalid_token"' if header else "Bearer"
            raise _RefusedError(401, "A valid bearer token is needed.", "HTTP-101", www_authenticate=challenge)

    async def _body(self, request: Request) -> bytes:
        try:
            return await self._reading.body(request)
        except TooLargeError:
            self._too_large()
        except DamagedError:
            raise _RefusedError(400, "The body is not what Content-Encoding says.") from None
        except TimeoutError:
            raise _RefusedError(408, "The request took too long to arrive.", "HTTP-103") from None

    def _too_large(self) -> NoReturn:
        raise _RefusedError(413, f"The body is larger than the {self._end.limit} bytes taken here.", "HTTP-102")

    def _message(self, request: Request, peer: str, body: bytes) -> Message:
        attributes = {"http.peer": peer}
        if request.scope.get("state", {}).get("client"):
            attributes["http.client"] = request.scope["state"]["client"]
        charset = _charset(request) or self._end.charset
        if charset:
            attributes["body.charset"] = charset
        format = sniff(body) if self._end.format == "auto" else self._end.format
        if self._end.format == "auto" and format == TEXT and _media_type(request) in HL7_TYPES[:3]:
            format = HL7V2  # damaged, and to be answered as HL7 v2
        if self._end.format == "auto" and format == TEXT and _media_type(request) == FHIR_TYPES[0]:
            format = FHIR  # damaged, and to be rejected as FHIR
        return Message(
            id=self._end.context.new_id(),
            channel=self._end.context.channel,
            format=format,
            body=body,
            received=self._end.context.now(),
            attributes=attributes,
        )

    def _answer(self, message: Message, receipt: Receipt) -> Response:
        headers = _AGAIN if receipt.code == ReceiptCode.FAILED else {}
        if message.format == HL7V2:
            status = 200 if self._end.always_200 else _STATUS[receipt.code]
            ack = self._answers.to(message.body, receipt, self._end.context.new_id()[-20:], self._end.context.now())
            return _hl7(status, ack.removeprefix(VT).removesuffix(END), headers)
        if receipt.code == ReceiptCode.ACCEPTED:
            return _json(202, {"id": message.id}, headers)
        return _json(_STATUS[receipt.code], {"id": message.id, "error": receipt.reason or receipt.code.value}, headers)


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
