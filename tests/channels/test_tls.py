"""TLS options: who gets in, what is refused, and that a renewed certificate needs no restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from pydantic import ValidationError

from channels.tls import ClientCertificate, ClientTls, ServerTls, TlsError
from schemas.finding import Finding
from tests.tls import Authority, Identity

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@pytest.fixture
def server(authority: Authority) -> Identity:
    return authority.issue("engine", hosts=("localhost", "127.0.0.1"))


@asynccontextmanager
async def echoing(tls: ServerTls, findings: list[Finding]) -> AsyncIterator[tuple[int, list[ClientCertificate | None]]]:
    """A TLS server that says who connected; gives its port and the clients seen."""
    seen: list[ClientCertificate | None] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(ClientCertificate.of(writer.get_extra_info("ssl_object")))
        writer.write(await reader.read(100))
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls.context(findings.append))
    async with listening:
        yield listening.sockets[0].getsockname()[1], seen


async def call(port: int, tls: ClientTls, host: str = "127.0.0.1") -> str:
    """Connect, say ping; returns the serial number of the certificate that the server showed."""
    context = tls.context(lambda _: None)
    reader, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=tls.server_name or host)
    writer.write(b"ping")
    assert await reader.read(100) == b"ping"
    shown = writer.get_extra_info("peercert")
    writer.close()
    return str(shown["serialNumber"])


def serial(identity: Identity) -> str:
    return f"{identity.x509.serial_number:040X}".lstrip("0")


@pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
def test_a_renewed_certificate_is_shown_without_a_restart(
    new_loop: Callable[[], asyncio.AbstractEventLoop], authority: Authority, server: Identity
) -> None:
    findings: list[Finding] = []

    async def run() -> None:
        async with echoing(ServerTls(certificate=server.certificate, key=server.key), findings) as (port, _):
            client = ClientTls(authorities=authority.file)
            assert (await call(port, client)).lstrip("0") == serial(server)
            renewed = authority.issue("engine", hosts=("127.0.0.1",))
            assert (await call(port, client)).lstrip("0") == serial(renewed)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())
    assert [finding.code for finding in findings] == ["TLS-102"]


async def test_a_bad_renewal_keeps_the_old_certificate_and_is_reported_once(
    authority: Authority, server: Identity
) -> None:
    findings: list[Finding] = []
    async with echoing(ServerTls(certificate=server.certificate, key=server.key), findings) as (port, _):
        client = ClientTls(authorities=authority.file)
        other = authority.issue("other", hosts=("127.0.0.1",))
        shutil.copy(other.certificate, server.certificate)  # the key does not follow
        assert (await call(port, client)).lstrip("0") == serial(server)
        assert (await call(port, client)).lstrip("0") == serial(server)
        assert [(f.code, "does not belong" in f.what) for f in findings] == [("TLS-101", True)]
        shutil.copy(other.key, server.key)
        assert (await call(port, client)).lstrip("0") == serial(other)


async def test_with_clients_a_partner_must_show_a_certificate_of_theirs(
    authority: Authority, server: Identity, tmp_path: Path
) -> None:
    partner = authority.issue("adt.stanne.example", hosts=("adt.stanne.example",))
    stranger = Authority(tmp_path / "strange").issue("adt.stanne.example")
    tls = ServerTls(certificate=server.certificate, key=server.key, clients=authority.file)
    async with echoing(tls, []) as (port, seen):
        await call(port, ClientTls(authorities=authority.file, certificate=partner.certificate, key=partner.key))
        for identity in (None, stranger):
            shown = {"certificate": identity.certificate, "key": identity.key} if identity else {}
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                await call(port, ClientTls(authorities=authority.file, **shown))
    assert [client and client.subject for client in seen] == ["O=St. Anne's, CN=adt.stanne.example"]


@pytest.mark.parametrize(
    ("names", "admitted"),
    [
        ([], True),
        (["ADT.StAnne.example"], True),
        (["lab.example"], False),
        (["lab.example", "adt.stanne.example"], True),
        (["sha256:{fingerprint}"], True),
        (["sha256:00"], False),
    ],
)
async def test_client_names_choose_among_the_authoritys_partners(
    authority: Authority, server: Identity, names: list[str], admitted: bool
) -> None:
    partner = authority.issue("adt.stanne.example", hosts=("adt.stanne.example",))
    tls = ServerTls(
        certificate=server.certificate,
        key=server.key,
        clients=authority.file,
        client_names=[name.format(fingerprint=partner.fingerprint) for name in names],
    )
    async with echoing(tls, []) as (port, seen):
        await call(port, ClientTls(authorities=authority.file, certificate=partner.certificate, key=partner.key))
    assert tls.admits(seen[0]) is admitted


@pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
def test_failed_handshakes_are_reported_with_a_hint(
    new_loop: Callable[[], asyncio.AbstractEventLoop], authority: Authority, server: Identity, tmp_path: Path
) -> None:
    findings: list[Finding] = []
    stranger = Authority(tmp_path / "strange").issue("adt.stanne.example")

    async def run() -> None:
        tls = ServerTls(certificate=server.certificate, key=server.key, clients=authority.file)
        async with echoing(tls, findings) as (port, _):
            for identity in (None, stranger):
                shown = {"certificate": identity.certificate, "key": identity.key} if identity else {}
                with contextlib.suppress(OSError, AssertionError):
                    await call(port, ClientTls(authorities=authority.file, **shown))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x0bMSH|^~\\&|no TLS\x1c\r")
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())
    assert [f.code for f in findings] == ["TLS-103"] * 3
    hints = ["shows no certificate", "not from the authorities", "does not speak TLS"]
    assert all(hint in finding.hint for hint, finding in zip(hints, findings, strict=True))


async def test_the_partners_name_is_checked_and_can_be_given(authority: Authority) -> None:
    elsewhere = authority.issue("lab", hosts=("lab.example",))
    async with echoing(ServerTls(certificate=elsewhere.certificate, key=elsewhere.key), []) as (port, _):
        with pytest.raises(ssl.SSLCertVerificationError):
            await call(port, ClientTls(authorities=authority.file))
        await call(port, ClientTls(authorities=authority.file, server_name="lab.example"))
        with pytest.raises(ssl.SSLCertVerificationError):  # the system's authorities do not know ours
            await call(port, ClientTls(server_name="lab.example"))


async def test_a_partners_own_certificate_can_be_pinned(authority: Authority, server: Identity) -> None:
    async with echoing(ServerTls(certificate=server.certificate, key=server.key), []) as (port, _):
        await call(port, ClientTls(authorities=server.certificate))


@pytest.mark.parametrize(
    ("flag", "minimum", "works"), [("-tls1_1", "1.2", False), ("-tls1_2", "1.2", True), ("-tls1_2", "1.3", False)]
)
async def test_old_versions_are_refused(
    authority: Authority, server: Identity, flag: str, minimum: str, works: bool
) -> None:
    tls = ServerTls.model_validate({"certificate": server.certificate, "key": server.key, "minimum": minimum})
    async with echoing(tls, []) as (port, _):
        client = await asyncio.create_subprocess_exec(
            *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", flag, "-CAfile", str(authority.file), "-quiet"),
            *("-cipher", "ALL:@SECLEVEL=0"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        answer, _ = await client.communicate(b"ping")
    assert (answer == b"ping") is works


async def test_an_encrypted_key_needs_its_password(authority: Authority) -> None:
    locked = authority.issue("locked", hosts=("127.0.0.1",), password="open sesame")
    written = {"certificate": str(locked.certificate), "key": str(locked.key)}
    async with echoing(ServerTls.model_validate({**written, "key_password": "open sesame"}), []) as (port, _):
        await call(port, ClientTls(authorities=authority.file))
    for wrong in ({}, {"key_password": "sesame"}):
        with pytest.raises(TlsError) as caught:
            ServerTls.model_validate({**written, **wrong}).context(lambda _: None)
        assert "password" in str(caught.value)
        assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda i: i.certificate.unlink(), "engine.pem: No such file"),
        (lambda i: i.key.unlink(), "engine.key: No such file"),
        (lambda i: i.certificate.write_text("not a certificate"), "PEM"),
        (lambda i: i.key.write_bytes(i.certificate.read_bytes()), "PEM"),
    ],
)
def test_files_that_cannot_be_used_are_named(server: Identity, spoil: Callable[[Identity], object], says: str) -> None:
    spoil(server)
    with pytest.raises(TlsError, match="tls: ") as caught:
        ServerTls(certificate=server.certificate, key=server.key).context(lambda _: None)
    assert says in str(caught.value)
    assert os.fspath(server.certificate.parent) in str(caught.value)


@pytest.mark.parametrize(
    ("model", "written"),
    [
        (ServerTls, {}),
        (ServerTls, {"certificate": "a.pem", "client_names": ["x"]}),
        (ServerTls, {"certificate": "a.pem", "minimum": "1.1"}),
        (ServerTls, {"certificate": "a.pem", "verify": "no"}),
        (ClientTls, {"key": "a.key"}),
    ],
)
def test_options_without_meaning_are_refused(model: type[ServerTls | ClientTls], written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(written)


def test_files_are_found_in_the_site(tmp_path: Path) -> None:
    tls = ServerTls.model_validate({"certificate": "tls/a.pem"}, context={"site": tmp_path})
    assert tls.certificate == tmp_path / "tls/a.pem"
