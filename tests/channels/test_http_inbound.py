"""The inbound http end, as curl and a raw socket see it."""

import asyncio
import gzip
import json
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from pydantic import SecretStr

from channels.ends import Receipt, ReceiptCode
from channels.http import HttpInbound
from channels.tls import ClientTls, ServerTls
from schemas.hl7v2 import read_ack
from schemas.message import Message
from schemas.values import Address
from tests.channels.desk import ACCEPTED, Desk, adt
from tests.tls import Authority

HL7 = "Content-Type: application/hl7-v2; charset=utf-8"
PATIENT = b'{"resourceType":"Patient","id":"a"}'
REJECTED = Receipt(ReceiptCode.REJECTED, "the type is not known here", "MSH-9", "200")
FAILED = Receipt(ReceiptCode.FAILED, "the journal is full", "", "207")


@dataclass
class Answer:
    """What curl printed: the last status and headers, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes


def end(desk: Desk, tmp_path: Path, **options: Any) -> HttpInbound:
    return HttpInbound(desk.context(tmp_path), listen=Address("127.0.0.1", 0), **options)


async def curl(url: str, *options: str, body: bytes | None = None) -> Answer:
    """Call curl; `body` is posted."""
    data = ["--data-binary", "@-"] if body is not None else []
    command = ["curl", "-sS", "-i", "--http1.1", "--max-time", "10", *options, *data, url]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    printed, complaint = await process.communicate(body)
    assert process.returncode == 0, complaint.decode()
    head, _, rest = printed.partition(b"\r\n\r\n")
    while rest.startswith(b"HTTP/1.1"):  # what came before was 100 Continue
        head, _, rest = rest.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]), headers, rest)


async def test_an_accepted_message_is_answered_200_with_aa(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, path="/adt")
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/adt", "-H", HL7, body=adt(7))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/hl7-v2; charset=utf-8"
    ack = read_ack(answer.body)
    assert (ack.code, ack.control_id) == ("AA", "MSG00007")
    [message] = desk.messages
    assert (message.channel, message.format, message.body) == ("adt-feed", "hl7v2", adt(7))
    assert message.attributes == {"http.peer": "127.0.0.1", "body.charset": "utf-8"}


@pytest.mark.parametrize(
    ("receipt", "options", "status", "code"),
    [
        (REJECTED, {}, 400, "AR"),
        (FAILED, {}, 503, "AE"),
        (REJECTED, {"always_200": True}, 200, "AR"),
        (FAILED, {"always_200": True}, 200, "AE"),
    ],
)
async def test_the_status_says_what_the_acknowledgment_says(
    tmp_path: Path, receipt: Receipt, options: dict[str, bool], status: int, code: str
) -> None:
    desk = Desk(lambda _: receipt)
    inbound = end(desk, tmp_path, **options)
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", HL7, body=adt())
    ack = read_ack(answer.body)
    assert (answer.status, ack.code, ack.control_id) == (status, code, "MSG00001")
    assert ("retry-after" in answer.headers) == (receipt is FAILED)
    if receipt is REJECTED:
        assert (ack.errors[0].where, ack.errors[0].code) == ("MSH-9", "200")


async def test_the_enhanced_mode_is_answered_in_its_own_codes(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)
    body = adt().replace(b"|P|2.5.1\r", b"|P|2.5.1|||AL|NE\r")
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", HL7, body=body)
    assert read_ack(answer.body).code == "CA"


async def test_a_damaged_message_is_handed_over_and_answered_ar(tmp_path: Path) -> None:
    desk = Desk(lambda _: Receipt(ReceiptCode.REJECTED, "there is no MSH", "MSH", "100"))
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", HL7, body=b"PID|1\r")
    assert (answer.status, read_ack(answer.body).code) == (400, "AR")
    assert desk.messages[0].body == b"PID|1\r"


async def test_an_engine_that_breaks_answers_ae_and_quotes_nothing(tmp_path: Path) -> None:
    def breaks(message: Message) -> Receipt:
        raise RuntimeError(message.get("PID-5.1"))

    desk = Desk(breaks)
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", HL7, body=adt())
    assert (answer.status, read_ack(answer.body).code) == (503, "AE")
    assert b"Testperson" not in answer.body
    assert "Testperson" not in str(desk.findings)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/hl7-v2", 200),
        ("application/hl7-v2+er7; charset=iso-8859-1", 200),
        ("X-Application/HL7-v2+er7", 200),
        ("text/plain; charset=utf-8", 200),
        ("", 200),
        ("application/json", 415),
        ("application/hl7-v2+xml", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
async def test_content_types(tmp_path: Path, kind: str, status: int) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", f"Content-Type: {kind}", body=adt())
    assert answer.status == status
    assert len(desk.messages) == (status == 200)


@pytest.mark.parametrize(("kind", "status"), [("application/json", 202), ("", 202), ("text/plain", 415)])
async def test_content_types_of_fhir(tmp_path: Path, kind: str, status: int) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, format="fhir")
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", f"Content-Type: {kind}", body=PATIENT)
    assert answer.status == status
    if status == 415:
        assert answer.headers["accept"].startswith("application/fhir+json")


async def test_the_request_s_character_set_rules_where_the_message_names_none(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, charset="UNICODE UTF-8")
    body = adt().replace(b"Testperson", "Müller".encode("latin-1"))
    async with desk.serving(inbound):
        header = "Content-Type: application/hl7-v2; charset=ISO-8859-1"
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", header, body=body)
    assert answer.status == 200
    assert desk.messages[0].get("PID-5.1") == "Müller"


@pytest.mark.parametrize(
    ("format", "kind", "body", "found"),
    [
        ("auto", "application/pdf", b"%PDF-1.7\0\xff", "binary"),
        ("auto", "text/plain", b"a note\n", "text"),
        ("auto", "application/octet-stream", adt(), "hl7v2"),
        ("auto", "application/hl7-v2", b"PID|1\r", "hl7v2"),
        ("binary", "application/hl7-v2", adt(), "binary"),
        ("auto", "application/json", PATIENT, "fhir"),
        ("auto", "application/fhir+json", b"{", "fhir"),
        ("auto", "application/json", b"{}", "text"),
        ("fhir", "application/fhir+json; charset=utf-8", PATIENT, "fhir"),
    ],
)
async def test_formats(tmp_path: Path, format: str, kind: str, body: bytes, found: str) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, format=format)
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", f"Content-Type: {kind}", body=body)
    [message] = desk.messages
    assert (message.format, message.body) == (found, body)
    if found == "hl7v2":
        assert answer.status == 200
        assert read_ack(answer.body).code == "AA"
    else:
        assert answer.status == 202
        assert json.loads(answer.body) == {"id": message.id}


@pytest.mark.parametrize(("receipt", "status"), [(REJECTED, 400), (FAILED, 503)])
async def test_a_generic_body_that_is_not_accepted(tmp_path: Path, receipt: Receipt, status: int) -> None:
    desk = Desk(lambda _: receipt)
    inbound = end(desk, tmp_path, format="binary")
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", body=b"\0\1")
    assert answer.status == status
    assert json.loads(answer.body)["error"] == receipt.reason


@pytest.mark.parametrize(
    ("options", "path", "status", "header"),
    [
        (["-X", "GET"], "/", 405, ("allow", "POST")),
        (["-X", "PUT"], "/", 405, ("allow", "POST")),
        ([], "/other", 404, None),
        (["-H", "Content-Encoding: br"], "/", 415, ("accept-encoding", "gzip, identity")),
    ],
)
async def test_what_is_no_post_of_ours(
    tmp_path: Path, options: list[str], path: str, status: int, header: tuple[str, str] | None
) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}{path}", "-H", HL7, *options, body=adt())
    assert answer.status == status
    assert header is None or answer.headers[header[0]] == header[1]
    assert desk.messages == []


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Authorization: Bearer s3cret", 200),
        ("Authorization: bearer s3cret", 200),
        ("Authorization: Bearer s3cre", 401),
        ("Authorization: Bearer s3cret2", 401),
        ("Authorization: Basic s3cret", 401),
        ("Authorization: Bearer", 401),
        ("X-Other: s3cret", 401),
    ],
)
async def test_the_bearer_token_is_asked_for(tmp_path: Path, given: str, status: int) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, token=SecretStr("s3cret"))
    async with desk.serving(inbound):
        answer = await curl(f"http://127.0.0.1:{inbound.port}/", "-H", HL7, "-H", given, body=adt())
    assert answer.status == status
    assert len(desk.messages) == (status == 200)
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert [finding.code for finding in desk.findings] == ["HTTP-101"]
        assert "s3cre" not in str(desk.findings)


@pytest.mark.parametrize("extra", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]])
async def test_a_body_above_the_limit_is_refused(tmp_path: Path, extra: list[str]) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, limit=500_000)
    url = f"http://127.0.0.1:{inbound.port}/"
    async with desk.serving(inbound):
        url = f"http://127.0.0.1:{inbound.port}/"
        answer = await curl(url, "-H", HL7, *extra, body=adt() + b"x" * 600_000)
        assert answer.status == 413
        assert (await curl(url, "-H", HL7, *extra, body=adt())).status == 200
    assert len(desk.messages) == 1
    assert [finding.code for finding in desk.findings] == ["HTTP-102"]


async def test_gzip_is_taken_within_the_limit(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, limit=100_000)
    cases = [
        (gzip.compress(adt()), 200),
        (gzip.compress(adt()[:50]) + gzip.compress(adt()[50:]), 200),
        (gzip.compress(adt() + b"0" * 10_000_000), 413),
        (gzip.compress(adt())[:-20], 400),
        (adt(), 400),
        (gzip.compress(adt()) + b"junk", 400),
    ]
    async with desk.serving(inbound):
        url = f"http://127.0.0.1:{inbound.port}/"
        answers = [await curl(url, "-H", HL7, "-H", "Content-Encoding: gzip", body=body) for body, _ in cases]
    assert [answer.status for answer in answers] == [status for _, status in cases]
    assert [message.body for message in desk.messages] == [adt(), adt()]


async def test_one_connection_serves_many_requests(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        url = f"http://127.0.0.1:{inbound.port}/"
        command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{num_connects} ", "-H", HL7, "-d", "@-", url]
        both = [
            *command,
            "--next",
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{num_connects}",
            "-H",
            HL7,
            "-d",
            "MSH|^~\\&|a",
            url,
        ]
        process = await asyncio.create_subprocess_exec(*both, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        printed, _ = await process.communicate(adt())
    assert printed.decode().split() == ["1", "0"]
    assert len(desk.messages) == 2


async def test_tls_and_the_partner_s_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.issue("engine", hosts=("127.0.0.1",))
    practice = authority.issue("practice")
    stranger = authority.issue("stranger")
    tls = ServerTls(certificate=server.certificate, key=server.key, clients=authority.file, client_names=["practice"])
    desk = Desk()
    inbound = end(desk, tmp_path, tls=tls)
    async with desk.serving(inbound):
        url = f"https://127.0.0.1:{inbound.port}/"
        trust = ["--cacert", str(authority.file), "-H", HL7]
        shown = ["--cert", str(practice.certificate), "--key", str(practice.key)]
        assert (await curl(url, *trust, *shown, body=adt())).status == 200
        for others in ([], ["--cert", str(stranger.certificate), "--key", str(stranger.key)]):
            with pytest.raises(AssertionError, match=r"curl: \(\d+\)"):
                await curl(url, *trust, *others, body=adt())
    assert len(desk.messages) == 1
    assert desk.messages[0].attributes["http.client"] == "O=St. Anne's, CN=practice"
    assert [finding.code for finding in desk.findings] == ["TLS-103", "HTTP-105"]


async def speak_at_once(port: int, tls: ClientTls, request: bytes) -> bytes:
    """A request in the very packet that ends the handshake; gives the other side's answer, empty when it closes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.context(lambda _: None).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            incoming.write(await reader.read(65536))
    client.write(request)
    writer.write(outgoing.read())
    while received := await reader.read(65536):
        incoming.write(received)
        try:
            if answer := client.read(65536):
                writer.close()
                return answer
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError:
            break
        break
    writer.close()
    return b""


async def raw(port: int, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the end with these bytes written."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    return reader, writer


HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/hl7-v2\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_a_stranger_sends_with_its_certificate_is_overlooked(
    tmp_path: Path, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.issue("engine", hosts=("127.0.0.1",))
    tls = ServerTls(certificate=server.certificate, key=server.key, clients=authority.file, client_names=["practice"])

    async def talk() -> None:
        for name, messages in (("practice", 1), ("stranger", 0)):
            client = authority.issue(name)
            desk = Desk()
            inbound = end(desk, tmp_path, tls=tls)
            async with desk.serving(inbound):
                shown = ClientTls(authorities=authority.file, certificate=client.certificate, key=client.key)
                request = HEAD.replace(b"Host: h", b"Host: h\r\nConnection: close") % len(adt()) + adt()
                answer = await speak_at_once(inbound.port, shown, request)
            assert len(desk.messages) == messages
            assert answer.startswith(b"HTTP/1.1 200") == bool(messages)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.wait_for(talk(), 20))


async def test_a_body_that_does_not_come_is_answered_408(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, patience=timedelta(milliseconds=100))
    async with desk.serving(inbound):
        reader, writer = await raw(inbound.port, HEAD % 1000, b"MSH|")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert [finding.code for finding in desk.findings] == ["HTTP-103"]


@pytest.mark.parametrize("piece", [b"", b"POST / HT", b"\r\n\r\n"])
async def test_a_head_that_does_not_come_closes_the_connection(tmp_path: Path, piece: bytes) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, patience=timedelta(milliseconds=100))
    async with desk.serving(inbound):
        reader, writer = await raw(inbound.port, piece)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        reader, writer = await raw(inbound.port, b"POST / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 500_000)
        answer = await asyncio.wait_for(reader.read(100), 10)
        writer.close()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert desk.messages == []


async def test_no_more_connections_than_allowed(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, connections=1)
    async with desk.serving(inbound):
        reader, writer = await raw(inbound.port, HEAD % len(adt()), adt())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        other, other_writer = await raw(inbound.port)
        assert await asyncio.wait_for(other.read(), 10) == b""
        other_writer.close()
        writer.write(HEAD % len(adt()) + adt())
        await desk.received(2)
        writer.close()
    assert [finding.code for finding in desk.findings] == ["HTTP-106"]


async def test_when_stopped_it_answers_what_is_in_flight_and_listens_no_more(tmp_path: Path) -> None:
    desk = Desk()
    may_go = asyncio.Event()

    async def slow(message: Message) -> Receipt:
        receipt = await Desk.accept(desk, message)
        await may_go.wait()
        return receipt

    inbound = end(desk, tmp_path)
    listening = asyncio.Event()
    serving = asyncio.create_task(inbound.serve(slow, listening.set))
    await listening.wait()
    asking = asyncio.create_task(curl(f"http://127.0.0.1:{inbound.port}/", "-H", HL7, body=adt()))
    await desk.received(1)
    serving.cancel()
    asyncio.get_running_loop().call_later(0.3, may_go.set)
    answer = await asking
    assert read_ack(answer.body).code == "AA"
    await asyncio.wait({serving}, timeout=10)
    assert serving.cancelled()
    with pytest.raises(OSError, match="Connect"):
        await asyncio.open_connection("127.0.0.1", inbound.port)


async def test_when_stopped_it_does_not_wait_for_a_body_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.http.reading.LINGER", 0.05)
    desk = Desk()
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        reader, writer = await raw(inbound.port, HEAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n") % 1000)
        assert (await reader.readline()).startswith(b"HTTP/1.1 100")  # it waits for the body now
    assert b"HTTP/1.1 408 " in await asyncio.wait_for(reader.read(), 10)
    writer.close()


async def test_an_address_in_use_is_an_oserror(tmp_path: Path) -> None:
    desk = Desk(lambda _: ACCEPTED)
    one = end(desk, tmp_path)
    async with desk.serving(one):
        other = HttpInbound(desk.context(tmp_path), listen=Address("127.0.0.1", one.port))
        with pytest.raises(OSError, match="in use"):
            await other.serve(desk.accept, lambda: None)


async def test_nothing_of_a_message_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    desk = Desk(lambda _: REJECTED)
    inbound = end(desk, tmp_path)
    async with desk.serving(inbound):
        await curl(f"http://127.0.0.1:{inbound.port}/?name=Testperson", "-H", HL7, body=adt())
        await curl(f"http://127.0.0.1:{inbound.port}/Testperson", "-H", HL7, body=adt())
        _, writer = await raw(inbound.port, b"PID|Testperson\r\n\r\n")
        writer.close()
    assert "Testperson" not in caplog.text
