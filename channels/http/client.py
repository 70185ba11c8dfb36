"""The HTTP client of our ends: it keeps connections, and follows, remembers, logs and trusts nothing by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from channels.tls import ClientTls
from schemas.finding import Finding

_CONNECT = 10.0
_KEEP = 4.0  # many servers close after 5 seconds; we should not be writing just then

for _name in ("httpx", "httpcore"):  # they log each URL, which a template may have filled from the message
    logging.getLogger(_name).setLevel(logging.WARNING)


def new_client(
    tls: ClientTls, report: Callable[[Finding], None], connections: int, timeout: float, *, http2: bool = False
) -> httpx.AsyncClient:
    """A client of at most so many connections, whose requests may take `timeout` seconds; raises `TlsError`.

    With `http2`, it speaks HTTP/2 with whom offers it in the TLS handshake.
    """
    return httpx.AsyncClient(
        verify=tls.context(report),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEP),
        timeout=httpx.Timeout(timeout, connect=min(_CONNECT, timeout)),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        http2=http2,
        follow_redirects=False,
        trust_env=False,
    )
