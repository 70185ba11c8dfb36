"""What ends that send over HTTP have in common: addresses and headers filled, answers read in bounds, failures told."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import httpx

from channels.ends import Outcome, OutcomeCode
from channels.tls import TlsError
from schemas.error import BodyError
from schemas.message import Message, is_attribute, template_paths

FAILURES = (httpx.HTTPError, httpx.InvalidURL, TlsError, TimeoutError, BodyError)
"""What sending may raise without a defect of ours; `failure` says what each means."""

_NOT_IN_VALUES = {ord(each): "_" for each in "\r\n\0"}


def fill_url(template: str, message: Message) -> httpx.URL:
    """The URL that `template` becomes for `message`: what it fills in is percent-encoded, save an attribute at the very
    beginning, which is a URL itself. Raises `httpx.InvalidURL`, `httpx.UnsupportedProtocol`, `BodyError`."""
    paths = template_paths(template)
    start = f"{{{paths[0]}}}" if paths else ""
    if start and template.startswith(start) and is_attribute(paths[0]):
        text = message.get(paths[0]) + message.fill(template.removeprefix(start), _quoted)
    else:
        text = message.fill(template, _quoted)
    url = httpx.URL(text)
    if url.scheme not in ("http", "https") or not _host(url):
        raise httpx.UnsupportedProtocol("")
    return url


def fill_headers(templates: Mapping[str, str], message: Message) -> dict[str, str]:
    """The headers that `templates` become for `message`, each of one line; raises `BodyError`."""
    return {name: message.fill(text, _one_line) for name, text in templates.items()}


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """`headers` for the wire."""
    return [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in headers.items()]


async def read_some(response: httpx.Response, limit: int) -> bytes:
    """The body of `response` as it comes, of which no more than `limit` bytes are read."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])


def failure(error: Exception, timeout: float) -> Outcome:
    """What one of `FAILURES` means for the delivery that it ended, which might take `timeout` seconds."""
    match error:
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return Outcome(OutcomeCode.REFUSED, "the url that the message fills in is none of http or https")
        case BodyError():
            return Outcome(OutcomeCode.REFUSED, f"url and headers cannot be filled from this message: {error}")
        case TlsError():
            return Outcome(OutcomeCode.DEFERRED, str(error), unreachable=True)
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError():
            return Outcome(OutcomeCode.DEFERRED, f"the partner cannot be reached: {_reason(error)}", unreachable=True)
        case TimeoutError() | httpx.TimeoutException():
            return Outcome(OutcomeCode.DEFERRED, f"no answer within {timeout:g} s")
        case httpx.LocalProtocolError():
            return Outcome(OutcomeCode.REFUSED, "a header holds what HTTP does not allow; look at `headers`")
    return Outcome(OutcomeCode.DEFERRED, f"the connection broke: {type(error).__name__}")


def _host(url: httpx.URL) -> str:
    """The host, which httpx decodes where it begins with `xn--`, as it does again when it sends."""
    try:
        return url.host
    except UnicodeError:
        raise httpx.InvalidURL("") from None


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _one_line(text: str) -> str:
    return text.translate(_NOT_IN_VALUES)


def _reason(error: Exception) -> str:
    """The system's own words for a connection that did not come about."""
    return str(error) or ("connecting took too long" if isinstance(error, httpx.ConnectTimeout) else "no reason given")
