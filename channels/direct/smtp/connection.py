"""One SMTP connection of ours: aiosmtpd's, with the text of a mail on disk and its gaps closed."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import ssl
import tempfile
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import IO, Any, Protocol, cast

from aiosmtpd import smtp
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, Session

from channels.direct.envelope import Envelope
from channels.direct.smtp.data import LONGEST_LINE, DataText

smtp.log.setLevel(logging.CRITICAL + 1)  # it logs commands, with the addresses in them
log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_IN_MEMORY = 256 << 10
_LONGEST_COMMAND = 1024
_MOST_RECIPIENTS = 100
_MOST_COMMANDS = {"AUTH": 5, "HELO": 1000, "EHLO": 1000, "NOOP": 1000, "RSET": 100_000, "*": 1_000_000}
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?=.{1,253}\Z)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\Z")
_BUSY = "451 4.3.0 Not taken now; send it again later"


Receive = Callable[[Envelope, IO[bytes]], Coroutine[Any, Any, str]]
"""Takes a mail and gives the SMTP reply to it: 250 only when nothing of it can be lost any more."""


class Desk(Protocol):
    """Who an SMTP connection works for."""

    hostname: str
    limit: int
    timeout: float
    users: dict[str, str]
    is_tls_required: bool

    def join(self, connection: SmtpConnection) -> bool:
        """Take note of a new connection; False when there are too many."""
        ...

    def leave(self, connection: SmtpConnection) -> None:
        """Forget a connection that is closed."""
        ...

    def rested(self, connection: SmtpConnection) -> None:
        """A connection has taken a mail and answered, and is idle."""
        ...

    def takes(self, address: str) -> bool:
        """Whether mail for `address` is taken here."""
        ...

    @property
    def receive(self) -> Receive:
        """Takes a mail."""
        ...

    def noticed(self, code: str, peer: str, what: str, hint: str = "") -> None:
        """Report what `peer` did."""
        ...


class SmtpConnection(SMTP):
    """Takes mails for `desk`; see RFC 5321. What a mail says is spooled to disk when it is long, and never logged."""

    line_length_limit = 64 << 10
    local_part_limit = 64

    def __init__(self, desk: Desk, tls: ssl.SSLContext | None, loop: asyncio.AbstractEventLoop) -> None:
        self.desk = desk
        super().__init__(
            _Hooks(self),
            data_size_limit=desk.limit,
            hostname=desk.hostname,
            ident="ESMTP",
            tls_context=tls,
            require_starttls=desk.is_tls_required,
            timeout=desk.timeout,
            auth_required=bool(desk.users),
            auth_require_tls=True,
            auth_exclude_mechanism=["LOGIN"] if desk.users else ["LOGIN", "PLAIN"],
            authenticator=self._authenticated,
            command_call_limit=_MOST_COMMANDS,
            loop=loop,
        )
        self.command_size_limits = defaultdict(lambda: _LONGEST_COMMAND)
        self.is_busy = False
        """Whether a mail is coming or being taken."""
        self._is_joined = False

    @property
    def peer(self) -> str:
        """The other side's address, for findings."""
        peer = self.session.peer if self.session is not None else None
        return str(peer[0]) if isinstance(peer, tuple) else "a partner"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._is_joined = self._is_joined or self.desk.join(self)  # TLS makes the connection a second time
        if self._is_joined:
            super().connection_made(transport)
            return
        cast(asyncio.WriteTransport, transport).write(b"421 4.7.0 Too many connections; try again later\r\n")
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._is_joined:
            self._is_joined = False
            super().connection_lost(error)
            self.desk.leave(self)

    def hang_up(self) -> None:
        """Close the connection: it is idle, or the time for it is over."""
        if self.transport is not None:
            self.transport.close()

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - found by its name
        """Take the text of a mail; see RFC 5321, 4.1.1.4."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT first")
        elif arg:
            await self.push("501 5.5.4 DATA takes no argument")
        else:
            self.is_busy = True
            try:
                await self._take()
            finally:
                self.is_busy = False
                self.desk.rested(self)

    async def _take(self) -> None:
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        text = DataText()
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, prefix="hie-direct-") as spool:
            refusal = await self._read(text, spool)
            if not refusal:
                spool.seek(0)
                assert self.envelope is not None
                sender = self.envelope.mail_from or ""
                user = str(self.session.auth_data or "") if self.session is not None else ""
                envelope = Envelope("" if sender == "<>" else sender, tuple(self.envelope.rcpt_tos), self.peer, user)
                refusal = await self._received(envelope, spool)
        self.envelope = self._create_envelope()
        await self.push(refusal)

    async def _received(self, envelope: Envelope, spool: IO[bytes]) -> str:
        self._reset_timeout(max(self.desk.timeout, 600))
        try:
            return await self.desk.receive(envelope, spool)
        except Exception:  # a defect must not cost the sender its mail
            log.exception("a mail could not be taken in")
            return _BUSY
        finally:
            self._reset_timeout()

    async def _read(self, text: DataText, spool: IO[bytes]) -> str:
        """Read up to the end of the text; the refusal, "" where it can be taken."""
        size, refusal = 0, ""
        while not text.is_ended:
            chunk = await self._reader.read(_CHUNK)
            if not chunk:
                raise ConnectionResetError
            self._reset_timeout()
            part = text.feed(chunk)
            size += len(part)
            if size > 2 * self.desk.limit:
                self.hang_up()
                raise ConnectionResetError
            if size > self.desk.limit:
                refusal = f"552 5.3.4 The mail is longer than {self.desk.limit} bytes"
            elif text.longest > LONGEST_LINE:
                refusal = "500 5.6.0 A line is longer than 998 bytes"
            elif text.bare:
                refusal = "550 5.6.0 A bare CR or LF: lines end with both"
            elif not refusal:
                try:
                    spool.write(part)
                except OSError as error:
                    self.desk.noticed("DIR-301", self.peer, f"sent a mail that cannot be spooled: {error.strerror}")
                    refusal = _BUSY
        if text.rest:
            self._reader.feed_data(text.rest)  # nothing is waiting in it: all of it was read
        return refusal

    def _authenticated(
        self, _server: SMTP, _session: Session, _envelope: object, mechanism: str, given: object
    ) -> AuthResult:
        if mechanism == "PLAIN" and isinstance(given, LoginPassword):
            name = given.login.decode("utf-8", "replace")
            password = self.desk.users.get(name)
            if hmac.compare_digest(given.password, (password or "").encode()) and password:
                return AuthResult(success=True, auth_data=name)
        self.desk.noticed("DIR-302", self.peer, "gave a user or password that is wrong")
        return AuthResult(success=False, handled=False)


class _Hooks:
    """What aiosmtpd asks its handler."""

    def __init__(self, connection: SmtpConnection) -> None:
        self._connection = connection

    async def handle_EHLO(  # noqa: N802 - found by its name
        self, _server: SMTP, session: Session, _envelope: object, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if not self._connection.desk.users:
            responses = [line for line in responses if not line.startswith("250-AUTH")]
        return responses

    async def handle_MAIL(  # noqa: N802 - found by its name
        self, _server: SMTP, _session: Session, envelope: smtp.Envelope, address: str, options: list[str]
    ) -> str:
        if address != "<>" and _ADDRESS.match(address) is None:
            return "553 5.1.7 Not an address that Direct uses"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - found by its name
        self, _server: SMTP, _session: Session, envelope: smtp.Envelope, address: str, options: list[str]
    ) -> str:
        if _ADDRESS.match(address) is None:
            return "553 5.1.3 Not an address that Direct uses"
        if not self._connection.desk.takes(address):
            return "550 5.1.1 No such address here"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        log.error("an SMTP session ended in a defect (%s)", type(error).__name__)
        return "451 4.3.0 Try again later"
