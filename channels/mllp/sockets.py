"""What both directions do with a socket."""

from __future__ import annotations

import asyncio
import socket

FLUSH_AFTER = 0.05
"""Seconds that a frame may lack the CR after its FS before it counts as whole."""
LINGER = 5.0
"""Seconds that a partner is given to take our last bytes before its connection is cut."""

_INTERNET = (socket.AF_INET, socket.AF_INET6)


def peer_name(transport: asyncio.BaseTransport) -> str:
    """The partner's IP address."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else "unknown"


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Have the system notice within two minutes that a silent partner is gone."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in _INTERNET:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def protocol_hint(start: bytes) -> str:
    """What an engineer should look at when a partner's bytes begin with `start` instead of an MLLP frame."""
    if start[:2] in (b"\x16\x03", b"\x15\x03"):
        return "the partner speaks TLS and this end does not: give it `tls`, or have the partner use none"
    if start.startswith((b"GET ", b"POST ", b"PUT ", b"HTTP/", b"HEAD ", b"OPTIONS ")):
        return "the partner speaks HTTP: use the http end, or correct the partner's address"
    if start.startswith((b"MSH", b"FHS", b"BHS")):
        return "messages came without the MLLP start byte (0x0B): have the partner turn MLLP framing on"
    return "have the partner send MLLP frames only: 0x0B, message, 0x1C 0x0D"
