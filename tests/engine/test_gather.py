"""A route whose files hold several messages: how they are gathered, in which order, and what becomes of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from channels.ends import End, EndContext, Outcome, Together
from channels.file import FileOutbound
from channels.file.batching import Batching
from engine.channel import BoundEnd, Channel, Retry, Route
from engine.journal import Journal, JournalError
from engine.journal.replay import replay
from engine.journal.tables import messages
from schemas.hl7v2 import Er7, split_batch
from schemas.ids import utc_now
from schemas.message import Message
from tests.channels.folders import contents
from tests.engine.harness import DEFERRED, DELIVERED, REFUSED, SOON, UNREACHABLE, Hand, adt, at_work, channel

HOUR = timedelta(hours=1)
SOON_WRITTEN = timedelta(milliseconds=50)


class Batches:
    """An end that takes messages together: `answer` says what becomes of each; what went together is kept."""

    def __init__(
        self, most: int, wait: timedelta, answer: Callable[[str, int], Outcome] = lambda *_: DELIVERED
    ) -> None:
        self.together: Together | None = Together(most, wait)
        self.answer = answer
        self.tried: list[list[str]] = []
        self._tries: dict[str, int] = {}
        self._moved = asyncio.Condition()

    def __call__(self, _context: EndContext) -> Batches:
        return self

    async def deliver(self, message: Message) -> Outcome:
        return (await self.deliver_together((message,)))[0]

    async def deliver_together(self, messages: Sequence[Message]) -> list[Outcome]:
        names = [message.get("MSH-10") for message in messages]
        for name in names:
            self._tries[name] = self._tries.get(name, 0) + 1
        async with self._moved:
            self.tried.append(names)
            self._moved.notify_all()
        return [self.answer(name, self._tries[name]) for name in names]

    async def close(self) -> None:
        """Nothing to let go of."""

    async def until(self, batches: int) -> list[list[str]]:
        """The first `batches`, once they were tried."""
        async with asyncio.timeout(20), self._moved:
            await self._moved.wait_for(lambda: len(self.tried) >= batches)
        return self.tried[:batches]


def to(end: Callable[..., object], retry: Retry = SOON, **options: object) -> Route:
    return Route("out", BoundEnd(End("batches", outbound=end), options), retry=retry)  # type: ignore[arg-type]


async def states(journal: Journal) -> list[str]:
    query = select(messages.c.status).where(messages.c.queue == "adt/out").order_by(messages.c.seq)
    return await journal.read(lambda connection: list(connection.execute(query).scalars()))


async def all_settled(journal: Journal, number: int) -> list[str]:
    """The states of the deliveries, once all are settled."""
    async with asyncio.timeout(20):
        while True:
            found = await states(journal)
            if len(found) == number and not {"queued", "deferred"} & set(found):
                return found
            await asyncio.sleep(0.02)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder of a partner's."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def names(first: int, last: int) -> list[str]:
    return [f"C{number}" for number in range(first, last + 1)]


async def test_a_file_is_written_when_it_is_full_or_its_first_message_has_waited(journal_url: str, out: Path) -> None:
    hand = Hand()
    route = to(FileOutbound, folder=out, name="{MSH-10}.hl7", batch=Batching(most=10, wait=HOUR))
    async with at_work(journal_url, channel(hand, route), hand) as stand:
        for name in names(1, 25):
            await hand.send(adt(name, "P1"))
        async with asyncio.timeout(20):
            # Not enough for a third file, and an hour is not over.
            while await states(stand.journal) != ["delivered"] * 20 + ["queued"] * 5:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    soon = to(FileOutbound, folder=out, name="{MSH-10}.hl7", batch=Batching(most=10, wait=SOON_WRITTEN))
    async with at_work(journal_url, channel(hand, soon), hand) as stand:
        assert await all_settled(stand.journal, 25) == ["delivered"] * 25
    files = contents(out)
    assert sorted(files) == ["C1.hl7", "C11.hl7", "C21.hl7"]
    for name, first, last in (("C1.hl7", 1, 10), ("C11.hl7", 11, 20), ("C21.hl7", 21, 25)):
        batch = split_batch(files[name])
        assert (batch.enveloped, batch.findings) == (True, ())
        assert [each.body for each in batch.messages] == [adt(each, "P1") for each in names(first, last)]
        assert files[name].startswith(b"FHS|^~\\&|ADT|STANNE|HIE|HIE|")
        assert files[name].endswith(f"BTS|{last - first + 1}\rFTS|1\r".encode())


async def test_while_the_partner_is_away_all_wait_and_keep_their_order(journal_url: str) -> None:
    hand = Hand()
    end = Batches(4, HOUR, lambda _name, tries: UNREACHABLE if tries < 4 else DELIVERED)
    async with at_work(journal_url, channel(hand, to(end)), hand) as stand:
        for name in names(1, 8):
            await hand.send(adt(name, "P1"))
        assert await all_settled(stand.journal, 8) == ["delivered"] * 8
        assert end.tried == [names(1, 4)] * 4 + [names(5, 8)] * 4


async def test_of_one_batch_each_message_has_its_own_outcome(journal_url: str) -> None:
    hand = Hand()
    end = Batches(
        3,
        HOUR,
        lambda name, tries: {"C1": DELIVERED, "C2": REFUSED}.get(name) or (DEFERRED if tries == 1 else DELIVERED),
    )
    async with at_work(journal_url, channel(hand, to(end)), hand) as stand:
        for name in names(1, 6):
            await hand.send(adt(name, "P1"))
        assert (await all_settled(stand.journal, 6))[:3] == ["delivered", "refused", "delivered"]
        assert end.tried[0] == names(1, 3)
        later = [name for batch in end.tried[1:] for name in batch]
        assert list(dict.fromkeys(later)) == names(3, 6), "what is deferred keeps its place before the rest"


async def test_given_up_it_is_failed_and_the_rest_goes_on(journal_url: str) -> None:
    hand = Hand()
    end = Batches(2, SOON_WRITTEN, lambda name, _: DEFERRED if name in ("C1", "C2") else DELIVERED)
    soon = Retry(timedelta(milliseconds=20), timedelta(milliseconds=20), timedelta(milliseconds=100))
    async with at_work(journal_url, channel(hand, to(end, soon)), hand) as stand:
        for name in names(1, 4):
            await hand.send(adt(name, "P1"))
        assert await all_settled(stand.journal, 4) == ["failed", "failed", "delivered", "delivered"]


async def test_what_failed_before_a_restart_goes_first_after_it(journal_url: str) -> None:
    hand = Hand()
    end = Batches(2, SOON_WRITTEN, lambda *_: UNREACHABLE)
    later = Retry(timedelta(seconds=1), timedelta(seconds=1), HOUR)
    async with at_work(journal_url, channel(hand, to(end, later)), hand) as stand:
        for name in names(1, 3):
            await hand.send(adt(name, "P1"))
        async with asyncio.timeout(20):
            while "deferred" not in await states(stand.journal):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    again = Batches(9, SOON_WRITTEN)
    async with at_work(journal_url, channel(hand, to(again, later)), hand) as stand:
        await hand.send(adt("C4", "P1"))
        await all_settled(stand.journal, 4)
        assert [name for batch in again.tried for name in batch] == names(1, 4)


async def test_a_replay_goes_out_with_the_next_file(journal_url: str) -> None:
    hand, end = Hand(), Batches(9, SOON_WRITTEN)
    async with at_work(journal_url, channel(hand, to(end)), hand) as stand:
        await hand.send(adt("C1", "P1"))
        await all_settled(stand.journal, 1)
        query = select(messages.c.id).where(messages.c.queue == "adt/out")
        id = await stand.journal.read(lambda connection: str(connection.execute(query).scalar()))
        await replay(stand.journal, id, utc_now())
        assert await end.until(2) == [["C1"], ["C1"]]


async def test_nothing_more_goes_out_while_the_outcome_cannot_be_journaled(
    journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.gather._JOURNAL_PAUSE", 0.02)
    hand, end = Hand(), Batches(1, SOON_WRITTEN)
    async with at_work(journal_url, channel(hand, to(end)), hand) as stand:
        record = stand.journal.record
        refused = asyncio.Event()

        def full(*given: object) -> asyncio.Future[dict[str, int]]:
            if len(refusals) < 5:
                refusals.append(given)
                failed: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
                failed.set_exception(JournalError("the disk is full", "free some"))
                return failed
            refused.set()
            return record(*given)  # type: ignore[arg-type]

        refusals: list[object] = []
        monkeypatch.setattr(stand.journal, "record", full)
        for name in names(1, 2):
            await hand.send(adt(name, "P1"))
        await asyncio.wait_for(refused.wait(), 20)
        assert await all_settled(stand.journal, 2) == ["delivered"] * 2
        assert end.tried == [["C1"], ["C2"]]


async def test_what_cannot_be_in_a_batch_is_refused_and_the_rest_is_written(journal_url: str, out: Path) -> None:
    hand = Hand()
    route = to(FileOutbound, folder=out, batch=Batching(most=3, wait=HOUR))
    bodies = [adt("C1", "P1"), adt("C2", "P2").decode().encode("utf-16-le"), adt("C3", "P3")]
    async with at_work(journal_url, channel(hand, route), hand) as stand:
        for body in bodies:
            await hand.send(body)
        assert await all_settled(stand.journal, 3) == ["delivered", "refused", "delivered"]
    (file,) = contents(out).values()
    assert [each.body for each in split_batch(file).messages] == [bodies[0], bodies[2]]


async def test_a_batch_that_came_in_whole_goes_into_the_file_message_by_message(journal_url: str, out: Path) -> None:
    hand = Hand()
    route = to(FileOutbound, folder=out, batch=Batching(most=2, wait=HOUR))
    inner = b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + adt("B1", "P1") + adt("B2", "P1") + b"BTS|2\rFTS|1\r"
    async with at_work(journal_url, channel(hand, route), hand) as stand:
        await hand.send(inner)
        await hand.send(adt("C1", "P1"))
        await all_settled(stand.journal, 2)
    (file,) = contents(out).values()
    batch = split_batch(file)
    assert [Er7.parse(each.body).control_id for each in batch.messages] == ["B1", "B2", "C1"]
    assert batch.findings == ()


def test_a_gathering_route_is_checked_and_written_in_yaml(tmp_path: Path) -> None:
    from engine.config.site import load_site

    (tmp_path / "channels").mkdir()
    file = tmp_path / "channels" / "adt.yaml"
    text = """\
channel: adt
inbound:
  file: {folder: in}
routes:
  - route: archive
    outbound:
      file: {folder: out, batch: BATCH}
"""
    file.write_text(text.replace("BATCH", "{most: 500, wait: 10m}"))
    (loaded,) = load_site(tmp_path, {}).channels
    assert isinstance(loaded, Channel)
    made = FileOutbound(EndContext("adt", tmp_path, utc_now, str, print), **loaded.routes[0].outbound.options)
    assert made.together == Together(500, timedelta(minutes=10))
    for wrong in ("{most: 0}", "{most: many}", "{msot: 5}", "{wait: soon}"):
        file.write_text(text.replace("BATCH", wrong))
        findings = load_site(tmp_path, {}).findings
        assert [each.where for each in findings if each.severity == "error"] == ["channels/adt.yaml:7"], wrong
