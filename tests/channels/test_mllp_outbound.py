"""MLLP out: what becomes of a delivery, whatever the receiver does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from channels.ends import Outcome, OutcomeCode, Receipt, ReceiptCode
from channels.mllp import MllpOutbound
from channels.tls import ClientTls, ServerTls
from schemas.message import BINARY, HL7V2, Message
from schemas.values import parse_duration
from tests.channels.desk import NOW, Desk, adt
from tests.channels.mllp import Receiver, Script, Visit, ack, framed, polite, receiving
from tests.tls import Authority, Identity

DELIVERED, DEFERRED, REFUSED = OutcomeCode.DELIVERED, OutcomeCode.DEFERRED, OutcomeCode.REFUSED
SHORT = parse_duration("150ms")

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy:DeprecationWarning")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy(), uvloop.EventLoopPolicy()], ids=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    return request.param  # type: ignore[no-any-return]


def message(number: int = 1, body: bytes | None = None, **attributes: str) -> Message:
    return Message(f"{number:032x}", "c", HL7V2, adt(number) if body is None else body, NOW, None, attributes)


@asynccontextmanager
async def sending(desk: Desk, port: int, **options: Any) -> AsyncIterator[MllpOutbound]:
    end = MllpOutbound(desk.context(Path()), **{"connect": f"127.0.0.1:{port}", **options})
    try:
        yield end
    finally:
        await end.close()


@asynccontextmanager
async def pair(
    script: Script, desk: Desk | None = None, **options: Any
) -> AsyncIterator[tuple[Receiver, MllpOutbound]]:
    """A receiver that plays `script`, and an end that sends to it."""
    async with receiving(script) as receiver, sending(desk or Desk(), receiver.port, **options) as end:
        yield receiver, end


def says(*answers: bytes) -> Script:
    """A receiver that answers each message with these bytes, `{id}` in them being its MSH-10."""

    async def script(visit: Visit) -> None:
        while True:
            named = (await visit.message()).split(b"|")[9]
            for answer in answers:
                visit.write(answer.replace(b"{id}", named))

    return script


HEAD = b"MSH|^~\\&|HUB|HUB|ADT1|STANNE|20250301||ACK|1|P|2.5.1\r"


async def test_a_message_is_delivered_as_it_is_when_acknowledged() -> None:
    async with pair(polite) as (receiver, end):
        outcome = await end.deliver(message(5))
    assert outcome == Outcome(DELIVERED, "AA", ack(adt(5)))
    assert receiver.messages == [adt(5)]


@pytest.mark.parametrize(
    ("answer", "options", "code"),
    [
        ("AA", {}, DELIVERED),
        ("CA", {}, DELIVERED),
        ("AE", {}, DEFERRED),
        ("CE", {}, DEFERRED),
        ("AR", {}, REFUSED),
        ("CR", {}, REFUSED),
        ("AE", {"on_error": "refuse"}, REFUSED),
        ("AR", {"on_reject": "retry"}, DEFERRED),
        ("XX", {}, DEFERRED),
        ("", {}, DEFERRED),
    ],
)
async def test_the_policy_decides_what_an_answer_means(answer: str, options: dict[str, Any], code: OutcomeCode) -> None:
    async with pair(says(framed(HEAD + f"MSA|{answer}|".encode() + b"{id}\r")), **options) as (_, end):
        outcome = await end.deliver(message())
    assert outcome.code is code
    assert b"MSA|" in outcome.reply
    assert not outcome.unreachable


async def test_a_refusal_names_error_codes_and_places_but_never_quotes() -> None:
    more = "ERR||PID^1^3^1|204^Unknown key identifier^HL70357|E||||no patient Testperson\r"
    async with pair(says(framed(HEAD + b"MSA|AR|{id}|Testperson unknown\r" + more.encode()))) as (_, end):
        outcome = await end.deliver(message())
    assert outcome.detail == "the receiver answered AR (204 at PID-3)"
    assert b"Testperson" in outcome.reply


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([framed(HEAD + b"MSA|AA|{id}")], id="no final CR in the ACK"),
        pytest.param([framed(HEAD + b"MSA|AA|{id}\r")[:-1]], id="no CR after FS"),
        pytest.param([framed(HEAD + b"MSA|AA|{id}\r")[:-1], b"\r"], id="FS and CR in two packets"),
        pytest.param([framed(HEAD.replace(b"\r", b"\n") + b"MSA|AA|{id}\n")], id="newlines"),
        pytest.param([framed(HEAD + b"MSA|AA|{id}|ok||207\r")], id="more fields"),
        pytest.param([framed(b"MSA|AA|{id}\r")], id="no MSH"),
        pytest.param([b"\r\n" + framed(HEAD + b"MSA|AA|{id}\r") + b"\r\n"], id="line ends around the frame"),
        pytest.param([framed(HEAD + b"MSA|AA|{id} \r")], id="a space after the id"),
    ],
)
async def test_sloppy_acknowledgments_count(answer: list[bytes]) -> None:
    async with pair(says(*answer)) as (receiver, end):
        outcomes = [(await end.deliver(message(n))).code for n in range(1, 4)]
    assert outcomes == [DELIVERED] * 3
    assert len(receiver.visits) == 1


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (framed(b"hello"), "no acknowledgment"),
        (framed(HEAD), "no acknowledgment"),
        (framed(HEAD + b"MSA|AA|\r"), "MSA-2 is empty"),
        (framed(b"x" * (2 << 20)), "longer than 1 MB"),
    ],
)
async def test_garbage_for_an_answer_defers_and_ends_the_connection(answer: bytes, detail: str) -> None:
    async with pair(says(answer)) as (receiver, end):
        outcomes = [await end.deliver(message(n)) for n in (1, 2)]
    assert [o.code for o in outcomes] == [DEFERRED] * 2
    assert detail in outcomes[0].detail
    assert len(receiver.visits) == 2


async def test_another_protocol_for_an_answer_is_named() -> None:
    async def script(visit: Visit) -> None:
        await visit.message()
        visit.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with pair(script) as (_, end):
        outcome = await end.deliver(message())
    assert outcome.code is DEFERRED
    assert "HTTP" in outcome.detail


async def test_an_unframed_answer_is_named_when_the_time_is_up() -> None:
    async with pair(says(HEAD + b"MSA|AA|{id}\r"), ack_timeout=SHORT) as (_, end):
        outcome = await end.deliver(message())
    assert outcome.code is DEFERRED
    assert "within 0.15 s" in outcome.detail
    assert "start byte" in outcome.detail


async def test_a_stray_acknowledgment_never_counts_for_another_message() -> None:
    async def script(visit: Visit) -> None:
        while True:
            sent = await visit.message()
            visit.answer(ack(sent, "AR", control_id="MSG99999"))
            visit.answer(ack(sent, "AA"))
            visit.answer(ack(sent, "AE"))  # a second one

    desk = Desk()
    async with pair(script, desk) as (receiver, end):
        outcomes = [(await end.deliver(message(n))).code for n in range(1, 4)]
    assert outcomes == [DELIVERED] * 3
    assert len(receiver.visits) == 1
    assert {f.code for f in desk.findings} == {"MLLP-201"}


async def test_an_acknowledgment_that_comes_too_late_cannot_be_taken_for_another_message() -> None:
    late = asyncio.Event()

    async def script(visit: Visit) -> None:
        sent = await visit.message()
        if visit.number == 1:
            await late.wait()
            visit.answer(ack(sent))
            visit.answer(ack(sent, control_id="MSG00002"))
        else:
            late.set()
            visit.answer(ack(sent, "AR"))
            await visit.message()

    async with pair(script, ack_timeout=SHORT) as (receiver, end):
        first = await end.deliver(message(1))
        second = await end.deliver(message(2))
    assert (first.code, second.code) == (DEFERRED, REFUSED)
    assert "no acknowledgment within" in first.detail
    assert not first.unreachable
    assert len(receiver.visits) == 2


async def test_one_connection_is_used_again_and_messages_are_not_pipelined() -> None:
    unanswered = [0, 0]

    async def script(visit: Visit) -> None:
        while True:
            sent = await visit.message()
            unanswered[0] += 1
            unanswered[1] = max(unanswered)
            await asyncio.sleep(0)
            unanswered[0] -= 1
            visit.answer(ack(sent))

    async with pair(script) as (receiver, end):
        for number in range(20):
            assert (await end.deliver(message(number))).code is DELIVERED
    assert len(receiver.visits) == 1
    assert unanswered == [0, 1]


async def test_parallel_deliveries_take_a_connection_each_and_reuse_them() -> None:
    everyone = asyncio.Barrier(4)

    async def script(visit: Visit) -> None:
        while True:
            sent = await visit.message()
            await everyone.wait()
            visit.answer(ack(sent))

    async with pair(script) as (receiver, end):
        for first in range(0, 12, 4):
            outcomes = await asyncio.gather(*(end.deliver(message(n)) for n in range(first, first + 4)))
            assert [o.reply for o in outcomes] == [ack(adt(n)) for n in range(first, first + 4)]
    assert len(receiver.visits) == 4


async def test_pipelining_when_asked() -> None:
    async def script(visit: Visit) -> None:
        while True:
            sent = [await visit.message() for _ in range(3)]
            for each in reversed(sent):
                visit.answer(ack(each))

    async with pair(script, pipeline=3) as (receiver, end):
        assert (await gathered(end, range(1, 4))) == [DELIVERED] * 3
        assert (await gathered(end, range(4, 10))) == [DELIVERED] * 6
    assert sorted(receiver.messages) == [adt(n) for n in range(1, 10)]


async def gathered(end: MllpOutbound, numbers: range) -> list[OutcomeCode]:
    return [o.code for o in await asyncio.gather(*(end.deliver(message(n)) for n in numbers))]


async def test_equal_control_ids_are_never_unanswered_on_one_connection() -> None:
    both = asyncio.Barrier(2)

    async def script(visit: Visit) -> None:
        sent = await visit.message()
        await both.wait()
        visit.answer(ack(sent))
        await visit.message()

    async with pair(script, pipeline=5) as (receiver, end):
        assert [o.code for o in await asyncio.gather(end.deliver(message(1)), end.deliver(message(1)))] == [
            DELIVERED
        ] * 2
    assert len(receiver.visits) == 2


async def test_a_receiver_that_closes_after_each_message_is_served() -> None:
    async def script(visit: Visit) -> None:
        visit.answer(ack(await visit.message()))

    for options in ({}, {"connection": "per_message"}):
        async with pair(script, **options) as (receiver, end):
            assert [(await end.deliver(message(n))).code for n in range(5)] == [DELIVERED] * 5
        assert receiver.messages == [adt(n) for n in range(5)]
        assert len(receiver.visits) == 5


async def test_a_connection_per_message_is_closed_by_us() -> None:
    async with pair(polite, connection="per_message") as (receiver, end):
        assert [(await end.deliver(message(n))).code for n in range(3)] == [DELIVERED] * 3
        await receiver.until(lambda: all(visit.reader.at_eof() for visit in receiver.visits))
    assert len(receiver.visits) == 3


async def test_a_kept_connection_that_the_receiver_closes_upon_the_next_message_is_replaced() -> None:
    async def script(visit: Visit) -> None:
        visit.answer(ack(await visit.message()))
        if visit.number == 1:
            await visit.reader.read(10)  # the next message comes, and the connection is closed on it

    async with pair(script) as (receiver, end):
        assert [(await end.deliver(message(n))).code for n in (1, 2)] == [DELIVERED] * 2
    assert receiver.messages == [adt(1), adt(2)]


async def test_a_new_connection_that_is_closed_without_an_answer_defers() -> None:
    async def script(visit: Visit) -> None:
        await visit.message()

    async with pair(script) as (receiver, end):
        outcome = await end.deliver(message())
    assert outcome.code is DEFERRED
    assert "closed the connection" in outcome.detail
    assert receiver.messages == [adt(1)]  # sent once only


async def test_a_receiver_that_is_away_is_unreachable_and_delivered_to_when_back() -> None:
    receiver = Receiver(polite)
    await receiver.start()
    async with sending(Desk(), receiver.port) as end:
        assert (await end.deliver(message(1))).code is DELIVERED
        await receiver.stop()
        outcome = await end.deliver(message(2))
        assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
        assert outcome.detail == f"cannot connect to 127.0.0.1:{receiver.port}: Connection refused"
        await receiver.start(port=receiver.port)
        assert (await end.deliver(message(2))).code is DELIVERED
        await receiver.stop()


async def test_a_receiver_that_stays_away_is_not_hammered(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = 0
    async with sending(Desk(), 1) as end:
        loop = asyncio.get_running_loop()
        connect = loop.create_connection

        async def counted(*args: Any, **options: Any) -> Any:
            nonlocal attempts
            attempts += 1
            return await connect(*args, **options)

        if not isinstance(loop, uvloop.Loop):  # an extension type, whose methods cannot be replaced
            monkeypatch.setattr(loop, "create_connection", counted)
        outcomes = [await end.deliver(message(n)) for n in range(50)]
    assert all((o.code, o.unreachable) == (DEFERRED, True) for o in outcomes)
    assert all("Connection refused" in o.detail for o in outcomes)
    assert attempts <= 3


async def test_a_cancelled_delivery_leaves_the_connection_sound() -> None:
    first_came, go_on = asyncio.Event(), asyncio.Event()

    async def script(visit: Visit) -> None:
        sent = await visit.message()
        if visit.number == 1:
            first_came.set()
            await go_on.wait()
        visit.answer(ack(sent))
        await polite(visit)

    async with pair(script) as (_, end):
        cancelled = asyncio.create_task(end.deliver(message(1)))
        await first_came.wait()
        cancelled.cancel()
        assert (await end.deliver(message(2))).code is DELIVERED
        go_on.set()
        assert [(await end.deliver(message(n))).code for n in (3, 4)] == [DELIVERED] * 2


async def test_closing_defers_what_is_unanswered() -> None:
    came = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.message()
        came.set()
        await visit.message()

    async with pair(script) as (_, end):
        delivery = asyncio.create_task(end.deliver(message()))
        await came.wait()
        await end.close()
        assert (await delivery).code is DEFERRED
        assert (await end.deliver(message())).code is DEFERRED
        await end.close()


async def test_idle_connections_are_let_go() -> None:
    async with pair(polite, idle=SHORT) as (receiver, end):
        await end.deliver(message(1))
        await receiver.until(receiver.visits[0].reader.at_eof)
        assert (await end.deliver(message(2))).code is DELIVERED


async def test_addresses_filled_from_the_message() -> None:
    async with (
        receiving(polite) as one,
        receiving(polite) as two,
        sending(Desk(), 0, connect="127.0.0.1:{to.port}") as end,
    ):
        for number in range(1, 7):
            to = one if number % 2 else two
            outcome = await end.deliver(message(number, **{"to.port": str(to.port)}))
            assert outcome.code is DELIVERED
        refused = await end.deliver(message(7, **{"to.port": "Testperson"}))
    assert one.messages == [adt(1), adt(3), adt(5)]
    assert two.messages == [adt(2), adt(4), adt(6)]
    assert len(one.visits) == 1
    assert refused.code is REFUSED
    assert "{to.port}" in refused.detail
    assert "Testperson" not in refused.detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (adt() + b"NTE|1||a\x1cb\r", "MLLP frame"),
        (adt().replace(b"MSG00001", b""), "MSH-10"),
        (b"no message", "MSH-10"),
        (b"MSH|^~\\&|A|B\rPID|1|2|3|4|5|6|7|8|9\r", "MSH-10"),
    ],
)
async def test_what_cannot_be_sent_safely_is_refused_before_it_is_sent(body: bytes, detail: str) -> None:
    async with pair(polite) as (receiver, end):
        outcome = await end.deliver(message(body=body))
    assert outcome.code is REFUSED
    assert detail in outcome.detail
    assert receiver.visits == []


async def test_the_application_acknowledgment_is_waited_for_and_confirmed_when_asked() -> None:
    confirmed: list[bytes] = []

    async def script(visit: Visit) -> None:
        sent = await visit.message()
        visit.answer(ack(sent, "CA"))
        answer = ack(sent, "AE" if visit.number == 1 and b"MSG00002" in sent else "AA")
        visit.answer(answer.replace(b"|2.5.1\r", b"|2.5.1|||AL|NE\r").replace(b"|ACK|1|", b"|ADT^A01|APP7|"))
        confirmed.append(await visit.message())
        await script(visit)

    async with pair(script, wait_for="application") as (receiver, end):
        outcomes = [await end.deliver(message(n)) for n in (1, 2)]
        await receiver.until(lambda: len(confirmed) == 2)
    assert [o.code for o in outcomes] == [DELIVERED, DEFERRED]
    assert b"MSA|AA|" in outcomes[0].reply
    assert b"MSA|CA|APP7" in confirmed[0]


async def test_an_application_acknowledgment_that_never_comes_defers() -> None:
    async with pair(says(framed(HEAD + b"MSA|CA|{id}\r")), wait_for="application", ack_timeout=SHORT) as (_, end):
        assert (await end.deliver(message())).code is DEFERRED


async def test_a_receiver_that_never_answers_can_be_expected() -> None:
    async def script(visit: Visit) -> None:
        while True:
            await visit.message()

    async with pair(script, wait_for="nothing") as (receiver, end):
        large = [message(n, adt(n) + b"NTE|1||" + b"x" * 300_000 + b"\r") for n in range(20)]
        assert [(await end.deliver(each)).code for each in large] == [DELIVERED] * 20
        await receiver.until(lambda: len(receiver.messages) == 20)
        assert (await end.deliver(Message("0" * 32, "c", BINARY, b"anything", NOW))).code is DELIVERED
    assert receiver.messages[:20] == [each.body for each in large]
    assert len(receiver.visits) == 1


# TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def server(authority: Authority, **options: Any) -> ServerTls:
    identity = authority.issue("hub", hosts=("127.0.0.1",))
    return ServerTls(certificate=identity.certificate, key=identity.key, **options)


async def test_mutual_tls(authority: Authority) -> None:
    ours = authority.issue("engine")
    context = server(authority, clients=authority.file).context(lambda _: None)

    def tls(identity: Identity | None) -> ClientTls:
        shown = {"certificate": identity.certificate, "key": identity.key} if identity else {}
        return ClientTls(authorities=authority.file, **shown)

    async with receiving(polite, context) as receiver:
        async with sending(Desk(), receiver.port, tls=tls(ours)) as end:
            assert [(await end.deliver(message(n))).code for n in (1, 2)] == [DELIVERED] * 2
        assert len(receiver.visits) == 1
        async with sending(Desk(), receiver.port, tls=tls(None)) as end:
            outcome = await end.deliver(message(3))
            assert outcome.code is DEFERRED
            assert "tls.certificate" in outcome.detail
    assert receiver.messages == [adt(1), adt(2)]


async def test_a_receiver_with_a_strangers_certificate_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "strange")
    async with (
        receiving(polite, server(stranger).context(lambda _: None)) as receiver,
        sending(Desk(), receiver.port, tls=ClientTls(authorities=authority.file)) as end,
    ):
        outcome = await end.deliver(message())
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert "its certificate is not accepted" in outcome.detail
    assert receiver.messages == []


async def test_tls_to_a_receiver_without_it_fails_plainly(authority: Authority) -> None:
    async def script(visit: Visit) -> None:
        await visit.reader.read(100)
        visit.write(b"what?\r\n")

    async with pair(script, tls=ClientTls(authorities=authority.file)) as (_, end):
        outcome = await end.deliver(message())
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert "TLS" in outcome.detail


async def test_a_missing_certificate_file_is_named_and_delivery_waits(tmp_path: Path) -> None:
    async with pair(polite, tls=ClientTls(authorities=tmp_path / "none.pem")) as (_, end):
        outcome = await end.deliver(message())
    assert (outcome.code, outcome.unreachable) == (DEFERRED, True)
    assert "none.pem" in outcome.detail


RRI = HEAD.replace(b"||ACK|", b"||RRI^I12^RRI_I12|") + b"MSA|AA|{id}\rRF1|A\r"


async def test_an_answer_that_says_more_than_an_acknowledgment_is_taken_where_that_is_wanted() -> None:
    desk = Desk()
    async with pair(says(framed(RRI)), desk, answers="taken", ack_timeout=SHORT) as (_, end):
        outcome = await end.deliver(message(5))
    assert outcome.code is DELIVERED
    (taken,) = desk.messages
    assert (taken.body, taken.channel, taken.get("mllp.answers")) == (outcome.reply, "adt-feed", message(5).id)


@pytest.mark.parametrize(
    ("answer", "options", "attributes"),
    [
        (RRI, {}, {}),
        (HEAD + b"MSA|AA|{id}\r", {"answers": "taken"}, {}),
        (RRI.replace(b"MSA|AA", b"MSA|AE"), {"answers": "taken"}, {}),
        (RRI, {"answers": "taken"}, {"mllp.answers": "0" * 32}),
    ],
    ids=["not wanted", "a mere ACK", "not delivered", "an answer to an answer"],
)
async def test_any_other_answer_is_kept_only(answer: bytes, options: Any, attributes: dict[str, str]) -> None:
    desk = Desk()
    async with pair(says(framed(answer)), desk, ack_timeout=SHORT, **options) as (_, end):
        outcome = await end.deliver(message(5, **attributes))
    assert desk.messages == []
    assert outcome.reply.startswith(b"MSH")


async def test_what_cannot_be_journaled_is_asked_for_again() -> None:
    desk = Desk(lambda _: Receipt(ReceiptCode.FAILED))
    async with pair(says(framed(RRI)), desk, answers="taken", ack_timeout=SHORT) as (_, end):
        assert (await end.deliver(message(5))).code is DEFERRED
