"""Key sets by URL: fetched over https, kept, fetched anew for a key that is new, and never on a stranger's demand."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from channels.fhir.smart.remote import Fetch, FetchError, RemoteKeys, fetcher
from channels.tls import ClientTls
from schemas.finding import Finding
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.client import PATIENT, end, serving
from tests.channels.fhir.smart.partner import SECRET, TOKEN_URL, Partner, access
from tests.tls import certificates

URL = "https://lab.example.org/jwks"


class Web:
    """Publishes `kids` at every URL, or fails; counts how often it is asked."""

    def __init__(self, *kids: str) -> None:
        self.kids: tuple[str, ...] | None = kids
        self.asked = 0

    async def fetch(self, _url: str) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.kids is None:
            raise FetchError("ConnectError")
        return json.dumps({"keys": [Partner(kid=kid).jwk for kid in self.kids]}).encode()


async def test_kept_renewed_and_for_a_day_at_most() -> None:
    web, now, findings = Web("k1"), [NOW], list[Finding]()
    remote = RemoteKeys(web.fetch, lambda: now[0], findings.append)

    async def at(kid: str, **passed: int) -> tuple[bool, int]:
        now[0] = NOW + timedelta(**passed)
        return await remote.find(URL, kid) is not None, web.asked

    assert await at("k1") == (True, 1)
    assert await at("k1", minutes=59) == (True, 1)
    web.kids = ("k1", "k2")
    assert await at("k2", minutes=59) == (True, 2)
    assert await at("k3", minutes=59, seconds=30) == (False, 2)
    assert await at("k3", minutes=60) == (False, 3)
    web.kids = None
    assert await at("k1", hours=3) == (True, 4)
    assert await at("k1", hours=3, seconds=59) == (True, 4)
    assert await at("k1", hours=26) == (False, 5)
    web.kids = ("k2",)
    assert await at("k1", hours=27) == (False, 6)
    assert [finding.code for finding in findings] == ["FHIR-416"] * 2


async def test_asked_once_by_many_at_once() -> None:
    web = Web("k1")
    remote = RemoteKeys(web.fetch, lambda: NOW, lambda _: None)
    found = await asyncio.gather(*(remote.find(URL, f"k{number % 2 + 1}") for number in range(50)))
    assert (sum(key is not None for key in found), web.asked) == (25, 1)


async def published(folder: Path, head: bytes, body: bytes) -> tuple[Fetch, asyncio.Server, str]:
    """A web server over TLS that gives one answer."""
    authority, server, _ = certificates(folder)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server.certificate, server.key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        try:
            await writer.drain()
        except ConnectionError:
            return
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{listening.sockets[0].getsockname()[1]}/jwks"
    return fetcher(ClientTls(authorities=authority.file), lambda _: None), listening, url


async def test_a_client_whose_keys_are_published(tmp_path: Path) -> None:
    lab, desk = Partner(alg="ES384"), Desk()
    body = json.dumps({"keys": [lab.jwk]}).encode()
    _, listening, url = await published(tmp_path / "tls", b"200 OK", body)
    authority = certificates(tmp_path / "tls")[0]
    clients = f"clients: [{{client: lab, jwks_url: '{url}', scopes: system/*.cu}}]"
    smart = {"token_url": TOKEN_URL, "secret": SECRET, "tls": {"authorities": str(authority.file)}}
    async with listening, serving(desk, end(desk, tmp_path, access=access(tmp_path, clients, smart=smart))) as client:
        answer = await client.post("token", data=lab.form())
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        sent = await client.post("Patient", json=PATIENT, headers=bearer)
    assert (answer.json()["scope"], sent.status_code) == ("system/*.cu", 202)


@pytest.mark.parametrize(
    ("head", "body", "why"),
    [
        (b"404 Not Found", b"", "404"),
        (b"302 Found\r\nLocation: https://localhost/other", b"", "302"),
        (b"200 OK", b"x" * (1 << 20) + b"x", "larger"),
        (b"nonsense", b"", "RemoteProtocolError"),
    ],
)
async def test_what_is_not_taken(tmp_path: Path, head: bytes, body: bytes, why: str) -> None:
    fetch, listening, url = await published(tmp_path, head, body)
    async with listening:
        with pytest.raises(FetchError, match=why):
            await fetch(url)


async def test_a_server_that_another_authority_vouches_for_is_not_believed(tmp_path: Path) -> None:
    _, listening, url = await published(tmp_path / "one", b"200 OK", b"{}")
    other = certificates(tmp_path / "two")[0]
    async with listening:
        with pytest.raises(FetchError, match="ConnectError"):
            await fetcher(ClientTls(authorities=other.file), lambda _: None)(url)
