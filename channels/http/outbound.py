"""The outbound `http` end: each message is the body of one POST."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import quote

import httpx

from channels.acknowledgment import AckPolicy, Verdict
from channels.ends import EndContext, Outcome, OutcomeCode
from channels.http.reply import Reply, judge
from channels.tls import ClientTls, TlsError
from schemas.hl7v2 import Hl7Error, header
from schemas.message import HL7V2, TEXT, Message, is_attribute, template_paths
from schemas.values import Duration, Secret, Template

REPLY_LIMIT = 65_536
"""How much of an answer's body is read and kept, in bytes."""

_CONNECT = 10.0
_KEEP = (
    4.0  # shorter than the 5 seconds after which many servers close, so that we seldom write to a closing connection
)
_NOT_IN_VALUES = {ord(each): "_" for each in "\r\n\0"}


class HttpOutbound:
    """Posts each message to a URL and takes what the partner answers for the outcome.

    An HL7 v2 acknowledgment in the answer decides: AA is delivered, AE and AR as `on_error` and `on_reject` say.
    Without one the status does: 2xx is delivered; 408, 425, 429, 5xx and a network that fails are tried again, after
    Retry-After where the partner names it; 3xx, 401, 403 and 407 make the route wait, for the address or our
    credentials are wrong and not the message; any other status refuses the message.

    Args:
        url: Where to post. What the message fills in is percent-encoded, save an attribute at the very beginning
            (`{subscriber.address}`), which is a URL itself.
        tls: TLS: the authorities that the partner's certificate must come from, and the certificate that we show.
            Without it, https trusts the system's authorities.
        token: The bearer token that is sent; write ${...}.
        headers: Further headers.
        content_type: The content type; by the message's format unless given (HL7 v2: application/hl7-v2).
        timeout: How long one delivery may take, from connecting to the end of the answer.
        connections: How many connections are open at most.
        on_error: What AE and CE mean: `retry`, `refuse`, or `accept` them as delivered.
        on_reject: What AR and CR mean, likewise.
        require_ack: Take an HL7 v2 message for delivered only when an acknowledgment came, whatever the status.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        url: Template,
        tls: ClientTls | None = None,
        token: Secret | None = None,
        headers: dict[str, Template] | None = None,
        content_type: str | None = None,
        timeout: Duration = timedelta(seconds=30),
        connections: int = 10,
        on_error: Verdict = "retry",
        on_reject: Verdict = "refuse",
        require_ack: bool = False,
    ) -> None:
        self._context = context
        self._url = url
        self._tls = tls or ClientTls()
        self._token = token
        self._headers = headers or {}
        self._content_type = content_type
        self._timeout = timeout.total_seconds()
        self._connections = connections
        self._policy = AckPolicy(on_error, on_reject)
        self._require_ack = require_ack
        self._client: httpx.AsyncClient | None = None
        for name in ("httpx", "httpcore"):  # they log each URL, which a template may have filled from the message
            logging.getLogger(name).setLevel(logging.WARNING)

    async def deliver(self, message: Message) -> Outcome:
        """Post `message` once and say what became of it; see `channels.ends.Outbound`."""
        try:
            reply = await asyncio.wait_for(self._post(message), self._timeout)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            return Outcome(OutcomeCode.REFUSED, "the url that the message fills in is none of http or https")
        except TlsError as error:
            return Outcome(OutcomeCode.DEFERRED, str(error), unreachable=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            return Outcome(OutcomeCode.DEFERRED, f"the partner cannot be reached: {_reason(error)}", unreachable=True)
        except (TimeoutError, httpx.TimeoutException):
            return Outcome(OutcomeCode.DEFERRED, f"no answer within {self._timeout:g} s")
        except httpx.LocalProtocolError:
            return Outcome(OutcomeCode.REFUSED, "a header holds what HTTP does not allow; look at `headers`")
        except httpx.TransportError as error:
            return Outcome(OutcomeCode.DEFERRED, f"the connection broke: {type(error).__name__}")
        required = self._require_ack and message.format == HL7V2
        return judge(reply, self._policy, _control_id(message), required, self._context.now())

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _post(self, message: Message) -> Reply:
        url = httpx.URL(self._fill_url(message))
        if url.scheme not in ("http", "https") or not url.host:
            raise httpx.UnsupportedProtocol("")
        headers = {name: message.fill(text, _one_line) for name, text in self._headers.items()}
        headers["content-type"] = self._content_type or _content_type(message)
        headers["accept-encoding"] = "identity"  # an answer that decompresses without end is not for us
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.get_secret_value()}"
        extensions = {"sni_hostname": self._tls.server_name} if self._tls.server_name else {}
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
        paths = template_paths(self._url)
        start = f"{{{paths[0]}}}" if paths else ""
        if start and self._url.startswith(start) and is_attribute(paths[0]):
            return message.get(paths[0]) + message.fill(self._url.removeprefix(start), _quoted)
        return message.fill(self._url, _quoted)

    def _connected(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._tls.context(self._context.report),
                limits=httpx.Limits(
                    max_connections=self._connections,
                    max_keepalive_connections=self._connections,
                    keepalive_expiry=_KEEP,
                ),
                timeout=httpx.Timeout(self._timeout, connect=min(_CONNECT, self._timeout)),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


def _control_id(message: Message) -> str:
    if message.format != HL7V2:
        return ""
    try:
        return header(message.body).control_id
    except Hl7Error:
        return ""


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _one_line(text: str) -> str:
    return text.translate(_NOT_IN_VALUES)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in headers.items()]


def _content_type(message: Message) -> str:
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
