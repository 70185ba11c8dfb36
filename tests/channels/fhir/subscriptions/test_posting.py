"""What is posted to endpoints, and to which address."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from channels.fhir.subscriptions.posting import Poster, Unsent
from channels.fhir.subscriptions.wanted import Wanted
from channels.http.reply import Reply
from channels.tls import ClientTls
from schemas.fhir.xml import from_xml
from tests.channels.fhir.server import serving
from tests.tls import Authority

BUNDLE = {"resourceType": "Bundle", "type": "history"}
WANTED = Wanted("https://ehr.example/hook", (("Authorization", "Bearer x"),), "application/fhir+json", "empty")


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    made = Poster(ClientTls(), 5, lambda _: None)
    yield made
    await made.close()


async def test_it_is_posted_with_the_clients_headers_in_the_form_it_asked_for(poster: Poster) -> None:
    with serving() as server:
        port = server.server_address[1]
        wanted = replace(WANTED, endpoint=f"http://localhost:{port}/hook?for=1")
        await poster.post(wanted, f"http://localhost:{port}/", BUNDLE, "r1")
        xml = replace(wanted, mime="application/fhir+xml; fhirVersion=4.0")
        reply = await poster.post(xml, f"http://localhost:{port}/", BUNDLE, "r2")
        first, second = server.requests
    assert isinstance(reply, Reply)
    assert (first.method, first.path, first.json) == ("POST", "/hook?for=1", BUNDLE)
    assert first.headers["host"] == f"localhost:{port}", "whichever address the name was looked up at"
    assert (first.headers["authorization"], first.headers["x-request-id"]) == ("Bearer x", "r1")
    assert second.headers["content-type"] == "application/fhir+xml; fhirVersion=4.0"
    assert from_xml(second.body)["type"] == "history"


async def test_nothing_inside_is_reached_that_the_site_does_not_list(poster: Poster) -> None:
    with serving() as server:
        port = server.server_address[1]
        for endpoint, address in (
            (f"https://localhost:{port}/", ""),
            (f"http://127.0.0.1:{port}/", ""),
            (f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port + 1}/"),
            (f"http://127.0.0.1:{port}/other", f"http://127.0.0.1:{port}/fhir"),
        ):
            found = await poster.post(replace(WANTED, endpoint=endpoint), address, BUNDLE, "r")
            assert isinstance(found, Unsent), endpoint
        assert server.connections == 0


async def test_a_redirection_is_not_followed(poster: Poster) -> None:
    with serving() as server:
        server.answer = lambda _: (302, None, {"location": f"{server.base}/elsewhere"})
        found = await poster.post(replace(WANTED, endpoint=f"{server.base}/hook"), server.base, BUNDLE, "r")
        assert isinstance(found, Reply)
        assert (found.status, len(server.requests)) == (302, 1)


async def test_what_fails_has_its_code(poster: Poster) -> None:
    silent = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(60), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    wanted = replace(WANTED, endpoint=address, timeout=timedelta(seconds=0.2))
    slow = await poster.post(wanted, address, BUNDLE, "r")
    silent.close()
    gone = await poster.post(replace(wanted, timeout=None), address, BUNDLE, "r")
    nameless = "https://no-such-host.invalid/"
    lost = await poster.post(replace(wanted, endpoint=nameless), nameless, BUNDLE, "r")
    assert [found[0] for found in (slow, gone, lost)] == ["no-response", "no-response", "dns-resolution-error"]
    assert slow[1] == "no answer within 0.2 s"


@pytest.mark.parametrize("host", ["xn--zzzzzz99999.ehr.example", "xn--a", "xn--mnchen-3ya.example"])
async def test_a_name_that_is_no_international_one_is_posted_to_as_it_is(
    poster: Poster, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    async def lookup(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    with serving() as server:
        address = f"http://{host}:{server.server_address[1]}/"
        found = await poster.post(replace(WANTED, endpoint=address), address, BUNDLE, "r")
        assert isinstance(found, Reply)
        assert server.requests[0].headers["host"] == address.removeprefix("http://").rstrip("/")


async def test_many_servers_do_not_break_off_what_is_under_way(poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.fhir.subscriptions.posting._SERVERS", 1)
    arrived, others_are_done = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await others_are_done.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    slow = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}/"
    first = asyncio.create_task(poster.post(replace(WANTED, endpoint=address), address, BUNDLE, "r"))
    await arrived.wait()
    for _ in range(2):
        with serving() as server:
            reply = await poster.post(replace(WANTED, endpoint=server.base), server.base, BUNDLE, "r")
            assert isinstance(reply, Reply)
    others_are_done.set()
    assert isinstance(await first, Reply)
    slow.close()


async def test_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for host, answers in (("localhost", True), ("ehr.example", False)):
        identity = authority.issue(host, hosts=(host,))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(identity.certificate, identity.key)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        address = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        poster = Poster(ClientTls(authorities=authority.file), 5, lambda _: None)
        found = await poster.post(replace(WANTED, endpoint=address), address, BUNDLE, "r")
        assert isinstance(found, Reply) is answers
        await poster.close()
        server.close()
