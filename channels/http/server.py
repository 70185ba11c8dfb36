"""An HTTP server inside the engine's own event loop: uvicorn, with the limits that it lacks, and an orderly stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from channels.tls import ClientCertificate, ServerTls
from schemas.values import Address

LINGER = 5.0
"""Seconds that a partner is given, when the end stops, to send the rest of a request and to read the last answer."""
HEAD_LIMIT = 65_536
"""The longest request line with its headers, in bytes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server grants its clients: open connections, seconds for a request's head, idle seconds after it."""

    connections: int
    head: float
    idle: float


class Connection(HttpToolsProtocol):
    """One client's connection: uvicorn's, with a time and a size limit for the head of each request."""

    def __init__(
        self, limits: Limits, tls: ServerTls | None, refused: Callable[[str, str], None], **others: Any
    ) -> None:
        super().__init__(**others)
        self._limits = limits
        self._tls = tls
        self._refused = refused
        self._head = 0
        self._in_head = True
        self._is_shut = False
        self._timer: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it at once when there are too many or the client is not admitted."""
        super().connection_made(transport)
        peer = self.client[0] if self.client else "unknown"
        certificate = ClientCertificate.of(transport.get_extra_info("ssl_object"))
        if self._tls is not None and not self._tls.admits(certificate):
            self._refused("HTTP-105", peer)
            self._shut()
        elif len(self.connections) > self._limits.connections:
            self._refused("HTTP-106", peer)
            self._shut()
        else:
            self.app_state = {
                **self.app_state,
                "client": certificate.subject if certificate else "",
                "certificate": certificate,
            }
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._head_came()
        super().connection_lost(exc)
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; close a connection whose head grows beyond every measure."""
        if self._is_shut:
            return
        if self._in_head:
            self._head += len(data)
            self._await_head()
        super().data_received(data)
        if self._in_head and self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response("The request's head is too long.")
            self._is_shut = True

    def on_headers_complete(self) -> None:
        """The head is whole: from here the application keeps the time."""
        self._in_head = False
        self._head_came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes belong to the head of the next request."""
        self._in_head, self._head = True, 0
        super().on_message_complete()

    def _shut(self) -> None:
        """Close, and overlook what still comes: TLS hands over what it had decrypted before it noticed."""
        self._is_shut = True
        self.transport.close()

    def _await_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._limits.head, self._too_slow)

    def _too_slow(self) -> None:
        self._timer = None
        if self.cycle is None or self.cycle.response_complete:
            self._shut()
        else:  # the answer to the request before comes first
            self._await_head()

    def _head_came(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Server(uvicorn.Server):
    """Serves one application on one socket; the engine keeps its signal handlers."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        tls: ServerTls | None,
        context: ssl.SSLContext | None,
        listening: Callable[[], None],
        stopping: Callable[[], None],
        refused: Callable[[str, str], None],
    ) -> None:
        protocol = functools.partial(Connection, limits, tls, refused)
        config = uvicorn.Config(
            app,
            http=cast("type[asyncio.Protocol]", protocol),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,  # a path or a query may carry what nobody should read in a log
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=max(1, round(limits.idle)),
        )
        config.load()
        config.ssl = context
        super().__init__(config)
        self._listening = listening
        self._stopping = stopping
        self._stopped = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the engine."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self._listening()

    async def main_loop(self) -> None:
        """Keep the Date header until the end."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 1.0)

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve on `listener` until cancelled, then end in order; the socket is closed."""
        serving = asyncio.create_task(self.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.stop()
            await serving
            raise
        finally:
            listener.close()

    def stop(self) -> None:
        """Have `serve` end in order."""
        self.should_exit = True
        self._stopped.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, answer those under way, then close every connection."""
        for server in self.servers:
            server.close()
        self._stopping()
        connections = cast("set[Connection]", self.server_state.connections)
        for connection in list(connections):
            connection.shutdown()
        while tasks := set(self.server_state.tasks):
            await asyncio.wait(tasks)
        if open_still := {connection.closed for connection in connections}:
            await asyncio.wait(open_still, timeout=LINGER)
        for connection in list(connections):
            connection.transport.abort()


async def bind(address: Address, *, share: bool) -> socket.socket:
    """A socket bound to `address`, to be shared with other processes or not. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, where = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(where)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
