"""The SMTP server, held to by clients that are not ours: sockets by hand, smtplib, swaks."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import pytest

from channels.direct.envelope import Envelope
from channels.direct.smtp.server import SmtpServer, SmtpSettings
from schemas.finding import Finding
from schemas.values import Address
from tests import services
from tests.tls import Authority

MAIL = b"From: a@x.example\r\nTo: b@y.example\r\nSubject: s\r\n\r\ntext\r\n"


class Post:
    """A server, what it took, and how to speak to it."""

    def __init__(self, **settings: object) -> None:
        self.taken: list[tuple[Envelope, bytes]] = []
        self.findings: list[Finding] = []
        self.reply = "250 2.0.0 OK"
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        given = {
            "listen": Address("127.0.0.1", 0), "hostname": "mx.y.example", "tls": None, "is_tls_required": False,
            "users": {}, "limit": 1 << 20, "connections": 20, "timeout": 30.0, **settings,
        }  # fmt: skip
        self.server = SmtpServer(
            SmtpSettings(**given),  # type: ignore[arg-type]
            lambda address: address.lower().endswith("@y.example"),
            self._receive,
            self.findings.append,
        )

    async def _receive(self, envelope: Envelope, text: IO[bytes]) -> str:
        self.entered.set()
        await self.gate.wait()
        self.taken.append((envelope, text.read()))
        return self.reply

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Post]:
        """The server at work."""
        ready = asyncio.Event()
        self.task = asyncio.create_task(self.server.serve(ready.set))
        await asyncio.wait_for(ready.wait(), 10)
        try:
            yield self
        finally:
            self.task.cancel()
            await asyncio.wait_for(asyncio.gather(self.task, return_exceptions=True), 10)

    async def talk(self, *lines: bytes) -> list[str]:
        """The first line of each reply: to connecting, and to each of `lines`, sent one by one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        replies = [await _reply(reader)]
        for line in lines:
            writer.write(line)
            replies.append(await _reply(reader))
        writer.close()
        return replies

    async def smtplib(self, talk: Callable[[smtplib.SMTP], object]) -> object:
        """What `talk` gives, with a client of Python's own in a thread."""

        def work() -> object:
            with smtplib.SMTP("127.0.0.1", self.server.port, "client.x.example", timeout=10) as client:
                return talk(client)

        return await asyncio.to_thread(work)


async def _reply(reader: asyncio.StreamReader) -> str:
    async with asyncio.timeout(10):
        first = line = (await reader.readline()).decode()
        while line[3:4] == "-":
            line = (await reader.readline()).decode()
    return first.strip()


EHLO, FROM, TO = b"EHLO c.x.example\r\n", b"MAIL FROM:<a@x.example>\r\n", b"RCPT TO:<b@y.example>\r\n"


async def test_a_mail_is_taken_byte_for_byte_and_answered_as_its_receiver_says() -> None:
    async with Post().open() as post:
        mail = MAIL + b".dots\r\n..\r\n" + bytes(range(128, 256)) + b"\r\n"
        await post.smtplib(lambda client: client.sendmail("a@x.example", ["b@y.example", "C@Y.example"], mail))
        assert post.taken == [(Envelope("a@x.example", ("b@y.example", "C@Y.example"), "127.0.0.1"), mail)]
        post.reply = "451 4.3.0 The journal is full"
        assert (await post.talk(EHLO, FROM, TO, b"DATA\r\n", MAIL + b".\r\n"))[-1] == post.reply


async def test_a_notice_has_no_sender() -> None:
    async with Post().open() as post:
        await post.talk(EHLO, b"MAIL FROM:<>\r\n", TO, b"DATA\r\n", MAIL + b".\r\n")
        assert post.taken[0][0].sender == ""


@pytest.mark.row("E1", "ETT 10", "ETT 11")
@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([EHLO, b"DATA\r\n"], "503"),
        ([EHLO, TO], "503"),
        ([EHLO, FROM, b"DATA\r\n"], "503"),
        ([FROM], "503"),
        ([EHLO, FROM, FROM], "503"),
        ([EHLO, b"SEND a\r\n"], "500"),
        ([EHLO, b"EHLO " + b"x" * 2000 + b"\r\n"], "500"),
        ([EHLO, b"MAIL FROM:<" + b"a" * 65 + b"@x.example>\r\n"], "553"),
        ([EHLO, b'MAIL FROM:<"a b"@x.example>\r\n'], "553"),
        ([EHLO, b"MAIL FROM:a@x.example,b@x.example\r\n"], "5"),
        ([EHLO, FROM, b"RCPT TO:<b@elsewhere.example>\r\n"], "550"),
        ([EHLO, FROM, b"RCPT TO:<b@y.example@elsewhere.example>\r\n"], "5"),
        ([EHLO, FROM, TO, b"DATA x\r\n"], "501"),
        ([EHLO, b"AUTH PLAIN AGEAYg==\r\n"], "538"),
        ([EHLO, b"MAIL FROM:<a@x.example> SIZE=9999999\r\n"], "552"),
        ([EHLO, FROM, TO, b"DATA\r\n", b"x" * 999 + b"\r\n.\r\n"], "500"),
        ([EHLO, FROM, TO, b"DATA\r\n", b"x" * 998 + b"\r\n.\r\n"], "250"),
        ([EHLO, FROM, TO, b"DATA\r\n", (b"x" * 900 + b"\r\n") * 1200 + b".\r\n"], "552"),
        ([EHLO, FROM, TO, b"DATA\r\n", b"a\nb\r\n.\r\n"], "550"),
        ([EHLO, FROM, TO, b"DATA\r\n", b"a\rb\r\n.\r\n"], "550"),
        ([EHLO, FROM, TO, b"DATA\r\n", b"a\r\n.\nb\r\n.\r\n"], "550"),
        ([EHLO, FROM, TO, b"RSET\r\n", b"DATA\r\n"], "503"),
        ([EHLO, FROM, TO, EHLO, b"DATA\r\n"], "503"),
    ],
)
async def test_what_is_against_the_rules_is_answered_so(lines: list[bytes], code: str) -> None:
    async with Post().open() as post:
        assert (await post.talk(*lines))[-1].startswith(code)
        assert bool(post.taken) is (code == "250")
        assert (await post.talk(EHLO, FROM, TO, b"DATA\r\n", MAIL + b".\r\n"))[-1].startswith("250")


@pytest.mark.row("E1", "ETT 13")
async def test_recipients_connections_and_silence_have_limits() -> None:
    async with Post(connections=1, timeout=0.3).open() as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.server.port)
        assert (await _reply(reader)).startswith("220")
        assert (await post.talk())[0].startswith("421")
        async with asyncio.timeout(10):
            assert await reader.read() == b""  # it was silent for too long
        writer.close()
        many = [b"RCPT TO:<b%d@y.example>\r\n" % n for n in range(101)]
        replies = await post.talk(EHLO, FROM, *many)
        assert (replies[-2][:3], replies[-1][:3]) == ("250", "452")


@pytest.mark.row("E1")
async def test_a_mail_that_trickles_in_is_not_cut_off_by_the_limit_for_silence() -> None:
    async with Post(timeout=0.5).open() as post:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.server.port)
        for line in (b"", EHLO, FROM, TO, b"DATA\r\n"):
            writer.write(line)
            await _reply(reader)
        for byte in (MAIL[start : start + 8] for start in range(0, len(MAIL), 8)):
            writer.write(byte)
            await asyncio.sleep(0.1)  # a slow line, and longer in all than the limit
        writer.write(b".\r\n")
        assert (await _reply(reader)).startswith("250")
        writer.close()


@pytest.mark.row("E2", "E3", "ETT 16", "ETT 20", "ETT 22")
async def test_tls_and_a_password_are_asked_for_and_checked(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("mx.y.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.certificate, identity.key)
    ours = ssl.create_default_context(cafile=str(authority.file))
    settings = {"tls": context, "is_tls_required": True, "users": {"edge": "s3cret"}}
    async with Post(**settings).open() as post:
        assert (await post.talk(EHLO, FROM))[-1].startswith("530")

        def talk(client: smtplib.SMTP) -> list[int]:
            codes = [client.ehlo()[0]]
            assert not client.has_extn("auth")
            client._host = "mx.y.example"  # the name that is checked
            codes.append(client.starttls(context=ours)[0])
            codes.append(client.ehlo()[0])
            assert client.esmtp_features["auth"].split() == ["PLAIN"]
            assert client.esmtp_features["size"] == str(1 << 20)
            codes.append(client.mail("a@x.example")[0])
            for password in ("wrong", "s3cret"):
                token = base64.b64encode(b"\0edge\0" + password.encode()).decode()
                codes.append(client.docmd("AUTH", f"PLAIN {token}")[0])
            client.sendmail("a@x.example", ["b@y.example"], MAIL)
            return codes

        assert await post.smtplib(talk) == [250, 220, 250, 530, 535, 235]
        assert [(envelope.user, mail) for envelope, mail in post.taken] == [("edge", MAIL)]
        assert [finding.code for finding in post.findings] == ["DIR-302"]


@pytest.mark.row("E2")
async def test_what_is_said_before_tls_is_forgotten(tmp_path: Path) -> None:
    identity = Authority(tmp_path).issue("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.certificate, identity.key)
    async with Post(tls=context).open() as post:

        def inject() -> bytes:
            with socket.create_connection(("127.0.0.1", post.server.port), 10) as plain:
                lines = plain.makefile("rb", buffering=0)
                lines.readline()
                plain.sendall(EHLO)
                while lines.readline()[3:4] == b"-":
                    pass
                plain.sendall(b"STARTTLS\r\nMAIL FROM:<mallory@x.example>\r\n")
                assert lines.readline().startswith(b"220")
                open_context = ssl._create_unverified_context()
                with open_context.wrap_socket(plain) as secure:
                    secure.sendall(b"RCPT TO:<b@y.example>\r\n")
                    return secure.recv(1000)

        assert (await asyncio.to_thread(inject)).startswith(b"503")


async def test_an_end_that_stops_lets_a_mail_under_way_be_answered() -> None:
    async with Post().open() as post:
        post.gate.clear()
        sending = asyncio.create_task(post.talk(EHLO, FROM, TO, b"DATA\r\n", MAIL + b".\r\n"))
        await asyncio.wait_for(post.entered.wait(), 10)
        post.task.cancel()
        await asyncio.sleep(0)
        post.gate.set()
        assert (await sending)[-1].startswith("250")
        await asyncio.wait_for(asyncio.wait({post.task}), 10)


async def test_a_defect_of_the_receiver_asks_for_the_mail_again() -> None:
    async with Post().open() as post:
        post.server.receive = lambda _envelope, _text: _raise()  # type: ignore[assignment]
        assert (await post.talk(EHLO, FROM, TO, b"DATA\r\n", MAIL + b".\r\n"))[-1].startswith("451")


async def _raise() -> str:
    raise RuntimeError("broken")


async def test_swaks_is_answered() -> None:
    swaks = services.program("swaks")
    async with Post().open() as post:
        process = await asyncio.create_subprocess_exec(
            swaks, "--server", f"127.0.0.1:{post.server.port}", "--from", "a@x.example", "--to", "b@y.example",
            "--attach-type", "application/pdf", "--attach", "@/etc/hostname", "--silent", "2",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        assert b"application/pdf" in post.taken[0][1]
