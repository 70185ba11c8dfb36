"""Mails collected from a mailbox at a HISP, by IMAP over TLS; a mail leaves its folder once it is safe with us."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import re
import socket
import ssl
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, TypeVar

from channels.direct.envelope import Envelope
from channels.direct.error import DirectError
from channels.direct.mime import Address, Entity, Headers, parse_list
from channels.direct.options import ImapIn
from channels.direct.reception import Answer, Fate
from channels.ends import EndContext
from schemas.finding import Finding, Severity

T = TypeVar("T")
Take = Callable[[Envelope, IO[bytes]], Coroutine[Any, Any, Answer]]

_PIECE = 1 << 20
_IN_MEMORY = 256 << 10
_MOST = 500  # mails of one round
_MOST_WAITING = 10  # of them that cannot be taken now, until the round is given up: the journal may be the reason
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_FAILURES = (imaplib.IMAP4.error, OSError, ssl.SSLError)


class Collector:
    """Looks into a mailbox again and again and hands each mail to `take`."""

    def __init__(self, options: ImapIn, context: EndContext, takes: Callable[[str], bool], take: Take) -> None:
        self._options = options
        self._context = context
        self._takes = takes
        self._take = take
        self._tls: ssl.SSLContext | None = None
        self._is_down = False

    async def serve(self, ready: Callable[[], None]) -> None:
        """Collect until cancelled; a mailbox that cannot be reached is tried again, and told once."""
        self._tls = self._options.tls.context(self._context.report)
        ready()
        thread = ThreadPoolExecutor(1, thread_name_prefix="direct-imap")
        try:
            while True:
                try:
                    await self._round(thread)
                    self._is_down = False
                except _FAILURES as error:
                    self._down(error)
                await asyncio.sleep(self._options.every.total_seconds())
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    async def _round(self, thread: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()

        def beside(work: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
            return loop.run_in_executor(thread, work, *arguments)

        mailbox = await beside(Mailbox, self._options, self._tls)
        try:
            waiting = 0
            for uid in await beside(mailbox.uids):
                answer = await self._one(mailbox, uid, beside)
                if answer.fate is Fate.LATER:  # one whose trust cannot be found out must not hold up the others
                    waiting += 1
                    if waiting == _MOST_WAITING:
                        break
                    continue
                folder = self._options.done if answer.fate is Fate.TAKEN else self._options.refused
                await beside(mailbox.put_away, uid, folder)
        finally:
            await beside(mailbox.close)

    async def _one(self, mailbox: Mailbox, uid: bytes, beside: Callable[..., asyncio.Future[Any]]) -> Answer:
        size = await beside(mailbox.size, uid)
        if size > self._options.limit:
            what = f"a mail of {size} bytes is longer than `limit` and moved to {self._options.refused}"
            self._report("DIR-321", what)
            return Answer(Fate.REFUSED)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, prefix="hie-direct-") as spool:
            await beside(mailbox.fetch, uid, size, spool)
            spool.seek(0)
            headers = _headers(spool.read(_IN_MEMORY))
            recipients = self._recipients(headers)
            if not recipients:
                self._report("DIR-322", f"a mail is for none of our `recipients` and moved to {self._options.refused}")
                return Answer(Fate.REFUSED)
            return await self._take(Envelope(_sender(headers), recipients), spool)

    def _recipients(self, headers: Headers) -> tuple[str, ...]:
        """Which of our addresses the mail was put into this mailbox for: by its last server, else by its author."""
        for names in (_DELIVERED_TO, ("to", "cc")):
            found: list[str] = []
            for name in names:
                for value in headers.all(name):
                    with contextlib.suppress(DirectError):
                        found += [address.spec for address in parse_list(value) if self._takes(address.spec)]
            if found:
                return tuple({address.lower(): address for address in found}.values())
        return ()

    def _down(self, error: Exception) -> None:
        if not self._is_down:
            self._is_down = True
            text = str(error) if isinstance(error, ssl.SSLError | OSError) else "the server refuses it"
            what = f"the mailbox cannot be read ({type(error).__name__}: {text}); trying again"
            self._report("DIR-323", what, "see user, password, folder and tls of `through`")

    def _report(self, code: str, what: str, hint: str = "") -> None:
        where = f"direct {self._options.collect}"
        self._context.report(Finding(code, where, what, hint, Severity.WARNING))


def _headers(head: bytes) -> Headers:
    """The headers that a mail begins with; none where they cannot be read."""
    try:
        return Entity.parse(head).headers
    except DirectError:
        return Headers(())


def _sender(headers: Headers) -> str:
    """The envelope's sender, which the last server writes into Return-Path; where it does not, the author."""
    for name in ("return-path", "from"):
        written = headers.get(name)
        if written.replace(" ", "") == "<>":
            return ""
        with contextlib.suppress(DirectError):
            return Address.parse(written).spec
    return ""


class Mailbox:
    """One session with the IMAP server; its calls block, and raise `imaplib.IMAP4.error` or `OSError`."""

    def __init__(self, options: ImapIn, tls: ssl.SSLContext | None) -> None:
        assert tls is not None
        place, seconds = options.collect, options.timeout.total_seconds()
        name = options.tls.server_name or place.host
        if options.security == "tls":
            self._imap: imaplib.IMAP4 = _Tls(place.host, place.port, tls, name, seconds)
        else:
            self._imap = _StartTls(place.host, place.port, seconds)
            self._imap.turn_on(tls, name)
        try:
            _ok(self._imap.login(options.user, options.password.get_secret_value()))
            _ok(self._imap.select(_quoted(options.folder)))
        except BaseException:
            self.close()
            raise

    def uids(self) -> list[bytes]:
        """The mails in the folder, the oldest first."""
        (found,) = _ok(self._imap.uid("SEARCH", "UNDELETED"))[:1]
        return (found or b"").split()[:_MOST]

    def size(self, uid: bytes) -> int:
        """The length of a mail in bytes."""
        answer = b" ".join(_flat(_ok(self._imap.uid("FETCH", uid.decode(), "(RFC822.SIZE)"))))
        found = _SIZE.search(answer)
        if found is None:
            raise imaplib.IMAP4.error("no size")
        return int(found.group(1))

    def fetch(self, uid: bytes, size: int, spool: IO[bytes]) -> None:
        """Write a mail to `spool`, a piece at a time."""
        at = 0
        while at < size:
            answer = _ok(self._imap.uid("FETCH", uid.decode(), f"(BODY.PEEK[]<{at}.{_PIECE}>)"))
            piece = next((part[1] for part in answer if isinstance(part, tuple)), b"")
            if not piece:
                break
            spool.write(piece)
            at += len(piece)

    def put_away(self, uid: bytes, folder: str | None) -> None:
        """Move a mail to `folder`, which is made when need be; without one, delete it."""
        name = uid.decode()
        if folder is not None:
            self._copy(name, _quoted(folder))
        _ok(self._imap.uid("STORE", name, "+FLAGS.SILENT", r"(\Deleted)"))
        if "UIDPLUS" in self._imap.capabilities:
            _ok(self._imap.uid("EXPUNGE", name))
        else:
            _ok(self._imap.expunge())

    def _copy(self, name: str, folder: str) -> None:
        if self._imap.uid("COPY", name, folder)[0] != "OK":
            self._imap.create(folder)
            _ok(self._imap.uid("COPY", name, folder))

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(*_FAILURES):
            self._imap.logout()


class _Tls(imaplib.IMAP4_SSL):
    """Over TLS, with the certificate's name as it was told."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, name: str, timeout: float) -> None:
        self._name = name
        super().__init__(host, port, ssl_context=tls, timeout=timeout)

    def _create_socket(self, timeout: float | None) -> ssl.SSLSocket:
        plain = socket.create_connection((self.host, self.port), timeout)
        wrapped: ssl.SSLSocket = self.ssl_context.wrap_socket(plain, server_hostname=self._name)
        return wrapped


class _StartTls(imaplib.IMAP4):
    """Over TLS that is turned on before the password is said."""

    def turn_on(self, tls: ssl.SSLContext, name: str) -> None:
        """Turn TLS on; raises `imaplib.IMAP4.error` and `ssl.SSLError`."""
        host, self.host = self.host, name
        self.starttls(tls)
        self.host = host


def _ok(answer: tuple[str, list[Any]]) -> list[Any]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(status)  # its text may quote anything
    return data


def _flat(data: Iterable[Any]) -> Iterable[bytes]:
    for part in data:
        if isinstance(part, tuple):
            yield from part
        elif part is not None:
            yield part


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
