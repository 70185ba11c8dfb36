"""One channel from accept to outcome, on a real journal, with ends that the test plays."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from channels.ends import ReceiptCode
from engine.channel import Retry
from engine.journal import Journal, JournalError, Status, Work
from engine.journal.tables import events, messages
from engine.routing import Routing
from schemas.condition import Condition
from tests.engine.harness import (
    DEFERRED,
    DELIVERED,
    REFUSED,
    SOON,
    UNREACHABLE,
    Hand,
    Script,
    adt,
    at_work,
    channel,
    route,
)
from transforms import STEPS
from transforms.step import Step, StepError


async def statuses(journal: Journal, queue: str) -> list[tuple[str, str]]:
    """(status, detail) of each message in `queue`, in order of arrival."""
    query = select(messages.c.status, messages.c.detail).where(messages.c.queue == queue).order_by(messages.c.seq)
    return await journal.read(lambda connection: [(row.status, row.detail or "") for row in connection.execute(query)])


async def test_what_is_accepted_is_delivered_in_order(journal_url: str) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script, in_order="true")), hand) as stand:
        for number in range(50):
            receipt = await hand.send(adt(f"C{number}", f"P{number % 7}"))
            assert receipt.code is ReceiptCode.ACCEPTED
        await script.until(lambda: len(script.delivered) == 50)
        assert script.delivered == [f"C{number}" for number in range(50)]
        assert script.most_under_way == 1
    journal = Journal(journal_url)
    await journal.open()
    assert await statuses(journal, "adt") == [("routed", "")] * 50
    assert await statuses(journal, "adt/out") == [("delivered", "AA")] * 50
    assert stand.flow.acceptor.accepted == 50
    await journal.close()


async def test_a_retry_holds_its_own_key_and_no_other(journal_url: str) -> None:
    hand = Hand()
    script = Script(lambda message, _: DEFERRED if message.get("MSH-10") == "A1" and held() else DELIVERED)

    def held() -> bool:
        return "B2" not in script.delivered or script.attempts["A1"] < 4

    async with at_work(journal_url, channel(hand, route(script, in_order="PID-3.1", parallel=4)), hand) as stand:
        for control_id, patient in [("A1", "A"), ("A2", "A"), ("B1", "B"), ("A3", "A"), ("B2", "B")]:
            await hand.send(adt(control_id, patient))
        await script.until(lambda: len(script.delivered) == 5)
        assert [c for c in script.delivered if c[0] == "A"] == ["A1", "A2", "A3"]
        assert script.attempts["A1"] >= 4
        query = select(events.c.kind, events.c.detail)
        found = await stand.journal.read(lambda connection: [tuple(row) for row in connection.execute(query)])
        assert found == [("deferred", "AE")] * (script.attempts["A1"] - 1)


async def test_a_merge_is_a_barrier_for_both_patients(journal_url: str) -> None:
    hand = Hand()
    # A third patient need not wait: were C1 held up by the merge, B1 would never be let through.
    script = Script(
        lambda message, _: DEFERRED if message.get("MSH-10") == "B1" and "C1" not in script.delivered else DELIVERED
    )
    async with at_work(journal_url, channel(hand, route(script, in_order="PID-3.1", parallel=4)), hand):
        await hand.send(adt("A1", "A"))
        await hand.send(adt("B1", "B"))
        await hand.send(adt("M", "A", "A40", merged="B"))
        await hand.send(adt("A2", "A"))
        await hand.send(adt("C1", "C"))
        await hand.send(adt("B2", "B"))
        await script.until(lambda: len(script.delivered) == 6)
    order = script.delivered.index
    assert order("B1") < order("M") < min(order("A2"), order("B2"))
    assert order("A1") < order("M")


async def test_random_refusals_and_deferrals_never_break_the_order_of_a_key(journal_url: str) -> None:
    chance = random.Random(7)
    hand = Hand()
    script = Script(lambda _message, attempt: DEFERRED if attempt < 3 and chance.random() < 0.2 else DELIVERED)
    sent = [(f"{patient}-{number}", patient) for number in range(30) for patient in "ABCDE"]
    async with at_work(journal_url, channel(hand, route(script, in_order="PID-3.1", parallel=5)), hand):
        await asyncio.gather(*(hand.send(adt(control_id, patient)) for control_id, patient in sent))
        await script.until(lambda: len(script.delivered) == len(sent))
    for patient in "ABCDE":
        delivered = [control_id for control_id in script.delivered if control_id[0] == patient]
        assert delivered == [control_id for control_id, of in sent if of == patient]


async def test_a_deferred_message_holds_nobody_up_where_no_order_is_asked_for(journal_url: str) -> None:
    hand = Hand()
    script = Script(
        lambda message, _: DEFERRED if message.get("MSH-10") == "1" and "3" not in script.delivered else DELIVERED
    )
    async with at_work(journal_url, channel(hand, route(script)), hand):
        for number in range(1, 4):
            await hand.send(adt(str(number), "A"))
        await script.until(lambda: len(script.delivered) == 3)
    assert script.delivered == ["2", "3", "1"]


async def test_a_partner_out_of_reach_pauses_the_route_and_not_each_message(journal_url: str) -> None:
    hand = Hand()
    script = Script(lambda _message, _attempt: UNREACHABLE if len(script.tried) < 3 else DELIVERED)
    async with at_work(journal_url, channel(hand, route(script, in_order="PID-3.1")), hand):
        for number in range(20):
            await hand.send(adt(str(number), f"P{number}"))
        await script.until(lambda: len(script.delivered) == 20)
    assert script.tried[:3] == ["0", "0", "0"], "one message at a time finds out whether the partner is back"
    assert script.delivered == [str(number) for number in range(20)]


async def test_a_refusal_is_settled_and_the_next_goes_on(journal_url: str) -> None:
    hand = Hand()
    script = Script(lambda message, _attempt: REFUSED if message.get("MSH-10") == "1" else DELIVERED)
    async with at_work(journal_url, channel(hand, route(script, in_order="true")), hand):
        for number in range(1, 4):
            await hand.send(adt(str(number), "A"))
        await script.until(lambda: len(script.delivered) == 2)
    journal = Journal(journal_url)
    await journal.open()
    assert await statuses(journal, "adt/out") == [("refused", "AR"), ("delivered", "AA"), ("delivered", "AA")]
    await journal.close()


async def test_given_up_it_is_failed_and_the_line_goes_on(journal_url: str) -> None:
    hand = Hand()
    script = Script(lambda message, _attempt: DEFERRED if message.get("MSH-10") == "1" else DELIVERED)
    retry = Retry(timedelta(milliseconds=5), timedelta(milliseconds=5), timedelta(milliseconds=30))
    async with at_work(journal_url, channel(hand, route(script, in_order="true", retry=retry)), hand):
        await hand.send(adt("1", "A"))
        await hand.send(adt("2", "A"))
        await script.until(lambda: script.delivered == ["2"])
    journal = Journal(journal_url)
    await journal.open()
    (failed, detail), (delivered, _) = await statuses(journal, "adt/out")
    assert (failed, delivered) == ("failed", "delivered")
    assert detail.startswith("given up after ")
    await journal.close()


async def test_what_was_under_way_when_the_engine_stopped_goes_on_when_it_starts(journal_url: str) -> None:
    hand = Hand()
    script = Script(lambda _message, _attempt: UNREACHABLE)
    flow = channel(hand, route(script, in_order="PID-3.1"))
    async with at_work(journal_url, flow, hand):
        for number in range(30):
            await hand.send(adt(str(number), f"P{number % 3}"))
        await script.until(lambda: len(script.tried) >= 2)
    script.answer = lambda _message, _attempt: DELIVERED
    async with at_work(journal_url, flow, hand):
        await hand.send(adt("30", "P0"))
        await script.until(lambda: len(script.delivered) == 31)
    for patient in range(3):
        of_patient = [int(c) for c in script.delivered if int(c) % 3 == patient]
        assert of_patient == sorted(of_patient)


async def test_filtered_failed_and_unrouted_messages_are_journaled_with_the_reason(journal_url: str) -> None:
    def explode(message: object) -> None:
        if message.get("MSH-10") == "bad":  # type: ignore[attr-defined]
            raise StepError("the ward is not in the table", "add it to maps/wards.csv")
        return message  # type: ignore[return-value]

    hand, script = Hand(), Script()
    keep = Step("keep", STEPS["keep"], (Condition.read({"MSH-9.2": ["A01", "A03"]}),), None, "keep: ...")
    steps = (keep, Step("ward", explode, written="ward"))
    flow = channel(hand, route(script, when=Condition.read({"PID-3.1": "A"})), steps=steps)
    async with at_work(journal_url, flow, hand):
        for control_id, patient, event in [
            ("1", "A", "A08"),
            ("bad", "A", "A01"),
            ("2", "B", "A01"),
            ("3", "A", "A03"),
        ]:
            await hand.send(adt(control_id, patient, event))
        await script.until(lambda: script.delivered == ["3"])
    journal = Journal(journal_url)
    await journal.open()
    filtered, failed, unrouted, routed = await statuses(journal, "adt")
    assert filtered[0] == Status.FILTERED
    assert "MSH-9.2" in filtered[1]
    assert failed == (Status.FAILED, "ward: the ward is not in the table (add it to maps/wards.csv)")
    assert unrouted[0] == Status.FILTERED
    assert "PID-3.1: A" in unrouted[1]
    assert routed == (Status.ROUTED, "")
    await journal.close()


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"not HL7 at all", "MSH"),
        (b"PID|1||A\rMSH", "MSH"),
        (b"MSH|^~\\&|A|B|C|D|2026||\rPID|1\r", "MSH-9"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A01||P|2.5\r", "MSH-10"),
    ],
)
async def test_a_damaged_message_is_rejected_with_the_place_and_journaled(
    journal_url: str, body: bytes, where: str
) -> None:
    hand = Hand()
    async with at_work(journal_url, channel(hand, route(Script())), hand) as stand:
        receipt = await hand.send(body)
        assert (receipt.code, receipt.where) == (ReceiptCode.REJECTED, where)
        assert receipt.error in ("100", "101")
        ((status, detail),) = await statuses(stand.journal, "adt")
        assert status == Status.REJECTED
        assert where in detail


BUNDLE = (
    b'{"resourceType":"Bundle","type":"message","identifier":{"value":"M1"},"entry":['
    b'{"resource":{"resourceType":"Patient","identifier":[{"value":"4711"}]}}]}'
)


async def test_a_fhir_message_is_found_by_its_type_its_identifier_and_its_patient(journal_url: str) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script, in_order="Patient.identifier.value")), hand) as stand:
        assert (await hand.send(BUNDLE, "fhir")).code is ReceiptCode.ACCEPTED
        await script.until(lambda: len(script.delivered) == 1)
        query = select(messages.c.type, messages.c.control_id, messages.c.patient_id, messages.c.order_keys)
        rows = await stand.journal.read(lambda connection: [tuple(row) for row in connection.execute(query)])
    assert sorted(rows, key=str) == [("Bundle/message", "M1", "4711", None), (None, None, None, '["4711"]')]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"resourceType":"Patient","id":Ames}', b'{"a":1}', b"MSH|"])
async def test_damaged_fhir_is_rejected_and_journaled(journal_url: str, body: bytes) -> None:
    hand = Hand()
    async with at_work(journal_url, channel(hand, route(Script())), hand) as stand:
        receipt = await hand.send(body, "fhir")
        assert receipt.code is ReceiptCode.REJECTED
        ((status, detail),) = await statuses(stand.journal, "adt")
        assert (status, detail) == (Status.REJECTED, receipt.reason)
        assert "Ames" not in detail


async def test_an_identical_repeat_is_acknowledged_again_and_not_routed_twice(journal_url: str) -> None:
    hand, script = Hand(), Script()
    flow = channel(hand, route(script), repeats=timedelta(hours=1))
    async with at_work(journal_url, flow, hand) as stand:
        first = adt("1", "A")
        receipts = await asyncio.gather(*(hand.send(first) for _ in range(5)))
        assert {receipt.code for receipt in receipts} == {ReceiptCode.ACCEPTED}
        assert sum("a repeat of" in receipt.reason for receipt in receipts) == 4
        # The same control id with another body is another message: nothing is dropped on a counter that began anew.
        await hand.send(adt("1", "B"))
        await hand.send(adt("2", "A"))
        await script.until(lambda: len(script.delivered) == 3)
        query = select(events.c.kind)
        assert await stand.journal.read(lambda c: list(c.execute(query).scalars())) == ["repeat"] * 4


async def test_what_is_routed_as_it_arrives_never_overtakes_what_waits_to_be_routed(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script, in_order="PID-3.1", parallel=4)), hand):
        sending = []
        for number in range(200):
            monkeypatch.setattr(Routing, "is_quick", number % 7 != 0)
            sending.append(asyncio.create_task(hand.send(adt(str(number), f"P{number % 5}"))))
            if number % 13 == 0:
                await sending[-1]
        receipts = await asyncio.gather(*sending)
        assert {receipt.code for receipt in receipts} == {ReceiptCode.ACCEPTED}
        await script.until(lambda: len(script.delivered) == 200)
        for patient in range(5):
            mine = [int(one) for one in script.delivered if int(one) % 5 == patient]
            assert mine == sorted(mine)


async def test_a_journal_that_cannot_write_means_try_again_and_never_accepted(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script, in_order="true")), hand) as stand:
        await hand.send(adt("1", "A"))
        await script.until(lambda: script.delivered == ["1"])

        def broken(work: Work) -> None:
            work.result = JournalError("the disk is full", "free some")
            asyncio.get_running_loop().call_soon(work.done, work)

        with monkeypatch.context() as patch:
            patch.setattr(stand.journal, "submit", broken)
            receipt = await hand.send(adt("2", "A"))
            assert (receipt.code, receipt.reason) == (ReceiptCode.FAILED, "the disk is full")
        assert (await hand.send(adt("3", "A"))).code is ReceiptCode.ACCEPTED
        await script.until(lambda: script.delivered == ["1", "3"])


async def test_an_outcome_that_cannot_be_journaled_stops_the_route_until_it_can(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script, in_order="true", retry=SOON)), hand) as stand:
        submit = stand.journal.submit
        broken = True

        def flaky(work: Work, *, patient: bool = False) -> None:
            if broken and work.states:
                work.result = JournalError("the disk is full", "free some")
                asyncio.get_running_loop().call_soon(work.done, work)
            else:
                submit(work, patient=patient)

        monkeypatch.setattr(stand.journal, "submit", flaky)
        for number in range(5):
            await hand.send(adt(str(number), "A"))
        await script.until(lambda: script.delivered[:1] == ["0"])
        broken = False
        await script.until(lambda: len(script.delivered) == 5)
        assert script.delivered == ["0", "1", "2", "3", "4"], "nothing was delivered twice, nothing out of order"


async def test_while_the_journal_cannot_write_not_one_more_is_delivered(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.deliver._JOURNAL_PAUSE", 0.01)
    hand, script = Hand(), Script()
    async with at_work(journal_url, channel(hand, route(script, in_order="PID-3.1", parallel=2)), hand) as stand:
        submit, attempts = stand.journal.submit, 0
        enough = asyncio.Event()

        def broken(work: Work, *, patient: bool = False) -> None:
            nonlocal attempts
            if not work.states:
                submit(work, patient=patient)
                return
            attempts += 1
            if attempts == 20:
                enough.set()
            work.result = JournalError("the disk is full", "free some")
            # As from a disk, after a while: what starts in between would be repeated after a crash.
            asyncio.get_running_loop().call_later(0 if attempts <= 2 else 0.005, work.done, work)

        monkeypatch.setattr(stand.journal, "submit", broken)
        script.gate.clear()
        for number in range(40):
            await hand.send(adt(str(number), f"P{number}"))
        script.gate.set()
        async with asyncio.timeout(20):
            await enough.wait()
        begun = len(script.tried)
        enough.clear()
        attempts = 0
        async with asyncio.timeout(20):
            await enough.wait()
        assert len(script.tried) == begun, "deliveries went on while none could be journaled"
        monkeypatch.setattr(stand.journal, "submit", submit)
        await script.until(lambda: len(script.delivered) == 40)
        assert len(script.tried) == 40
