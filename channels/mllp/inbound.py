"""MLLP in: a listening socket, a connection for each sender, an ACK for each receipt."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from channels.ends import Accept, EndContext
from channels.mllp.answer import Answers, Mode
from channels.mllp.connection import Connection
from channels.mllp.senders import Senders
from channels.tls import ServerTls
from schemas.finding import Finding, Severity
from schemas.values import Duration, Listen, Size

_PLACES = 1000
"""How many partners' repeated findings are told apart before counting begins anew."""


class MllpInbound:
    """Takes HL7 v2 messages over MLLP and acknowledges each one once the engine has it durable.

    AA or CA says that the message is durable, AR or CR that sending the same again is useless, AE or CE that it should
    be sent again. Answers come in the order of the messages.

    Adds `mllp.peer`, and with mutual TLS `mllp.client`.

    Args:
        listen: The address to listen on, host:port.
        tls: TLS; with `clients`, partners must show a certificate (mutual TLS).
        senders: Who may send, as `MSH-3` or `MSH-3|MSH-4`, with `*` for any. Others are answered AR. Empty: everybody.
        acknowledge: `auto` answers in the mode that the message asks for with MSH-15 and MSH-16; `original` and
            `enhanced` always in that one; `always` as `auto`, but also where the message asks for no answer.
        charset: The character set of messages without MSH-18, a name of HL7 table 0211.
        limit: The longest message that is taken; a longer one is answered AR.
        pipeline: How many messages of one connection are taken before the first of them is answered.
        connections: How many connections are open at most; further ones are closed.
        idle: How long a connection may be silent before it is closed. Omit it for as long as the sender likes.
        stall: How long a message that has begun may stay unfinished without a byte before its connection is closed.
        share_address: Lets several engine processes of this machine listen on the same address; they share connections.
    """

    def __init__(
        self,
        context: EndContext,
        *,
        listen: Listen,
        tls: ServerTls | None = None,
        senders: list[str] | None = None,
        acknowledge: Mode = "auto",
        charset: str | None = None,
        limit: Size = 16 << 20,
        pipeline: Annotated[int, Field(ge=1)] = 16,
        connections: Annotated[int, Field(ge=1)] = 1000,
        idle: Duration | None = None,
        stall: Duration = timedelta(minutes=1),
        share_address: bool = False,
    ) -> None:
        self.context = context
        self.listen = listen
        self.tls = tls
        self.senders = Senders(senders or [])
        self.acknowledge: Mode = acknowledge
        self.charset = charset
        self.limit = limit
        self.pipeline = pipeline
        self.connections = connections
        self.idle = idle.total_seconds() if idle else None
        self.stall = stall.total_seconds()
        self.share_address = share_address
        self.port = listen.port
        """The port listened on, once `serve` is ready: the one that the system chose when `listen` names port 0."""

    async def serve(self, accept: Accept, ready: Callable[[], None]) -> None:
        """Take messages until cancelled; see `channels.ends.Inbound`."""
        loop = asyncio.get_running_loop()
        reception = Reception(self, accept, loop)
        server = await loop.create_server(
            reception.new_connection,
            self.listen.host,
            self.listen.port,
            ssl=self.tls.context(self.context.report) if self.tls else None,
            backlog=1024,
            reuse_port=self.share_address or None,
        )
        try:
            self.port = server.sockets[0].getsockname()[1]
            ready()
            await loop.create_future()
        finally:
            server.close()
            await reception.close()


class Reception:
    """What the connections of one listening end share: the end's options, who is connected, what was reported."""

    def __init__(self, end: MllpInbound, accept: Accept, loop: asyncio.AbstractEventLoop) -> None:
        self.end = end
        self.accept = accept
        self.loop = loop
        self.new_id = end.context.new_id
        self.now = end.context.now
        self.channel = end.context.channel
        self.answers = Answers(end.acknowledge)
        self._open: set[Connection] = set()
        self._is_closing = False
        self._emptied: asyncio.Future[None] | None = None
        self._seen: Counter[tuple[str, str]] = Counter()

    def new_connection(self) -> Connection:
        """A protocol for one more connection."""
        return Connection(self)

    def join(self, connection: Connection) -> bool:
        """Take note of a connection; False when there are too many or the end is closing."""
        if len(self._open) >= self.end.connections or self._is_closing:
            return False
        self._open.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed and has nothing in flight."""
        self._open.discard(connection)
        if not self._open and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def report(self, code: str, peer: str, what: str, hint: str = "", severity: Severity = Severity.WARNING) -> None:
        """Report what `peer` did; of what it does again and again, the 1st, 2nd, 4th, 8th time and so on."""
        key = (code, peer)
        if key not in self._seen and len(self._seen) >= _PLACES:
            self._seen.clear()
        self._seen[key] += 1
        times = self._seen[key]
        if times & (times - 1) == 0:
            again = f" (time {times})" if times > 1 else ""
            where = f"mllp {self.end.listen}"
            self.end.context.report(Finding(code, where, f"{peer} {what}{again}", hint, severity))

    async def close(self) -> None:
        """Stop reading, answer what is in flight, close every connection."""
        self._is_closing = True
        if not self._open:
            return
        self._emptied = self.loop.create_future()
        for connection in list(self._open):
            connection.drain()
        await self._emptied
