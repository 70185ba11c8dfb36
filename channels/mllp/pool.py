"""Connections to one receiver: opened when needed, used again, let go when idle, not hammered when it is away."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from channels.ends import EndContext
from channels.mllp.exchange import Exchange
from channels.mllp.verdict import Policy
from channels.tls import ClientTls
from schemas.finding import Finding, Severity
from schemas.values import Address

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
"""Seconds after a second failure in a row, and at most, in which no connection is tried."""


class UnreachableError(Exception):
    """No connection to the receiver; the text says why, for the operator."""


class Deliverer(Protocol):
    """The end that is worked for: its options, as `MllpOutbound` describes them."""

    context: EndContext
    policy: Policy
    tls: ClientTls | None
    ack_timeout: float
    connect_timeout: float
    is_persistent: bool
    pipeline: int

    def tls_context(self) -> ssl.SSLContext | None:
        """What TLS connections are opened with, None without TLS."""
        ...


class Pool:
    """The connections to one address. The one used last is used next, so that those not needed fall idle."""

    def __init__(self, end: Deliverer, address: Address) -> None:
        self.loop = asyncio.get_running_loop()
        self.address = address
        self.policy = end.policy
        self.wait_for = end.policy.wait_for
        self.ack_timeout = end.ack_timeout
        self.new_id: Callable[[], str] = end.context.new_id
        self.now: Callable[[], datetime] = end.context.now
        self._end = end
        self._open: set[Exchange] = set()
        self._free: list[Exchange] = []
        self._opening = asyncio.Lock()
        self._connecting = 0
        self._is_closed = False
        self._failures = 0
        self._not_before = 0.0
        self._failure = ""
        self._strays = 0

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @property
    def is_needed(self) -> bool:
        """Whether a connection is open or being opened, or a failure is remembered."""
        return bool(self._open or self._connecting or self._not_before > self.loop.time())

    async def take(self, control_id: str, *, fresh: bool = False) -> Exchange:
        """A connection that can take a message of this MSH-10, a new one if `fresh`; raises `UnreachableError`.

        The message must be written to it before anything else is awaited.
        """
        if fresh:
            return await self._connect()
        exchange = self._find(control_id)
        if exchange is not None:
            return exchange
        if self._end.pipeline == 1:
            return await self._connect()
        async with self._opening:  # who waits for it may find room on the connection that is being opened
            return self._find(control_id) or self._keep(await self._connect())

    def _find(self, control_id: str) -> Exchange | None:
        """A free connection on which no message of this MSH-10 waits."""
        free = self._free
        for at in range(len(free) - 1, -1, -1):
            exchange = free[at]
            if exchange.unanswered and exchange.waits_for(control_id):
                continue
            if exchange.unanswered + 1 >= self._end.pipeline:
                del free[at]
                exchange.is_free = False
            return exchange
        return None

    def _keep(self, exchange: Exchange) -> Exchange:
        """`exchange`, new and with room for more than the message it is for."""
        if exchange.is_open:
            exchange.is_free = True
            self._free.append(exchange)
        return exchange

    def release(self, exchange: Exchange) -> None:
        """`exchange` has room for one more message."""
        if not self._end.is_persistent:
            exchange.close("")
        elif not exchange.is_free:
            exchange.is_free = True
            exchange.idle_since = self.loop.time()
            self._free.append(exchange)

    def forget(self, exchange: Exchange) -> None:
        """`exchange` is closed."""
        self._open.discard(exchange)
        if exchange.is_free:
            exchange.is_free = False
            self._free.remove(exchange)

    def close_idle(self, since: float) -> None:
        """Close the connections on which nothing was sent after that time of the loop."""
        for exchange in [each for each in self._free if not each.unanswered and each.idle_since <= since]:
            exchange.close("")

    async def close(self, reason: str) -> None:
        """Close every connection and wait until they are gone."""
        self._is_closed = True
        leaving = list(self._open)
        for exchange in leaving:
            exchange.close(reason)
        for exchange in leaving:
            await exchange.gone.wait()

    def report_stray(self, *, late: bool) -> None:
        """Tell of an answer that belongs to no message that waits: the 1st, 2nd, 4th, 8th and so on."""
        self._strays += 1
        if self._strays & (self._strays - 1) == 0:
            what = (
                "an acknowledgment came after its message was settled" if late else "an acknowledgment names a message"
            )
            what += "" if late else " that is not waiting for one (MSA-2)"
            again = f" (time {self._strays})" if self._strays > 1 else ""
            self._end.context.report(
                Finding(
                    "MLLP-201",
                    f"mllp {self.address}",
                    f"{what}{again}; it was ignored",
                    "the receiver should answer each message once, with its MSH-10 in MSA-2",
                    Severity.WARNING,
                )
            )

    async def _connect(self) -> Exchange:
        now = self.loop.time()
        if now < self._not_before:
            raise UnreachableError(self._failure)
        self._connecting += 1
        try:
            exchange = await self._opened()
        except (OSError, UnicodeError) as error:
            if now >= self._not_before:  # of attempts made side by side, one counts
                self._failures += 1
                pause = FIRST_PAUSE * 2 ** min(self._failures - 2, 10) if self._failures > 1 else 0.0
                self._not_before = self.loop.time() + min(pause, LONGEST_PAUSE)
            self._failure = f"cannot connect to {self.address}: {self._why(error)}"
            raise UnreachableError(self._failure) from error
        finally:
            self._connecting -= 1
        self._failures = 0
        if self._is_closed:
            exchange.close("")
        return exchange

    async def _opened(self) -> Exchange:
        context = self._end.tls_context()
        exchange = Exchange(self)
        name = (self._end.tls.server_name if self._end.tls else None) or self.address.host
        async with asyncio.timeout(self._end.connect_timeout):
            await self.loop.create_connection(
                lambda: exchange,
                self.address.host,
                self.address.port,
                ssl=context,
                server_hostname=name if context else None,
            )
        if exchange.is_open:
            exchange.idle_since = self.loop.time()
            self._open.add(exchange)
        return exchange

    def _why(self, error: OSError | UnicodeError) -> str:
        match error:
            case TimeoutError():
                return f"no answer within {self._end.connect_timeout:g} s"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not accepted: {error.verify_message}"
            case ssl.SSLError():
                return f"TLS failed: {error.reason or 'the partner ended it'}"
            case socket.gaierror():
                return "the host name cannot be resolved"
            case OSError(errno=int(number)):
                return os.strerror(number)
            case UnicodeError():
                return "the host name is none"
        return str(error) or type(error).__name__
