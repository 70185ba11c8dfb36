"""The outbound http end against the standard library's server, and against our own inbound end."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from channels.ends import Outcome, OutcomeCode, Receipt, ReceiptCode
from channels.http import HttpInbound, HttpOutbound
from channels.tls import ClientTls, ServerTls
from schemas.hl7v2 import acknowledge
from schemas.message import BINARY, FHIR, HL7V2, TEXT, Message
from schemas.values import Address
from tests.channels.desk import NOW, Desk, adt
from tests.tls import Authority

DELIVERED, DEFERRED, REFUSED = OutcomeCode.DELIVERED, OutcomeCode.DEFERRED, OutcomeCode.REFUSED


class Partner(ThreadingHTTPServer):
    """A partner that notes each request and answers with what it is told: status, body, headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.answer: tuple[int, bytes, dict[str, str]] = (200, b"", {})
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.silent = threading.Event()
        self.quiet = False

    def handle_error(self, *_: object) -> None:
        """A client that goes away is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Partner

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        if self.server.quiet:
            self.server.silent.wait(10)
            return
        status, answer, more = self.server.answer
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def partner() -> Iterator[Partner]:
    server = Partner()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.silent.set()
    server.shutdown()
    thread.join()
    server.server_close()


def message(number: int = 1, format: str = HL7V2, body: bytes | None = None, **attributes: str) -> Message:
    named = {name.replace("_", "."): value for name, value in attributes.items()}
    return Message(f"{number:032x}", "c", format, adt(number) if body is None else body, NOW, attributes=named)


async def send(url: str, what: Message | None = None, **options: Any) -> Outcome:
    end = HttpOutbound(Desk().context(Path()), url=url, **options)
    try:
        return await end.deliver(what or message())
    finally:
        await end.close()


def ack(code: str, number: int = 1) -> bytes:
    return acknowledge(adt(number), code, control_id="1", now=NOW, errors=[("PID-3", "101", "Testperson lacks it")])


async def test_the_message_is_the_body_of_a_post(partner: Partner) -> None:
    outcome = await send(f"{partner.url}/adt", token=SecretStr("s3cret"), headers={"X-Facility": "{MSH-4}"})
    assert (outcome.code, outcome.detail) == (DELIVERED, "200")
    [(path, headers, body)] = partner.requests
    assert (path, body) == ("/adt", adt())
    assert headers["content-type"] == "application/hl7-v2; charset=utf-8"
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["x-facility"] == "STANNE"


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (message(body=adt().replace(b"Testperson", b"M\xfcller")), "application/hl7-v2"),
        (message(format=TEXT, body=b"a note"), "text/plain; charset=utf-8"),
        (message(format=BINARY, body=b"\0"), "application/octet-stream"),
        (message(format=FHIR, body=b'{"resourceType":"Patient"}'), "application/fhir+json"),
    ],
)
async def test_the_content_type_is_the_format_s(partner: Partner, what: Message, kind: str) -> None:
    await send(partner.url, what)
    await send(partner.url, what, content_type="application/pdf")
    assert [headers["content-type"] for _, headers, _ in partner.requests] == [kind, "application/pdf"]


@pytest.mark.parametrize(
    ("template", "value", "path"),
    [
        ("{url}/p/{a.b}", "a/../b?c=d#e", "/p/a%2F..%2Fb%3Fc%3Dd%23e"),
        ("{url}/p?id={a.b}", "1&x=2 ü", "/p?id=1%26x%3D2%20%C3%BC"),
        ("{url}/p/{a.b}", "x\r\nHost: evil", "/p/x%0D%0AHost%3A%20evil"),
    ],
)
async def test_what_a_message_fills_in_stays_in_its_place(
    partner: Partner, template: str, value: str, path: str
) -> None:
    outcome = await send(template.replace("{url}", partner.url), message(a_b=value), headers={"X-Value": "{a.b}"})
    assert outcome.code == DELIVERED
    assert partner.requests[0][0] == path
    assert "evil" not in partner.requests[0][1]["host"]


async def test_an_attribute_at_the_beginning_is_the_url_itself(partner: Partner) -> None:
    outcome = await send("{subscriber.address}/{MSH-10}", message(subscriber_address=f"{partner.url}/in"))
    assert outcome.code == DELIVERED
    assert partner.requests[0][0] == "/in/MSG00001"


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "{a.b}", "/only/a/path", "http://", "http://[::1", "http://xn--a.invalid/in"]
)
async def test_what_is_no_url_is_refused(url: str) -> None:
    assert (await send(url)).code == REFUSED


async def test_a_message_that_cannot_be_read_is_refused_when_the_url_needs_it_and_sent_when_not(
    partner: Partner,
) -> None:
    damaged = message(body=b"no header")
    assert (await send(f"{partner.url}/{{MSH-10}}", damaged)).code == REFUSED
    assert (await send(partner.url, damaged)).code == DELIVERED
    assert [body for _, _, body in partner.requests] == [b"no header"]


@pytest.mark.parametrize(
    ("status", "code", "unreachable"),
    [
        (200, DELIVERED, False),
        (202, DELIVERED, False),
        (204, DELIVERED, False),
        (302, DEFERRED, True),
        (400, REFUSED, False),
        (401, DEFERRED, True),
        (403, DEFERRED, True),
        (404, REFUSED, False),
        (408, DEFERRED, False),
        (413, REFUSED, False),
        (422, REFUSED, False),
        (425, DEFERRED, False),
        (429, DEFERRED, True),
        (500, DEFERRED, False),
        (503, DEFERRED, True),
    ],
)
async def test_without_an_acknowledgment_the_status_decides(
    partner: Partner, status: int, code: OutcomeCode, unreachable: bool
) -> None:
    partner.answer = (status, b"" if status == 204 else b"because", {"Location": f"{partner.url}/elsewhere"})
    outcome = await send(partner.url)
    assert (outcome.code, outcome.unreachable) == (code, unreachable)
    assert outcome.reply == partner.answer[1]
    assert str(status) in outcome.detail
    assert len(partner.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "options", "expected"),
    [
        (200, "AA", {}, DELIVERED),
        (200, "CA", {"require_ack": True}, DELIVERED),
        (200, "AE", {}, DEFERRED),
        (200, "AE", {"on_error": "refuse"}, REFUSED),
        (200, "AR", {}, REFUSED),
        (200, "AR", {"on_reject": "retry"}, DEFERRED),
        (200, "CR", {"on_reject": "retry"}, DEFERRED),
        (400, "AR", {}, REFUSED),
        (500, "AE", {}, DEFERRED),
        (500, "AR", {}, REFUSED),
        (503, "AE", {"on_error": "refuse"}, DEFERRED),
        (500, "AA", {}, DEFERRED),
    ],
)
async def test_an_acknowledgment_decides(
    partner: Partner, status: int, code: str, options: dict[str, Any], expected: OutcomeCode
) -> None:
    partner.answer = (status, ack(code), {"Content-Type": "application/hl7-v2"})
    outcome = await send(partner.url, **options)
    assert outcome.code == expected
    assert outcome.reply == ack(code)
    assert "Testperson" not in outcome.detail


async def test_the_acknowledgment_of_another_message_does_not_count(partner: Partner) -> None:
    partner.answer = (200, ack("AA", 2), {})
    assert (await send(partner.url)).code == DEFERRED


async def test_a_200_that_is_no_acknowledgment_does_not_count_when_one_is_required(partner: Partner) -> None:
    partner.answer = (200, b"<html>Sign in</html>", {})
    assert (await send(partner.url, require_ack=True)).code == DEFERRED


@pytest.mark.parametrize(
    ("header", "wish"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), timedelta(seconds=90)),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), timedelta(0)),
        ("99999999999999", timedelta(days=1)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
async def test_the_partner_s_wish_to_wait_is_kept(partner: Partner, header: str, wish: timedelta | None) -> None:
    partner.answer = (503, b"", {"Retry-After": header})
    assert (await send(partner.url)).retry_after == wish


async def test_a_partner_that_is_not_there_is_unreachable(partner: Partner) -> None:
    outcome = await send("http://127.0.0.1:1/")
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)


async def test_a_partner_that_does_not_answer_is_not_waited_for_for_ever(partner: Partner) -> None:
    partner.quiet = True
    outcome = await send(partner.url, timeout=timedelta(milliseconds=200))
    assert (outcome.code, outcome.detail) == (DEFERRED, "no answer within 0.2 s")


async def test_a_long_answer_is_kept_in_part(partner: Partner) -> None:
    partner.answer = (422, b"x" * 1_000_000, {})
    outcome = await send(partner.url)
    assert outcome.code == REFUSED
    assert outcome.reply == b"x" * 65_536


async def test_connections_are_kept_and_cookies_are_not(partner: Partner) -> None:
    partner.answer = (200, b"", {"Set-Cookie": "session=1"})
    end = HttpOutbound(Desk().context(Path()), url=partner.url)
    for number in (1, 2, 3):
        assert (await end.deliver(message(number))).code == DELIVERED
    await end.close()
    assert partner.connections == 1
    assert all("cookie" not in headers for _, headers, _ in partner.requests)


async def test_tls_shows_our_certificate_and_trusts_the_partner_s_authority_only(
    partner: Partner, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.issue("practice", hosts=("practice.example",))
    ours = authority.issue("engine")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server.certificate, server.key)
    partner.socket = context.wrap_socket(partner.socket, server_side=True)
    url = partner.url.replace("http:", "https:")
    shown = {"certificate": ours.certificate, "key": ours.key}
    right = ClientTls(authorities=authority.file, server_name="practice.example", **shown)
    assert (await send(url, tls=right)).code == DELIVERED
    wrong_name = ClientTls(authorities=authority.file, **shown)
    system_only = ClientTls(server_name="practice.example", **shown)
    missing = ClientTls(authorities=tmp_path / "missing.pem")
    for tls in (wrong_name, system_only, missing, None):
        outcome = await send(url, tls=tls)
        assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert len(partner.requests) == 1


async def test_nothing_of_a_message_is_logged(partner: Partner, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0):
        await send(f"{partner.url}/{{PID-5.1}}")
    assert partner.requests[0][0] == "/Testperson"
    assert "Testperson" not in caplog.text


@pytest.mark.parametrize(
    ("receipt", "code", "unreachable", "wish"),
    [
        (Receipt(ReceiptCode.ACCEPTED), DELIVERED, False, None),
        (Receipt(ReceiptCode.REJECTED, "unknown type", "MSH-9", "200"), REFUSED, False, None),
        (Receipt(ReceiptCode.FAILED, "full", "", "207"), DEFERRED, True, timedelta(seconds=10)),
    ],
)
async def test_our_own_two_ends_understand_each_other(
    tmp_path: Path, receipt: Receipt, code: OutcomeCode, unreachable: bool, wish: timedelta | None
) -> None:
    authority = Authority(tmp_path / "ca")
    server = authority.issue("engine", hosts=("127.0.0.1",))
    desk = Desk(lambda _: receipt)
    inbound = HttpInbound(
        desk.context(tmp_path),
        listen=Address("127.0.0.1", 0),
        tls=ServerTls(certificate=server.certificate, key=server.key),
        token=SecretStr("s3cret"),
    )
    async with desk.serving(inbound):
        outbound = HttpOutbound(
            desk.context(tmp_path),
            url=f"https://127.0.0.1:{inbound.port}/",
            tls=ClientTls(authorities=authority.file),
            token=SecretStr("s3cret"),
            require_ack=True,
            connections=4,
        )
        outcomes = await asyncio.gather(*(outbound.deliver(message(number)) for number in range(20)))
        await outbound.close()
    assert {(each.code, each.unreachable, each.retry_after) for each in outcomes} == {(code, unreachable, wish)}
    assert sorted(each.get("MSH-10") for each in desk.messages) == [f"MSG{number:05}" for number in range(20)]
