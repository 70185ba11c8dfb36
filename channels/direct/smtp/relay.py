"""SMTP out: mails through one relay, over connections that are kept, with its certificate checked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import aiosmtplib
from pydantic import BaseModel, ConfigDict, Field, model_validator

from channels.tls import ClientTls, TlsError
from schemas.finding import Finding
from schemas.values import Duration, Listen, Secret

_SLOWEST = 50_000
"""Bytes a second that a server takes at least, beside the time for its answer."""

Security = Literal["starttls", "tls", "none"]


class RelayOptions(BaseModel):
    """The mail server that our mails go out through: our HISP's, or the site's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connect: Listen = Field(description="The server's address, host:port; usually port 587, 465 with security tls.")
    security: Security = Field(
        "starttls",
        description="`starttls` turns TLS on before anything is said, `tls` speaks it from the start; `none` is for a "
        "server on this machine.",
    )
    tls: ClientTls = Field(default_factory=lambda: ClientTls.model_validate({}), description="Whom to trust for TLS.")
    user: str | None = Field(None, description="The user that we log in as.")
    password: Secret | None = Field(None, description="Its password; write ${...}.")
    timeout: Duration = Field(timedelta(minutes=1), description="How long the server may take for each answer.")
    connections: int = Field(4, ge=1, description="How many connections are open at most.")

    @model_validator(mode="after")
    def _password_needs_tls(self) -> RelayOptions:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        if self.user is not None and self.security == "none" and not self.connect.is_loopback:
            raise ValueError("a password needs TLS: security starttls or tls")
        return self


@dataclass(frozen=True, slots=True)
class Relayed:
    """What became of one mail: `refused` maps each recipient that was not taken to the server's reply code and its
    enhanced status. `error` says why the mail as a whole was not taken, `transient` whether that may change."""

    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    error: str = ""
    transient: bool = False
    unreachable: bool = False


class Relay:
    """The connections of one end to its relay."""

    def __init__(self, options: RelayOptions, report: Callable[[Finding], None]) -> None:
        self.options = options
        self._report = report
        self._free: list[aiosmtplib.SMTP] = []
        self._room = asyncio.Semaphore(options.connections)
        self._context: ssl.SSLContext | None = None
        self._is_closed = False

    async def send(self, sender: str, recipients: Sequence[str], mail: bytes) -> Relayed:
        """Hand `mail` to the server for `recipients`; `sender` is "" for the null reverse path."""
        async with self._room:
            used = bool(self._free)
            client = self._free.pop() if used else None
            try:
                if client is None:
                    client = await self._connected()
                try:
                    relayed = await self._send(client, sender, recipients, mail)
                except aiosmtplib.SMTPServerDisconnected:
                    if not used:
                        raise
                    # The server had closed a connection that was idle, which is not this mail's doing.
                    client.close()
                    client = await self._connected()
                    relayed = await self._send(client, sender, recipients, mail)
            except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
                if client is not None:
                    client.close()
                return _failure(error, self.options)
            except BaseException:
                if client is not None:
                    client.close()
                raise
            if self._is_closed or not client.is_connected:
                client.close()
            else:
                self._free.append(client)
            return relayed

    async def close(self) -> None:
        """Let go of the connections."""
        self._is_closed = True
        free, self._free = self._free, []
        for client in free:
            try:
                await client.quit(timeout=2)
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        options = self.options
        if self._context is None and options.security != "none":
            self._context = options.tls.context(self._report)
        client = aiosmtplib.SMTP(
            hostname=options.connect.host,
            port=options.connect.port,
            local_hostname=socket.gethostname(),
            timeout=options.timeout.total_seconds(),
            use_tls=options.security == "tls",
            start_tls=False,
            tls_context=self._context,
        )
        try:
            await client.connect()
            await self._greet(client)
        except BaseException:
            client.close()
            raise
        return client

    async def _greet(self, client: aiosmtplib.SMTP) -> None:
        options = self.options
        await client.ehlo()
        if options.security == "starttls":
            if not client.supports_extension("starttls"):
                raise aiosmtplib.SMTPNotSupported("STARTTLS")
            await client.starttls(tls_context=self._context, server_hostname=options.tls.server_name)
            await client.ehlo()
        if options.user is not None and options.password is not None:
            await client.auth_plain(options.user, options.password.get_secret_value())

    async def _send(self, client: aiosmtplib.SMTP, sender: str, recipients: Sequence[str], mail: bytes) -> Relayed:
        refused: dict[str, tuple[int, str]] = {}
        size = client.esmtp_extensions.get("size", "")
        if size.isdigit() and 0 < int(size) < len(mail):
            return Relayed(error=f"the mail is {len(mail)} bytes long, and the server takes {size}")
        options = [f"size={len(mail)}"] if client.supports_extension("size") else []
        try:
            await client.mail(sender, options=options)
            for recipient in recipients:
                try:
                    await client.rcpt(recipient)
                except aiosmtplib.SMTPRecipientRefused as error:
                    refused[recipient] = (error.code, _status(error.message))
            if len(refused) == len(recipients):
                await client.rset()
                return Relayed(refused)
            patience = self.options.timeout.total_seconds() + len(mail) / _SLOWEST
            await client.data(mail, timeout=patience)
        except aiosmtplib.SMTPResponseException as error:
            if client.is_connected and error.code != 421:
                await client.rset()
            what = f"the server answered {' '.join(filter(None, (str(error.code), _status(error.message))))}"
            return Relayed(refused, what, transient=400 <= error.code < 500)
        return Relayed(refused)


def _status(message: str) -> str:
    """The enhanced status code that a reply begins with: the rest of its text may quote anything."""
    first, _, _ = message.strip().partition(" ")
    parts = first.split(".")
    return first if len(parts) == 3 and all(part.isdigit() and len(part) < 4 for part in parts) else ""


def _failure(error: Exception, options: RelayOptions) -> Relayed:
    place = str(options.connect)
    if isinstance(error, TlsError):
        return Relayed(error=str(error), transient=True, unreachable=True)
    cause = error.__cause__ or error
    if isinstance(error, ssl.SSLCertVerificationError) or isinstance(cause, ssl.SSLCertVerificationError):
        what = f"{place} shows a certificate that is not trusted (see relay.tls.authorities and server_name)"
    elif isinstance(error, aiosmtplib.SMTPAuthenticationError):
        what = f"{place} refuses our user and password ({error.code})"
    elif isinstance(error, aiosmtplib.SMTPNotSupported):
        what = f"{place} does not offer what `security` and `user` ask for (STARTTLS, AUTH PLAIN)"
    elif isinstance(error, aiosmtplib.SMTPTimeoutError | TimeoutError):
        what = f"{place} did not answer within {options.timeout.total_seconds():g} s"
    elif isinstance(error, aiosmtplib.SMTPResponseException):
        what = f"{place} answered {error.code} to our greeting"
    else:
        what = f"{place} cannot be reached ({type(cause).__name__})"
    return Relayed(error=what, transient=True, unreachable=True)
