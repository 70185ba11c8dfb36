"""What waits to be told together: one message at its time, through restarts and failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from channels.ends import End, EndContext, Outcome
from engine.channel import BoundEnd, Channel, Route
from engine.journal import Journal
from engine.journal import gathered as commit
from engine.journal.notified import Asked, Notice, notified
from engine.journal.replay import replay
from engine.journal.retention import prune
from engine.journal.tables import messages
from schemas.ids import utc_now
from schemas.message import Message
from tests.engine.harness import DEFERRED, DELIVERED, REFUSED, SOON, Hand, adt, at_work
from transforms.notify.adt_to_text import adt_to_text
from transforms.step import Step, StepError

SOON_DUE = timedelta(seconds=1.5)


class Box:
    """An outbound end that keeps the texts it is given; `answer` says what becomes of each attempt."""

    def __init__(self, answer: Callable[[int], Outcome] = lambda _: DELIVERED) -> None:
        self.answer = answer
        self.taken: list[str] = []
        self._moved = asyncio.Condition()

    def __call__(self, _context: EndContext) -> Box:
        return self

    async def deliver(self, message: Message) -> Outcome:
        async with self._moved:
            self.taken.append(message.body.decode())
            self._moved.notify_all()
        return self.answer(len(self.taken))

    async def close(self) -> None:
        """Nothing to let go of."""

    async def until(self, count: int) -> list[str]:
        async with asyncio.timeout(20), self._moved:
            await self._moved.wait_for(lambda: len(self.taken) >= count)
        return self.taken


class Site:
    """A channel with a digest due `at`, for whoever PID-3 is the patient of; A08 is an update, A11 a withdrawal."""

    def __init__(self, box: Box, at: datetime, **options: object) -> None:
        self.at, self.box = at, box
        steps = (Step("adt_to_text", self.form),)
        self.route = Route("out", BoundEnd(End("box", outbound=box)), steps=steps, retry=SOON, **options)  # type: ignore[arg-type]

    def tell(self, message: Message) -> Message:
        kind = {"A08": "update", "A11": "withdrawal"}.get(message.get("MSH-9.2"), "new")
        patient = message.get("PID-3.1")
        facts = {"notice.key": f"{patient} arrival", "notice.kind": kind, "notice.phase": "arrival"}
        facts |= {"notice.event": "admit", "notice.patient": patient, "subscriber.id": "riverside"}
        if patient != "now":
            facts |= {"deliver.digest": patient[0], "deliver.after": self.at.isoformat()}
        return message.derive("tell", attributes=facts)

    def form(self, message: Message) -> Message:
        if message.get("PID-3.1") == "bad" and utc_now() >= self.at:
            raise StepError("it cannot be said", "mend it")
        made = adt_to_text(message)
        assert isinstance(made, Message)
        return replace(made, body=made.body + f"Of: {message.get('PID-3.1')}\n".encode())

    def channel(self, hand: Hand) -> Channel:
        return Channel("adt", BoundEnd(End("hand", inbound=hand)), (Step("tell", self.tell),), (self.route,))

    @asynccontextmanager
    async def at_work(self, url: str, journal: Journal) -> AsyncIterator[Hand]:
        hand = Hand()
        async with at_work(url, self.channel(hand), hand, journal):
            yield hand


def of(text: str) -> list[str]:
    """Whose notices a text has."""
    return [line.removeprefix("Of: ") for line in text.splitlines() if line.startswith("Of: ")]


@pytest.fixture
async def journal(journal_url: str) -> AsyncIterator[Journal]:
    opened = Journal(journal_url)
    await opened.open()
    yield opened
    await opened.close()


async def rows(journal: Journal) -> list[tuple[str, bool]]:
    """Status and openness of each child, in order."""
    query = select(messages.c.status, messages.c.open).where(messages.c.parent.is_not(None)).order_by(messages.c.seq)
    return [tuple(row) for row in await journal.read(lambda connection: connection.execute(query).all())]  # type: ignore[misc]


async def settled(journal: Journal) -> None:
    async with asyncio.timeout(20):
        while any(open_ for _, open_ in await rows(journal)):  # noqa: ASYNC110 - the journal has nothing to wait on
            await asyncio.sleep(0.05)


async def told(journal: Journal) -> list[Notice]:
    return [each async for each in notified(journal, Asked())]


@pytest.mark.parametrize("order", [None, "true", "PID-3.1"])
async def test_what_has_gathered_is_told_in_one_message_at_its_time(
    journal_url: str, journal: Journal, order: str | None
) -> None:
    site = Site(Box(), utc_now() + SOON_DUE, in_order=order)
    async with site.at_work(journal_url, journal) as hand:
        for number, patient in enumerate(("a1", "a2", "b1", "now")):
            await hand.send(adt(f"M{number}", patient))
        assert of((await site.box.until(1))[0]) == ["now"]
        assert utc_now() < site.at
        await site.box.until(3)
        assert utc_now() >= site.at
        await settled(journal)
    assert sorted(map(of, site.box.taken[1:])) == [["a1", "a2"], ["b1"]]
    assert sorted(status for status, _ in await rows(journal)) == ["delivered"] * 3 + ["routed"] * 3
    assert [each.outcome for each in await told(journal)] == ["delivered"] * 4


async def test_updates_and_withdrawals_are_folded_in(journal_url: str, journal: Journal) -> None:
    site = Site(Box(), utc_now() + SOON_DUE)
    async with site.at_work(journal_url, journal) as hand:
        for number, (patient, event) in enumerate(
            [("a1", "A01"), ("a2", "A01"), ("a1", "A08"), ("a2", "A11"), ("a3", "A11"), ("b1", "A01"), ("b1", "A11")]
        ):
            await hand.send(adt(f"M{number}", patient, event))
        (text,) = await site.box.until(1)
        await settled(journal)
    assert of(text) == ["a1", "a3"]
    assert [line for line in text.splitlines() if line[:2] in ("1.", "2.")] == [
        "1. Notice of admission", "2. Withdrawn: notice of admission"]  # fmt: skip
    assert len(site.box.taken) == 1
    outcomes = {(each.patient_id, each.kind): (each.outcome, each.detail) for each in await told(journal)}
    assert outcomes["a1", "update"] == outcomes["a1", "new"] == ("delivered", "AA")
    untold = ("filtered", "taken back before it was told")
    assert [outcomes[patient, "withdrawal"] for patient in ("a2", "b1")] == [untold, untold]


async def test_it_waits_for_an_engine_that_was_away_at_its_time(journal_url: str, journal: Journal) -> None:
    box = Box()
    site = Site(box, utc_now() + SOON_DUE)
    for patient in ("a1", "a2"):
        async with site.at_work(journal_url, journal) as hand:
            await hand.send(adt(f"M{patient}", patient))
    await asyncio.sleep(max(0.0, (site.at - utc_now()).total_seconds()))
    async with site.at_work(journal_url, journal):
        (text,) = await box.until(1)
        await settled(journal)
    assert of(text) == ["a1", "a2"]
    async with site.at_work(journal_url, journal) as hand:  # nothing is told again
        await hand.send(adt("M9", "now"))
        await box.until(2)
    assert [of(each) for each in box.taken] == [["a1", "a2"], ["now"]]


async def test_a_commit_that_fails_loses_and_repeats_nothing(
    journal_url: str, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    real = commit.note_told_in

    def note(connection: Connection, told_in: Mapping[str, str]) -> None:
        real(connection, told_in)
        tries.extend(set(told_in.values()))
        if len(tries) < 3:
            raise OSError("the machine is gone before the commit")

    monkeypatch.setattr("engine.digests.note_told_in", note)
    site = Site(Box(), utc_now() + SOON_DUE)
    async with site.at_work(journal_url, journal) as hand:
        for patient in ("a1", "a2"):
            await hand.send(adt(f"M{patient}", patient))
        await site.box.until(1)
        await settled(journal)
    assert [of(each) for each in site.box.taken] == [["a1", "a2"]]
    assert len(tries) == 3
    assert len(set(tries)) == 1  # another attempt makes the same message


async def test_a_digest_is_tried_again_as_it_is_and_its_outcome_is_that_of_each_notice(
    journal_url: str, journal: Journal
) -> None:
    box = Box(lambda attempt: DEFERRED if attempt == 1 else REFUSED)
    site = Site(box, utc_now() + SOON_DUE)
    async with site.at_work(journal_url, journal) as hand:
        for patient in ("a1", "a2"):
            await hand.send(adt(f"M{patient}", patient))
        first, second = await box.until(2)
        await settled(journal)
    assert first == second
    notices = await told(journal)
    assert [(each.outcome, each.detail) for each in notices] == [("refused", "AR")] * 2
    assert len({each.message for each in notices}) == 1
    async for _ in prune(journal, lambda _: timedelta(0), utc_now() + timedelta(days=1)):
        pass
    assert await rows(journal) == []
    assert [(each.outcome, each.detail) for each in await told(journal)] == [("refused", "AR")] * 2


async def test_a_notice_that_cannot_be_said_fails_alone_and_can_be_replayed(journal_url: str, journal: Journal) -> None:
    site = Site(Box(), utc_now() + SOON_DUE)
    async with site.at_work(journal_url, journal) as hand:
        # One letter, one digest: `bad` shares that of b1.
        for patient in ("b1", "bad"):
            await hand.send(adt(f"M{patient}", patient))
        (text,) = await site.box.until(1)
        await settled(journal)
        assert of(text) == ["b1"]
        query = select(messages.c.id, messages.c.detail).where(messages.c.status == "failed")
        (failed,) = await journal.read(lambda connection: connection.execute(query).all())
        assert "it cannot be said (mend it)" in failed.detail
        site.at = utc_now() + timedelta(days=1)  # it is mended
        await replay(journal, failed.id, utc_now())
        assert of((await site.box.until(2))[1]) == ["bad"]
        await settled(journal)


async def test_large_notices_are_not_all_held_at_once(
    journal_url: str, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.digests.MOST_BYTES", 1)
    site = Site(Box(), utc_now() + SOON_DUE)
    async with site.at_work(journal_url, journal) as hand:
        for number in range(3):
            await hand.send(adt(f"M{number}", f"a{number}"))
        await site.box.until(3)
        await settled(journal)
    assert [of(each) for each in site.box.taken] == [["a0"], ["a1"], ["a2"]]


async def test_a_large_digest_goes_out_in_parts_and_leaves_nothing(
    journal_url: str, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.digests.MOST", 25)
    site = Site(Box(), utc_now() + SOON_DUE)
    async with site.at_work(journal_url, journal) as hand:
        await asyncio.gather(*(hand.send(adt(f"M{number}", f"a{number}")) for number in range(60)))
        await site.box.until(3)
        await settled(journal)
    parts = [of(each) for each in site.box.taken]
    assert [len(each) for each in parts] == [25, 25, 10]
    assert len({patient for each in parts for patient in each}) == 60
