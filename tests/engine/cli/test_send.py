"""`hie send`: files to a receiver, answer by answer."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.channels.mllp import Receiver, Visit, ack, field
from tests.engine.cli.conftest import Hie
from tests.engine.harness import adt
from tests.tls import Authority

Answer = Callable[[bytes], bytes]


@contextlib.contextmanager
def receiving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver in a thread of its own, as `hie send` has the main thread's event loop."""

    async def play(visit: Visit) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                visit.answer(answer(await visit.message()))

    receiver = Receiver(play)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        await receiver.start(context)
        stop = asyncio.Event()
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await receiver.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    loop, stop = started.result(10)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Three messages in one file, with an envelope."""
    file = tmp_path / "batch.hl7"
    messages = b"".join(adt(f"C{number}", "4711") for number in (1, 2, 3))
    file.write_bytes(b"FHS|^~\\&\rBHS|^~\\&\r" + messages + b"BTS|3\rFTS|1\r")
    return file


def test_each_message_of_a_file_is_sent_and_its_answer_printed(hie: Hie, batch: Path) -> None:
    with receiving(ack) as receiver:
        ran = hie("send", batch, batch, "--to", f"mllp://127.0.0.1:{receiver.port}")
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines] == ["AA"] * 6
    assert lines[1].endswith("ms  batch.hl7[2] C2")
    assert "6 of 6 accepted" in ran.err
    assert [field(message, b"MSH", 10) for message in receiver.messages] == ["C1", "C2", "C3"] * 2
    assert receiver.messages[0] == adt("C1", "4711")
    assert len(receiver.visits) == 1


def test_what_is_not_accepted_is_told_with_the_receivers_words(hie: Hie, batch: Path) -> None:
    def picky(message: bytes) -> bytes:
        code = {"C2": "AE", "C3": "AR"}.get(field(message, b"MSH", 10), "AA")
        return ack(message, code).removesuffix(b"\r") + (b"" if code == "AA" else b"|no bed free\x1b[31m") + b"\r"

    with receiving(picky) as receiver:
        to = f"mllp://127.0.0.1:{receiver.port}"
        ran = hie("send", batch, "--to", to)
        told = hie("send", batch, "--to", to, "--json")
    assert ran.status == 1
    assert [line.split()[0] for line in ran.out.splitlines()] == ["AA", "AE", "AR"]
    assert ran.out.splitlines()[1].endswith("C2  no bed free\\x1b[31m")
    assert "1 of 3 accepted" in ran.err
    assert told.status == 1
    assert [(each["code"], each["accepted"]) for each in told.json["answers"]] == [
        ("AA", True),
        ("AE", False),
        ("AR", False),
    ]
    assert len(receiver.messages) == 6  # each once: nothing is tried again


def test_of_many_messages_only_what_went_wrong_is_listed(hie: Hie, batch: Path) -> None:
    refused = iter([*["AA"] * 30, "AR", *["AA"] * 100])
    with receiving(lambda message: ack(message, next(refused))) as receiver:
        ran = hie("send", batch, "--to", f"mllp://127.0.0.1:{receiver.port}", "--repeat", 20)
    assert ran.status == 1
    assert len(receiver.messages) == 60
    assert [line.split()[0] for line in ran.out.splitlines()] == ["AR"]
    assert "59 of 60 accepted" in ran.err


def test_the_rate_is_kept(hie: Hie, batch: Path) -> None:
    since = time.monotonic()
    with receiving(ack) as receiver:
        ran = hie("send", batch, "--to", f"mllp://127.0.0.1:{receiver.port}", "--repeat", 2, "--rate", 20, "--json")
    assert ran.json["accepted"] == 6
    assert time.monotonic() - since >= 5 / 20


def test_standard_input_is_sent(hie: Hie, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(adt("C9", "4711"))))
    with receiving(ack) as receiver:
        ran = hie("send", "-", "--to", f"mllp://127.0.0.1:{receiver.port}", "--full")
    assert ran.status == 0
    assert "MSA|AA|C9" in ran.out


def test_tls_is_spoken_with_a_certificate_of_our_own(hie: Hie, batch: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    server = authority.issue("receiver", hosts=("127.0.0.1",))
    client = authority.issue("sender", file="client")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server.certificate, server.key)
    with receiving(ack, context) as receiver:
        to = ("--to", f"mllps://127.0.0.1:{receiver.port}")
        mutual = hie("send", batch, *to, "--ca", authority.file, "--cert", client.certificate, "--key", client.key)
        stranger = hie("send", batch, *to)
    assert mutual.status == 0
    assert len(receiver.messages) == 3
    assert stranger.status == 1
    assert "cannot be reached" in stranger.err


def test_fhir_is_sent_as_fhir_and_its_answer_laid_out(hie: Hie, tmp_path: Path) -> None:
    kinds: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kinds.append(self.headers["content-type"])
            self.rfile.read(int(self.headers["content-length"]))
            answer = b'{"resourceType":"OperationOutcome","issue":[{"severity":"information"}]}'
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    file = tmp_path / "patient.json"
    file.write_text('{"resourceType": "Patient", "id": "p1"}')
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ran = hie("send", file, "--to", f"http://127.0.0.1:{server.server_port}/fhir", "--full")
        server.shutdown()
    assert (ran.status, kinds) == (0, ["application/fhir+json"])
    assert '      "severity": "information"\n' in ran.out


def test_http_is_spoken(hie: Hie, batch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str | None, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, self.headers["authorization"], body))
            answer = ack(body)
            self.send_response(200)
            self.send_header("content-type", "application/hl7-v2")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("HIE_TOKEN", "open sesame")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            ran = hie("send", batch, "--to", f"http://127.0.0.1:{server.server_port}/a{{b}}")
        finally:
            server.shutdown()
    assert ran.status == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["AA"] * 3
    assert [(path.replace("%7B", "{").replace("%7D", "}"), token) for path, token, _ in seen] == [
        ("/a{b}", "Bearer open sesame")
    ] * 3
    assert seen[2][2] == adt("C3", "4711")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("{file} --to mllp://127.0.0.1:1", 1, "is a receiver listening there?"),
        ("{file} --to 127.0.0.1:2575", 2, "write mllp://HOST:PORT"),
        ("{file} --to ftp://host", 2, "write mllp://HOST:PORT"),
        ("{file} --to mllp://host:0x7", 2, "is not mllp://HOST:PORT"),
        ("{file} --to mllp://", 2, "is not mllp://HOST:PORT"),
        ("{file}", 2, "--to"),
        ("--to mllp://host", 2, "FILE"),
        ("{file} --to mllp://host --ca {file}", 2, "write mllps://"),
        ("{file} --to mllps://host --ca {file}", 1, "PEM"),
        ("{file} --to mllps://host --key {file}", 2, "--key needs --cert"),
        ("/nowhere.hl7 --to mllp://host", 1, "name files that can be read"),
        ("{empty} --to mllp://host", 1, "is empty"),
        ("{file} --to mllp://host --repeat 0", 2, "--repeat"),
        ("{file} --to mllp://host --rate 0", 2, "--rate"),
    ],
)
def test_mistakes_are_told(hie: Hie, batch: Path, tmp_path: Path, arguments: str, status: int, told: str) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"\n")
    ran = hie("send", *arguments.format(file=batch, empty=empty).split())
    assert ran.status == status
    assert told in ran.err
    assert "Traceback" not in ran.err
