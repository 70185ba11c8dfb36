"""Reads, passed on to a server that keeps the resources."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from channels.fhir.options import Reads
from tests.channels.desk import Desk
from tests.channels.fhir.client import PATIENT, end, issue, serving

FHIR = b"Content-Type: application/fhir+json\r\n"


class Server:
    """A server that gives one answer, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = b""
        self.base = ""

    def says(self, body: bytes, head: bytes = FHIR, status: bytes = b"200 OK") -> None:
        length = b"Content-Length: %d\r\n" % len(body)
        self.answer = b"HTTP/1.1 " + status + b"\r\n" + head + length + b"Connection: close\r\n\r\n" + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(length[0][15:])) if length else b""
        self.asked.append((head + body).decode())
        writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def a_server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/r4"
    try:
        yield server
    finally:
        listening.close()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("Patient/1", "GET /r4/Patient/1 HTTP/1.1"),
        ("Patient/1/_history/2", "GET /r4/Patient/1/_history/2 HTTP/1.1"),
        ("Patient?identifier=http://x%7C1&_count=2", "GET /r4/Patient?identifier=http://x%7C1&_count=2 HTTP/1.1"),
        ("Patient/_history", "GET /r4/Patient/_history HTTP/1.1"),
        ("?_getpages=7", "GET /r4?_getpages=7 HTTP/1.1"),
    ],
)
async def test_a_read_is_passed_on_and_not_journaled(tmp_path: Path, path: str, asked: str) -> None:
    desk = Desk()
    async with a_server() as server:
        server.says(json.dumps(PATIENT).encode(), FHIR + b'ETag: W/"3"\r\nLast-Modified: Sat\r\nServer: secret\r\n')
        reads = Reads(server=server.base, token=SecretStr("s3cret"))
        async with serving(desk, end(desk, tmp_path, reads=reads)) as client:
            answer = await client.get(path, headers={"x-request-id": "r-1", "if-none-match": 'W/"2"'})
            statement = await client.get("metadata")
    assert (answer.status_code, answer.json()) == (200, PATIENT)
    assert (answer.headers["etag"], answer.headers["last-modified"]) == ('W/"3"', "Sat")
    assert "secret" not in str(answer.headers)
    [request] = server.asked
    assert request.startswith(asked)
    for line in ("authorization: bearer s3cret", 'if-none-match: w/"2"', "x-request-id: r-1"):
        assert line in request.lower()
    assert desk.messages == []
    codes = {each["code"] for each in statement.json()["rest"][0]["resource"][0]["interaction"]}
    assert {"read", "vread", "search-type", "history-instance"} <= codes


async def test_a_search_that_is_posted_keeps_its_body(tmp_path: Path) -> None:
    desk = Desk()
    async with a_server() as server:
        server.says(b'{"resourceType":"Bundle","type":"searchset"}')
        async with serving(desk, end(desk, tmp_path, reads=Reads(server=server.base))) as client:
            answer = await client.post("Patient/_search", data={"name": "Testperson"})
            wrong = await client.post("Patient/_search", json={"name": "Testperson"})
    assert (answer.status_code, wrong.status_code) == (200, 415)
    [request] = server.asked
    assert request.startswith("POST /r4/Patient/_search HTTP/1.1")
    assert request.endswith("name=Testperson")


async def test_the_server_s_base_becomes_ours(tmp_path: Path) -> None:
    desk = Desk()
    async with a_server() as server:
        found = {
            "resourceType": "Bundle",
            "link": [{"relation": "next", "url": f"{server.base}?_getpages=1"}],
            "entry": [{"fullUrl": f"{server.base}/Patient/1", "resource": {"id": f"{server.base}x"}}],
        }
        server.says(
            json.dumps(found).encode(), FHIR + b"Content-Location: " + f"{server.base}/Patient/1".encode() + b"\r\n"
        )
        async with serving(desk, end(desk, tmp_path, reads=Reads(server=f"{server.base}/"))) as client:
            answer = await client.get("Patient")
            base = str(client.base_url).rstrip("/")
    bundle = answer.json()
    assert bundle["link"][0]["url"] == f"{base}?_getpages=1"
    assert bundle["entry"][0]["fullUrl"] == answer.headers["content-location"] == f"{base}/Patient/1"
    assert bundle["entry"][0]["resource"]["id"] == f"{server.base}x"


@pytest.mark.parametrize(
    ("status", "head", "body", "answered", "finding"),
    [
        (b"404 Not Found", FHIR, b'{"resourceType":"OperationOutcome","issue":[{"code":"x"}]}', 404, []),
        (b"304 Not Modified", b"", b"", 304, []),
        (b"200 OK", FHIR + b"ETag: \xe2\x82\xac\r\n", b"{}", 200, []),
        (b"401 Unauthorized", FHIR, b"{}", 502, ["FHIR-410"]),
        (b"302 Found", b"Location: http://elsewhere/\r\n", b"", 502, ["FHIR-410"]),
        (b"200 OK", b"Content-Type: text/html\r\n", b"<html>sign in</html>", 502, ["FHIR-410"]),
        (b"200 OK", FHIR, b" " * 20_000, 502, ["FHIR-410"]),
        (b"what", b"", b"", 503, ["FHIR-409"]),
    ],
)
async def test_what_the_server_answers(
    tmp_path: Path, status: bytes, head: bytes, body: bytes, answered: int, finding: list[str]
) -> None:
    desk = Desk()
    async with a_server() as server:
        server.says(body, head, status)
        async with serving(desk, end(desk, tmp_path, reads=Reads(server=server.base), limit=10_000)) as client:
            answer = await client.get("Patient/1")
    assert answer.status_code == answered
    assert [each.code for each in desk.findings] == finding


@pytest.mark.parametrize("server", ["http://127.0.0.1:1/r4", "https://127.0.0.1:1/r4"])
async def test_a_server_that_is_away(tmp_path: Path, server: str) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, reads=Reads(server=server))) as client:
        answer = await client.get("Patient/1?name=Testperson")
    assert (answer.status_code, issue(answer)["code"], answer.headers["retry-after"]) == (503, "transient", "10")
    assert "Testperson" not in answer.text + str(desk.findings)


async def test_a_server_that_does_not_answer_in_time(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    desk = Desk()
    reads = Reads(server=base, timeout=timedelta(milliseconds=100))
    async with serving(desk, end(desk, tmp_path, reads=reads)) as client:
        answer = await client.get("Patient/1")
    listening.close()
    assert answer.status_code == 503


async def test_types_hold_for_reads_too(tmp_path: Path) -> None:
    desk = Desk()
    options = {"reads": Reads(server="http://127.0.0.1:1"), "types": ["Observation"]}
    async with serving(desk, end(desk, tmp_path, **options)) as client:
        answer = await client.get("Patient/1")
    assert answer.status_code == 404
