"""Posting messages: the connections of one outbound `http` end, and what goes over them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

import httpx

from channels.ends import EndContext, Outcome, OutcomeCode
from channels.http.client import new_client
from channels.http.reply import Reply, judge
from channels.mllp.verdict import Policy
from channels.tls import ClientTls, TlsError
from schemas.error import BodyError
from schemas.hl7v2 import Hl7Error, header
from schemas.message import FHIR, HL7V2, TEXT, Message, is_attribute, template_paths
from schemas.values import Secret

REPLY_LIMIT = 65_536
"""How much of an answer's body is read and kept, in bytes."""
FHIR_TYPE = "application/fhir+json"
"""The content type of FHIR in JSON, which is always UTF-8 (R4, 3.1.0.1.10)."""

_NOT_IN_VALUES = {ord(each): "_" for each in "\r\n\0"}


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
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            return Outcome(OutcomeCode.REFUSED, "the url that the message fills in is none of http or https")
        except BodyError as error:
            return Outcome(OutcomeCode.REFUSED, f"url and headers cannot be filled from this message: {error}")
        except TlsError as error:
            return Outcome(OutcomeCode.DEFERRED, str(error), unreachable=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            return Outcome(OutcomeCode.DEFERRED, f"the partner cannot be reached: {_reason(error)}", unreachable=True)
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(OutcomeCode.DEFERRED, f"no answer within {self._end.timeout:g} s")
        except httpx.LocalProtocolError:
            return Outcome(OutcomeCode.REFUSED, "a header holds what HTTP does not allow; look at `headers`")
        except httpx.TransportError as error:
            return Outcome(OutcomeCode.DEFERRED, f"the connection broke: {type(error).__name__}")
        required = self._end.require_ack and message.format == HL7V2
        return judge(reply, self._end.policy, _control_id(message), required, self._end.context.now())

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _post(self, message: Message) -> Reply:
        url = httpx.URL(self._fill_url(message))
        if url.scheme not in ("http", "https") or not url.host:
            raise httpx.UnsupportedProtocol("")
        headers = {name: message.fill(text, _one_line) for name, text in self._end.headers.items()}
        headers["content-type"] = self._end.content_type or _content_type(message)
        headers["accept-encoding"] = "identity"  # an answer that decompresses without end is not for us
        if self._end.token is not None:
            headers["authorization"] = f"Bearer {self._end.token.get_secret_value()}"
        extensions = {"sni_hostname": self._end.tls.server_name} if self._end.tls.server_name else {}
        request = self._connected().build_request(
            "POST", url, content=message.body, headers=_encoded(headers), extensions=extensions
        )
        response = await self._connected().send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= REPLY_LIMIT:
                    break
            return Reply(response.status_code, bytes(body[:REPLY_LIMIT]), response.headers.get("retry-after", ""))
        finally:
            await response.aclose()

    def _fill_url(self, message: Message) -> str:
        paths = template_paths(self._end.url)
        start = f"{{{paths[0]}}}" if paths else ""
        if start and self._end.url.startswith(start) and is_attribute(paths[0]):
            return message.get(paths[0]) + message.fill(self._end.url.removeprefix(start), _quoted)
        return message.fill(self._end.url, _quoted)

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


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _one_line(text: str) -> str:
    return text.translate(_NOT_IN_VALUES)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in headers.items()]


def _content_type(message: Message) -> str:
    if message.format == FHIR:
        return FHIR_TYPE
    if message.format not in (HL7V2, TEXT):
        return "application/octet-stream"
    kind = "application/hl7-v2" if message.format == HL7V2 else "text/plain"
    try:
        message.body.decode()
    except UnicodeDecodeError:
        return kind  # MSH-18 names its character set
    return f"{kind}; charset=utf-8"


def _reason(error: httpx.TransportError) -> str:
    """The system's own words for a connection that did not come about."""
    return str(error) or ("connecting took too long" if isinstance(error, httpx.ConnectTimeout) else "no reason given")
