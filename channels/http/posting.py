"""Posting messages: the connections of one outbound `http` end, and what goes over them."""

from __future__ import annotations

import asyncio
from typing import Protocol

import httpx

from channels.ends import EndContext, Outcome
from channels.http.client import new_client
from channels.http.reply import Reply, judge
from channels.http.request import FAILURES, encoded, failure, fill_headers, fill_url, read_some
from channels.mllp.verdict import Policy
from channels.tls import ClientTls
from schemas.hl7v2 import Hl7Error, header
from schemas.message import CCDA, FHIR, HL7V2, TEXT, Message
from schemas.values import Secret

REPLY_LIMIT = 65_536
"""How much of an answer's body is read and kept, in bytes."""
FHIR_TYPE = "application/fhir+json"
CCDA_TYPE = "text/xml"
"""The content type of FHIR in JSON, which is always UTF-8 (R4, 3.1.0.1.10)."""


class Poster(Protocol):
    """The end that is worked for: its options, as `HttpOutbound` describes them."""

    context: EndContext
    url: str
    tls: ClientTls
    token: Secret | None
    headers: dict[str, str]
    content_type: str | None
    timeout: float
    connections: int
    policy: Policy
    require_ack: bool


class Posting:
    """Posts the messages of one end over connections that are kept."""

    def __init__(self, end: Poster) -> None:
        self._end = end
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, message: Message) -> Outcome:
        """Post `message` once and say what became of it; see `channels.ends.Outbound`."""
        try:
            reply = await asyncio.wait_for(self._post(message), self._end.timeout)
        except FAILURES as error:
            return failure(error, self._end.timeout)
        required = self._end.require_ack and message.format == HL7V2
        return judge(reply, self._end.policy, _control_id(message), required, self._end.context.now())

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _post(self, message: Message) -> Reply:
        url = fill_url(self._end.url, message)
        headers = fill_headers(self._end.headers, message)
        headers["content-type"] = self._end.content_type or _content_type(message)
        headers["accept-encoding"] = "identity"  # an answer that decompresses without end is not for us
        if self._end.token is not None:
            headers["authorization"] = f"Bearer {self._end.token.get_secret_value()}"
        extensions = {"sni_hostname": self._end.tls.server_name} if self._end.tls.server_name else {}
        request = self._connected().build_request(
            "POST", url, content=message.body, headers=encoded(headers), extensions=extensions
        )
        response = await self._connected().send(request, stream=True)
        try:
            body = await read_some(response, REPLY_LIMIT)
            return Reply(response.status_code, body, response.headers.get("retry-after", ""))
        finally:
            await response.aclose()

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            end = self._end
            self._client = new_client(end.tls, end.context.report, end.connections, end.timeout)
        return self._client


def _control_id(message: Message) -> str:
    if message.format != HL7V2:
        return ""
    try:
        return header(message.body).control_id
    except Hl7Error:
        return ""


def _content_type(message: Message) -> str:
    if message.format == FHIR:
        return FHIR_TYPE
    if message.format == CCDA:
        return CCDA_TYPE  # the document's own declaration names its encoding
    if message.format not in (HL7V2, TEXT):
        return "application/octet-stream"
    kind = "application/hl7-v2" if message.format == HL7V2 else "text/plain"
    try:
        message.body.decode()
    except UnicodeDecodeError:
        return kind  # MSH-18 names its character set
    return f"{kind}; charset=utf-8"
