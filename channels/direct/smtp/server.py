"""SMTP in: a listening socket, a connection for each sender, and 250 when a mail's receiver has it safe."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from channels.direct.smtp.connection import Receive, SmtpConnection
from schemas.finding import Finding, Severity
from schemas.values import Address

_PLACES = 1000  # partners' repeated findings that are told apart before counting begins anew
_GRACE = 30.0  # seconds that a mail under way is given when the server closes


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How an SMTP server behaves: `users` (name to password) must log in where there are any; times in seconds."""

    listen: Address
    hostname: str
    tls: ssl.SSLContext | None
    is_tls_required: bool
    users: dict[str, str]
    limit: int
    connections: int
    timeout: float
    share_address: bool = False


class SmtpServer:
    """An SMTP server; a `channels.direct.smtp.connection.Desk`."""

    def __init__(
        self,
        settings: SmtpSettings,
        takes: Callable[[str], bool],
        receive: Receive,
        report: Callable[[Finding], None],
    ) -> None:
        self.settings = settings
        self.hostname = settings.hostname
        self.limit = settings.limit
        self.timeout = settings.timeout
        self.users = settings.users
        self.is_tls_required = settings.is_tls_required
        self.takes = takes
        self.receive = receive
        self.port = settings.listen.port
        self._report = report
        self._open: set[SmtpConnection] = set()
        self._is_closing = False
        self._left = asyncio.Event()
        self._seen: Counter[tuple[str, str]] = Counter()

    async def serve(self, ready: Callable[[], None]) -> None:
        """Take mails until cancelled, then let those under way end; raises `OSError` when it cannot listen."""
        loop = asyncio.get_running_loop()
        listen = self.settings.listen
        server = await loop.create_server(
            lambda: SmtpConnection(self, self.settings.tls, loop),
            listen.host,
            listen.port,
            backlog=1024,
            reuse_port=self.settings.share_address or None,
        )
        try:
            self.port = server.sockets[0].getsockname()[1]
            ready()
            await loop.create_future()
        finally:
            server.close()
            await self._close()

    async def _close(self) -> None:
        self._is_closing = True
        for connection in list(self._open):
            if not connection.is_busy:
                connection.hang_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while any(connection.is_busy for connection in self._open):
                    self._left.clear()
                    await self._left.wait()
        for connection in list(self._open):
            connection.hang_up()

    def join(self, connection: SmtpConnection) -> bool:
        """See `Desk`."""
        if self._is_closing or len(self._open) >= self.settings.connections:
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: SmtpConnection) -> None:
        """See `Desk`."""
        self._open.discard(connection)
        self._left.set()

    def rested(self, connection: SmtpConnection) -> None:
        """See `Desk`."""
        if self._is_closing:
            connection.hang_up()
            self._left.set()

    def noticed(self, code: str, peer: str, what: str, hint: str = "") -> None:
        """Report what `peer` did; of what it does again and again, the 1st, 2nd, 4th, 8th time and so on."""
        key = (code, peer)
        if key not in self._seen and len(self._seen) >= _PLACES:
            self._seen.clear()
        self._seen[key] += 1
        times = self._seen[key]
        if times & (times - 1) == 0:
            again = f" (time {times})" if times > 1 else ""
            where = f"direct {self.settings.listen}"
            self._report(Finding(code, where, f"{peer} {what}{again}", hint, Severity.WARNING))
