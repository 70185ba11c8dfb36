"""MLLP in: what a sender sees, what the engine is handed, and what is reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from channels.ends import Receipt, ReceiptCode
from channels.mllp import MllpInbound
from channels.mllp.connection import Connection
from channels.mllp.inbound import Reception
from channels.tls import ClientTls, ServerTls
from schemas.ids import new_id, utc_now
from schemas.message import Message
from schemas.values import Address, parse_duration
from tests.channels.desk import NOW, Desk, adt
from tests.channels.mllp import Sender, Transport, connected, field, framed
from tests.tls import Authority

LOOPBACK = Address("127.0.0.1", 0)
REJECTED = Receipt(ReceiptCode.REJECTED, "unknown event", "MSH-9", "201")
FAILED = Receipt(ReceiptCode.FAILED, "the journal is full")


pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy:DeprecationWarning")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy(), uvloop.EventLoopPolicy()], ids=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    return request.param  # type: ignore[no-any-return]


class GatedDesk(Desk):
    """A desk that gives no receipt until it is told to; tells how many messages it holds at once."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.held = 0
        self.most_held = 0

    async def accept(self, message: Message) -> Receipt:
        receipt = await super().accept(message)
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        await self.gate.wait()
        self.held -= 1
        return receipt


@asynccontextmanager
async def listening(desk: Desk, site: Path = Path(), **options: Any) -> AsyncIterator[MllpInbound]:
    end = MllpInbound(desk.context(site), listen=LOOPBACK, **options)
    async with desk.serving(end):
        yield end


def control_ids(messages: list[bytes]) -> list[str]:
    return [field(message, b"MSA", 2) for message in messages]


async def test_a_message_arrives_as_it_was_sent_and_is_acknowledged() -> None:
    desk = Desk()
    async with listening(desk) as end, connected(end.port) as sender:
        answer = await sender.ask(adt(7))
    [message] = desk.messages
    assert (message.body, message.format, message.channel) == (adt(7), "hl7v2", "adt-feed")
    assert (message.received, message.id) == (NOW, f"{1:032x}")
    assert message.attributes == {"mllp.peer": "127.0.0.1"}
    assert (field(answer, b"MSA", 1), field(answer, b"MSA", 2)) == ("AA", "MSG00007")
    assert field(answer, b"MSH", 10) == message.id[-20:]
    assert desk.findings == []


@pytest.mark.parametrize(("receipt", "code"), [(REJECTED, "AR"), (FAILED, "AE")])
async def test_receipts_become_codes_and_reasons(receipt: Receipt, code: str) -> None:
    desk = Desk(lambda _: receipt)
    async with listening(desk) as end, connected(end.port) as sender:
        answer = await sender.ask(adt())
        assert field(answer, b"MSA", 1) == code
        assert receipt.reason.encode() in answer
        assert field(await sender.ask(adt(2)), b"MSA", 2) == "MSG00002"


async def test_nothing_is_acknowledged_before_the_engine_has_it() -> None:
    desk = GatedDesk()
    async with listening(desk) as end, connected(end.port) as sender:
        sender.write(framed(adt()))
        await desk.received(1)
        waiting = asyncio.create_task(sender.answer())
        await asyncio.sleep(0)
        assert not waiting.done()
        desk.gate.set()
        assert field(await waiting, b"MSA", 1) == "AA"


async def test_pipelined_frames_go_to_the_engine_at_once_and_are_answered_in_order() -> None:
    desk = GatedDesk()
    last_first = {5: asyncio.Event()}

    async def accept(message: Message) -> Receipt:
        """The first message is ready only after the last."""
        desk.messages.append(message)
        if len(desk.messages) == 5:
            last_first[5].set()
        await last_first[5].wait()
        return Receipt(ReceiptCode.ACCEPTED)

    desk.accept = accept  # type: ignore[method-assign]
    async with listening(desk) as end, connected(end.port) as sender:
        sender.write(b"".join(framed(adt(n)) for n in range(1, 6)))
        answers = [await sender.answer() for _ in range(5)]
    assert control_ids(answers) == [f"MSG0000{n}" for n in range(1, 6)]
    assert [m.get("MSH-10") for m in desk.messages] == control_ids(answers)


async def test_bytes_may_come_in_any_pieces() -> None:
    desk = Desk()
    async with listening(desk) as end, connected(end.port) as sender:
        stream = framed(adt(1)) + framed(adt(2))
        for at in range(0, len(stream), 7):
            sender.write(stream[at : at + 7])
            await sender.writer.drain()
            await asyncio.sleep(0)
        assert control_ids([await sender.answer(), await sender.answer()]) == ["MSG00001", "MSG00002"]


async def test_a_sender_that_leaves_the_cr_out_is_answered() -> None:
    desk = Desk()
    async with listening(desk) as end, connected(end.port) as sender:
        for number in (1, 2):
            sender.write(framed(adt(number))[:-1])
            assert field(await sender.answer(), b"MSA", 2) == f"MSG0000{number}"
    assert [m.body for m in desk.messages] == [adt(1), adt(2)]


async def test_the_engine_being_behind_stops_the_reading() -> None:
    desk = GatedDesk()
    total = 1500
    async with listening(desk, pipeline=4) as end, connected(end.port) as sender:
        large = b"NTE|1||" + b"x" * 20_000 + b"\r"
        sender.writer.transport.set_write_buffer_limits(0)
        for number in range(total):
            sender.write(framed(adt(number) + large))
        writing = asyncio.create_task(sender.writer.drain())
        await desk.received(4)
        answering = asyncio.create_task(answers(sender, total))
        await asyncio.sleep(0)
        held, was_written = desk.most_held, writing.done()
        desk.gate.set()
        assert control_ids(await answering) == [f"MSG{n:05d}" for n in range(total)]
        await writing
    assert (held, was_written) == (4, False)  # the kernel's buffers were full, because nobody read
    assert desk.most_held == 4


async def answers(sender: Sender, number: int) -> list[bytes]:
    return [await sender.answer() for _ in range(number)]


async def test_a_sender_that_does_not_take_its_answers_is_not_read_either() -> None:
    desk = Desk()
    end = MllpInbound(desk.context(Path()), listen=LOOPBACK)
    connection = Connection(Reception(end, desk.accept, asyncio.get_running_loop()))
    transport = Transport()
    connection.connection_made(transport)
    connection.pause_writing()
    assert transport.told == ["pause"]
    connection.resume_writing()
    assert transport.told == ["pause", "resume"]
    connection.connection_lost(None)


async def test_stopping_answers_what_is_in_flight_and_then_closes() -> None:
    desk = GatedDesk()
    end = MllpInbound(desk.context(Path()), listen=LOOPBACK)
    ready = asyncio.Event()
    serving = asyncio.create_task(end.serve(desk.accept, ready.set))
    await ready.wait()
    async with connected(end.port) as sender, connected(end.port) as idle:
        sender.write(framed(adt(1)) + framed(adt(2)) + b"\x0bMSH|half")
        await desk.received(2)
        serving.cancel()
        assert await idle.rest() == b""
        with pytest.raises(OSError, match=r"."):
            await asyncio.open_connection("127.0.0.1", end.port)
        assert not serving.done()
        desk.gate.set()
        rest = await sender.rest()
        await asyncio.wait({serving})
    assert control_ids(rest.split(b"\x1c\r")[:-1]) == ["MSG00001", "MSG00002"]


async def test_a_sender_that_says_all_and_closes_its_side_gets_all_answers() -> None:
    desk = Desk()
    async with listening(desk) as end, connected(end.port) as sender:
        sender.write(b"".join(framed(adt(n)) for n in range(1, 41)))
        sender.writer.write_eof()
        rest = await sender.rest()
    assert control_ids(rest.split(b"\x1c\r")[:-1]) == [f"MSG{n:05d}" for n in range(1, 41)]


async def test_an_engine_that_raises_means_try_again() -> None:
    desk = Desk()

    def answer(_: Message) -> Receipt:
        raise RuntimeError("secret of Testperson")

    desk.answer = answer
    async with listening(desk) as end, connected(end.port) as sender:
        reply = await sender.ask(adt())
    assert field(reply, b"MSA", 1) == "AE"
    [finding] = desk.findings
    assert finding.code == "MLLP-107"
    assert "Testperson" not in str(finding) + reply.decode()


async def test_many_connections_each_get_their_own_answers() -> None:
    desk = Desk()

    async def talk(port: int, first: int) -> list[str]:
        async with connected(port) as sender:
            return [field(await sender.ask(adt(n)), b"MSA", 2) for n in range(first, first + 10)]

    async with listening(desk) as end:
        seen = await asyncio.gather(*(talk(end.port, first) for first in range(0, 1000, 10)))
    assert seen == [[f"MSG{n:05d}" for n in range(first, first + 10)] for first in range(0, 1000, 10)]


@pytest.mark.parametrize(
    ("stream", "code", "hint"),
    [
        (b"noise" + framed(adt()), "MLLP-101", "0x0B"),
        (b"GET / HTTP/1.1\r\n\r\n" + framed(adt()), "MLLP-101", "HTTP"),
        (b"\x16\x03\x01\x02\x00" + framed(adt()), "MLLP-101", "TLS"),
        (adt() + framed(adt()), "MLLP-101", "start byte"),
        (b"\x0b" + adt()[:50] + framed(adt()), "MLLP-102", "repeats"),
    ],
)
async def test_what_is_no_frame_is_skipped_and_reported_without_its_content(
    stream: bytes, code: str, hint: str
) -> None:
    desk = Desk()
    async with listening(desk) as end, connected(end.port) as sender:
        sender.write(stream)
        assert field(await sender.answer(), b"MSA", 1) == "AA"
    [finding] = desk.findings
    assert finding.code == code
    assert hint in finding.hint
    assert "127.0.0.1" in finding.what
    assert "Testperson" not in str(finding)
    assert [m.body for m in desk.messages] == [adt()]


async def test_repeated_junk_is_reported_ever_more_seldom() -> None:
    desk = Desk()
    async with listening(desk) as end, connected(end.port) as sender:
        sender.write((b"noise" + framed(adt())) * 100)
        for _ in range(100):
            await sender.answer()
    assert len(desk.findings) == 7  # the 1st, 2nd, 4th ... 64th


async def test_a_message_that_is_too_long_is_refused_and_the_next_is_taken() -> None:
    desk = Desk()
    async with listening(desk, limit=2000) as end, connected(end.port) as sender:
        sender.write(framed(adt(1) + b"NTE|1||" + b"x" * 100_000) + framed(adt(2)))
        refusal, good = await sender.answer(), await sender.answer()
    assert (field(refusal, b"MSA", 1), field(refusal, b"MSA", 2)) == ("AR", "MSG00001")
    assert b"2000 bytes" in refusal
    assert (field(good, b"MSA", 1), field(good, b"MSA", 2)) == ("AA", "MSG00002")
    assert [m.body for m in desk.messages] == [adt(2)]
    assert [f.code for f in desk.findings] == ["MLLP-103"]


@pytest.mark.parametrize("body", [b"", b"no header", b"PID|1\r"])
async def test_a_damaged_message_goes_to_the_engine_and_is_answered(body: bytes) -> None:
    desk = Desk(lambda _: Receipt(ReceiptCode.REJECTED, "no MSH", "MSH", "100"))
    async with listening(desk) as end, connected(end.port) as sender:
        answer = await sender.ask(body)
    assert field(answer, b"MSA", 1) == "AR"
    assert [m.body for m in desk.messages] == [body]


@pytest.mark.parametrize(
    ("senders", "allowed"),
    [
        ([], True),
        (["ADT1"], True),
        (["adt1"], False),
        (["LAB", "ADT1|STANNE"], True),
        (["ADT1|LAB"], False),
        (["*|STANNE"], True),
        (["ADT1|*"], True),
        (["STANNE"], False),
    ],
)
async def test_only_allowed_senders_reach_the_engine(senders: list[str], allowed: bool) -> None:
    desk = Desk()
    async with listening(desk, senders=senders) as end, connected(end.port) as sender:
        answer = await sender.ask(adt())
    assert field(answer, b"MSA", 1) == ("AA" if allowed else "AR")
    assert len(desk.messages) == allowed
    assert [f.code for f in desk.findings] == ([] if allowed else ["MLLP-104"])


async def test_a_flood_of_strangers_is_answered_one_by_one() -> None:
    desk = Desk()
    async with listening(desk, senders=["LAB"], pipeline=2) as end, connected(end.port) as sender:
        sender.write(framed(b"MSH|^~\\&|X\r") * 5000)
        sender.writer.write_eof()
        assert (await sender.rest()).count(b"\rMSA|AR") == 5000
    assert desk.messages == []


async def test_the_charset_option_goes_with_the_message() -> None:
    desk = Desk()
    async with listening(desk, charset="8859/1") as end, connected(end.port) as sender:
        await sender.ask(adt().replace(b"Tilda", b"J\xf6rg"))
    assert desk.messages[0].get("PID-5.2") == "Jörg"


async def test_further_connections_than_allowed_are_closed_and_reported() -> None:
    desk = Desk()
    async with listening(desk, connections=1) as end, connected(end.port) as first:
        await first.ask(adt())
        async with connected(end.port) as second:
            assert await second.rest() == b""
        assert [f.code for f in desk.findings] == ["MLLP-106"]
        assert field(await first.ask(adt(2)), b"MSA", 1) == "AA"


async def test_a_silent_connection_is_closed_but_not_one_that_waits_for_its_answer() -> None:
    desk = GatedDesk()
    async with (
        listening(desk, idle=parse_duration("100ms")) as end,
        connected(end.port) as idle,
        connected(end.port) as busy,
    ):
        busy.write(framed(adt()))
        await desk.received(1)
        assert await idle.rest() == b""
        desk.gate.set()
        assert field(await busy.answer(), b"MSA", 1) == "AA"


async def test_a_message_that_stalls_is_given_up() -> None:
    desk = Desk()
    async with listening(desk, stall=parse_duration("50ms")) as end, connected(end.port) as sender:
        sender.write(b"\x0b" + adt()[:30])
        assert await sender.rest() == b""
    assert [f.code for f in desk.findings] == ["MLLP-102"]
    assert desk.messages == []


async def test_an_address_in_use_is_an_oserror() -> None:
    desk = Desk()
    async with listening(desk) as end:
        second = MllpInbound(desk.context(Path()), listen=Address("127.0.0.1", end.port))
        with pytest.raises(OSError, match="in use"):
            await second.serve(desk.accept, lambda: None)


async def test_processes_can_share_an_address() -> None:
    desk = Desk()
    async with listening(desk, share_address=True) as end:
        second = MllpInbound(desk.context(Path()), listen=Address("127.0.0.1", end.port), share_address=True)
        async with desk.serving(second), connected(end.port) as sender:
            assert field(await sender.ask(adt()), b"MSA", 1) == "AA"


async def test_a_sender_that_goes_away_does_not_lose_what_the_engine_was_given() -> None:
    desk = GatedDesk()
    async with listening(desk) as end:
        async with connected(end.port) as sender:
            sender.write(framed(adt()))
            await desk.received(1)
        sender.writer.transport.abort()
        desk.gate.set()
        async with connected(end.port) as other:
            assert field(await other.ask(adt(2)), b"MSA", 1) == "AA"
    assert desk.held == 0


# TLS


async def test_mutual_tls_says_who_sent(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.issue("engine", hosts=("127.0.0.1",))
    anne = authority.issue("adt.stanne.example")
    other = authority.issue("lab.example")
    tls = ServerTls(
        certificate=server.certificate,
        key=server.key,
        clients=authority.file,
        client_names=["adt.stanne.example"],
    )
    desk = Desk()

    def shown(identity: Any) -> Any:
        return ClientTls(authorities=authority.file, certificate=identity.certificate, key=identity.key).context(
            desk.report
        )

    async with listening(desk, tls=tls) as end:
        async with connected(end.port, shown(anne)) as sender:
            assert field(await sender.ask(adt()), b"MSA", 1) == "AA"
        async with connected(end.port, shown(other)) as stranger:
            assert await stranger.rest() == b""
    [message] = desk.messages
    assert message.attributes["mllp.client"] == "O=St. Anne's, CN=adt.stanne.example"
    assert [f.code for f in desk.findings] == ["MLLP-105"]


async def test_openssl_as_a_sender(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.issue("engine", hosts=("127.0.0.1",))
    desk = Desk()
    async with listening(desk, tls=ServerTls(certificate=server.certificate, key=server.key)) as end:
        client = await asyncio.create_subprocess_exec(
            *("openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", str(authority.file)),
            *("-connect", f"127.0.0.1:{end.port}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(framed(adt()))
        answer = await asyncio.wait_for(client.stdout.readuntil(b"\x1c\r"), 10)
        client.terminate()
        await client.communicate()
    assert field(answer[1:-2], b"MSA", 2) == "MSG00001"


async def test_missing_certificates_are_an_oserror_that_names_them(tmp_path: Path) -> None:
    desk = Desk()
    end = MllpInbound(desk.context(tmp_path), listen=LOOPBACK, tls=ServerTls(certificate=tmp_path / "a.pem"))
    with pytest.raises(OSError, match=r"a\.pem"):
        await end.serve(desk.accept, lambda: None)


async def test_ids_are_the_engines() -> None:
    desk = Desk()
    end = MllpInbound(desk.context(Path(), new_id=lambda: new_id(utc_now())), listen=LOOPBACK)
    async with desk.serving(end), connected(end.port) as sender:
        await sender.ask(adt())
        await sender.ask(adt(2))
    assert len({m.id for m in desk.messages}) == 2
