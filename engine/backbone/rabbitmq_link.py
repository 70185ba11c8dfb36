"""One connection to RabbitMQ that is made again whenever it is lost, and pika's callbacks as awaitables."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

import pika
import pika.exceptions
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel

_log = logging.getLogger(__name__)
logging.getLogger("pika").setLevel(logging.CRITICAL)  # what matters of it is said here, once and with a hint

FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds between attempts, before jitter
STEADY = 2.0  # a connection that lived so long, in seconds, was a good one: waits begin anew

FAILURES = (TimeoutError, OSError, pika.exceptions.AMQPError)
"""What a call to a broker may raise for what the broker or the network did."""

_HINTS = {
    "ProbableAuthenticationError": "check user and password",
    "ProbableAccessDeniedError": "check that the virtual host exists and that the user may use it",
    "ConnectionRefusedError": "check that RabbitMQ runs there",
    "gaierror": "check the host's name",
    "SSLCertVerificationError": "check the certificate authority (ssl_options in the URL)",
}


def backoff(attempt: int) -> float:
    """Seconds before attempt number `attempt` (from 0): 0.1, doubling up to 5, each times 0.5 to 1.5 by chance."""
    return float(min(FIRST_WAIT * 2 ** min(attempt, 10), LONGEST_WAIT) * random.uniform(0.5, 1.5))  # noqa: S311


class Link:
    """A connection for one `purpose`; `on_open` is called with each new connection, `on_lost` when one has gone."""

    def __init__(
        self,
        parameters: pika.connection.Parameters,
        purpose: str,
        on_open: Callable[[AsyncioConnection], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._parameters, self._purpose = parameters, purpose
        self._on_open, self._on_lost = on_open, on_lost
        self._connection: AsyncioConnection | None = None
        self._attempt = 0
        self._opened_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None
        self._said = ""
        self.subscribing = asyncio.Lock()  # one at a time: what closes the connection is then known
        self.tried = asyncio.Event()  # set when the first attempt has ended, well or not

    @property
    def connection(self) -> AsyncioConnection | None:
        """The open connection, if there is one."""
        return self._connection if self._connection is not None and self._connection.is_open else None

    def start(self) -> None:
        """Begin to connect, and do not stop."""
        self._timer = None
        self._connection = AsyncioConnection(
            self._parameters,
            on_open_callback=self._opened,
            on_open_error_callback=self._failed,
            on_close_callback=self._gone,
            custom_ioloop=asyncio.get_running_loop(),
        )

    async def close(self, seconds: float = 5.0) -> None:
        """Close in good order, waiting at most `seconds` for the broker's consent."""
        loop = asyncio.get_running_loop()
        self._closed = loop.create_future()
        if self._timer is not None:
            self._timer.cancel()
        connection = self._connection
        if connection is None or connection.is_closed:
            return
        if not connection.is_closing:
            connection.close()
        await asyncio.wait([self._closed], timeout=seconds)

    def abandon(self, why: str) -> None:
        """Give up a connection that the broker does not serve any more, and connect anew."""
        connection, self._connection = self._connection, None
        if connection is None or self._closed is not None:
            return
        self._say(logging.WARNING, f"{why}; connecting anew")
        if connection.is_open:
            connection.close()  # the broker may never answer; then its heartbeat ends it
        self._on_lost()
        self._again()

    def _opened(self, connection: AsyncioConnection) -> None:
        if connection is not self._connection:
            return
        self._opened_at = asyncio.get_running_loop().time()
        self._say(logging.INFO, "connected")
        self.tried.set()
        self._on_open(connection)

    def _failed(self, connection: AsyncioConnection, error: BaseException | str) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        root = _root(error)
        hint = _HINTS.get(type(root).__name__, "")
        self._say(logging.WARNING, f"no connection ({type(root).__name__}{': ' if hint else ''}{hint}); trying again")
        self.tried.set()
        self._ended()

    def _gone(self, connection: AsyncioConnection, error: BaseException) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        if self._closed is None:
            self._say(logging.WARNING, f"connection lost ({type(error).__name__}); connecting anew")
        self._on_lost()
        self._ended()

    def _ended(self) -> None:
        if self._closed is not None:
            if not self._closed.done():
                self._closed.set_result(None)
            return
        self._again()

    def _again(self) -> None:
        loop = asyncio.get_running_loop()
        if self._opened_at and loop.time() - self._opened_at > STEADY:
            self._attempt = 0
        self._opened_at = 0.0
        self._timer = loop.call_later(backoff(self._attempt), self.start)
        self._attempt += 1

    def _say(self, level: int, text: str) -> None:
        """Log what is news: the same failure again is not."""
        if text != self._said:
            self._said = text
            where = f"{self._parameters.host}:{self._parameters.port}"
            _log.log(level, "RabbitMQ at %s, %s: %s", where, self._purpose, text)


def _root(error: BaseException | str) -> BaseException:
    """The cause at the bottom of pika's nested connection errors."""
    while isinstance(error, BaseException):
        inner = [each for each in (*error.args, *getattr(error, "exceptions", ())) if isinstance(each, BaseException)]
        inner += [each for each in (getattr(error, "exception", None),) if isinstance(each, BaseException)]
        if not inner:
            return error
        error = inner[-1]
    return ConnectionError(error)


async def open_channel(connection: AsyncioConnection, seconds: float) -> Channel:
    """A new channel; raises what closed it, or `TimeoutError` after `seconds`."""
    opened: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
    channel = connection.channel(on_open_callback=lambda made: _settle(opened, made))
    channel.add_on_close_callback(lambda _, reason: _fail(opened, reason))
    async with asyncio.timeout(seconds):
        return await opened


async def call(channel: Channel, seconds: float, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a method of `channel` and return the broker's answer; raises what closed the channel, or `TimeoutError`."""
    answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    channel.add_on_close_callback(lambda _, reason: _fail(answered, reason))
    method(*arguments, **options, callback=lambda frame: _settle(answered, frame))
    async with asyncio.timeout(seconds):
        return await answered


def close_channel(channel: Channel) -> None:
    """Close `channel` if it is open, without waiting."""
    if channel.is_open:
        channel.close()


def _settle(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], reason: BaseException) -> None:
    if not future.done():
        future.set_exception(reason)
