"""The book of subscriptions in the journal's database: numbers without a gap, own ones alone, leases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import delete, insert, select

from channels.subscriptions import Happened, Subscribed, Told
from engine.journal import Entry, Journal, Status
from engine.journal.tables import messages, subscription_events
from engine.registry.listing import changed
from engine.registry.reads import subscriber_text
from engine.registry.subscriptions import JournalBook
from engine.registry.tables import subscribers
from schemas.ids import new_id
from schemas.message import Message
from transforms.registry import Subscriber

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOTICE = {"subscriber.id": "riverside", "notice.key": "V1 arrival", "notice.kind": "new", "notice.event": "admit"}


@dataclass
class Desk:
    """A book on a journal, at a time that a test sets."""

    journal: Journal
    book: JournalBook
    now: datetime = NOW
    refused: str = ""


@pytest.fixture
async def desk(journal_url: str) -> AsyncIterator[Desk]:
    journal = Journal(journal_url)
    await journal.open()
    made = Desk(journal, JournalBook(journal, lambda: made.now, lambda _received, _notice: made.refused))
    rows = [
        {"name": each.name, "source": "test", "data": subscriber_text(each)}
        for each in (
            Subscriber("hillside", delivery="subscription", client="ehr-17"),
            Subscriber("mailed", delivery="direct"),
            Subscriber("riverside", delivery="subscription", address="https://ehr.example/"),
        )
    ]
    await journal.change(lambda connection: connection.execute(insert(subscribers), rows))
    yield made
    await journal.close()


def subscribed(id: str, subscriber: str = "riverside", **more: object) -> Subscribed:
    """A subscription whose id is `id` with zeros before it."""
    made = Subscribed(f"{id:0>32}", subscriber, "https://hie.example/fhir", "{}", ("event=admit",), NOW)
    return replace(made, **more)  # type: ignore[arg-type]


async def happen(desk: Desk, subscription: str, *, root: Message | None = None) -> Message:
    """Journal a received message and its child for a subscription, in one commit."""
    root = root or Message(new_id(NOW), "adt", "hl7v2", b"MSH|", NOW)
    child = root.derive("out", body=b'{"a":1}', attributes={**NOTICE, "subscription.id": f"{subscription:0>32}"})
    await desk.journal.append(
        [Entry(root, "adt", Status.ROUTED, False), Entry(child, "adt/out", Status.QUEUED, True, end="subscription")]
    )
    return child


async def numbers(desk: Desk) -> list[tuple[str, int]]:
    query = select(subscription_events.c.subscription, subscription_events.c.number).order_by(*subscription_events.c)
    return [(row[0].lstrip("0"), row[1]) for row in await desk.journal.read(lambda c: c.execute(query).all())]


async def test_events_are_numbered_by_their_commit_without_a_gap(desk: Desk) -> None:
    roots = [Message(new_id(NOW), "adt", "hl7v2", b"MSH|", NOW) for _ in range(30)]
    await asyncio.gather(*(happen(desk, "ab"[n % 2], root=root) for n, root in enumerate(roots)))
    await asyncio.gather(*(happen(desk, "ab"[n % 2], root=root) for n, root in enumerate(roots)))  # routed once more
    assert await numbers(desk) == [("a", n) for n in range(1, 16)] + [("b", n) for n in range(1, 16)]


async def test_a_commit_that_fails_uses_up_no_number(desk: Desk) -> None:
    await happen(desk, "a")
    root = Message(new_id(NOW), "adt", "hl7v2", b"MSH|", NOW)
    lost = root.derive("out", attributes={**NOTICE, "subscription.id": f"{'a':0>32}"})
    broken = replace(root, id=None)  # type: ignore[arg-type]
    entries = [Entry(lost, "adt/out", Status.QUEUED, True), Entry(broken, "adt", Status.ROUTED, False)]
    with pytest.raises(Exception, match="journal"):
        await desk.journal.append(entries)
    await happen(desk, "a")
    assert await numbers(desk) == [("a", 1), ("a", 2)]


async def test_what_is_sent_has_its_number_and_its_subscription(desk: Desk) -> None:
    await desk.book.add(subscribed("a", status="active", verified=True, started=NOW), 9)
    await happen(desk, "a")
    second = await happen(desk, "a")
    sending = await desk.book.sending(second.id)
    assert sending is not None
    assert (sending.event.number, sending.event.kind, sending.event.event, sending.told.events) == (
        2,
        "new",
        "admit",
        2,
    )
    assert sending.told.practice.address == "https://ehr.example/"
    assert sending.refused == ""
    desk.refused = "the patient has opted out"
    again = await desk.book.sending(second.id)
    assert again is not None
    assert again.refused == "the patient has opted out"
    assert [each.body for each in await desk.book.events(f"{'a':0>32}", range(1, 9), 100)] == [b"", b""]
    desk.refused = ""
    found = await desk.book.events(f"{'a':0>32}", range(2, 9), 100)
    assert [(each.number, each.body) for each in found] == [(2, b'{"a":1}')]
    await desk.book.change(f"{'a':0>32}", lambda _: None)
    assert await desk.book.sending(second.id) is None
    assert await numbers(desk) == []


async def test_what_retention_removed_keeps_its_number(desk: Desk) -> None:
    await desk.book.add(subscribed("a"), 9)
    await happen(desk, "a")
    await desk.journal.change(lambda connection: connection.execute(delete(messages)))
    assert await desk.book.events(f"{'a':0>32}", range(1, 9), 9) == [
        Happened(1, NOW, (await _message_of(desk)), "new", "admit", b"")
    ]
    await happen(desk, "a")
    assert await numbers(desk) == [("a", 1), ("a", 2)]


async def _message_of(desk: Desk) -> str:
    query = select(subscription_events.c.message)
    return str(await desk.journal.read(lambda connection: connection.execute(query).scalar()))


async def test_who_did_what_is_noted(desk: Desk) -> None:
    id = f"{'a':0>32}"
    await desk.book.add(subscribed("a"), 9)
    await desk.book.change(id, lambda told: replace(told.subscription, status="active"))
    await desk.book.change(id, lambda told: replace(told.subscription, failures=1))
    await desk.book.change(id, lambda told: replace(told.subscription, status="off", detail="failed"))
    await desk.book.change(id, lambda told: replace(told.subscription, version=2))
    await desk.book.change(id, lambda _: None)
    found = await desk.journal.read(partial(changed, None, 9))
    assert [(each.who, each.what) for each in reversed(found)] == [
        ("riverside", "subscription made"),
        ("engine", "subscription active"),
        ("engine", "subscription off"),
        ("riverside", "subscription changed"),
        ("riverside", "subscription deleted"),
    ]


async def test_a_client_subscribes_for_one_subscriber(desk: Desk) -> None:
    assert [(await desk.book.practice(name)) for name in ("mailed", "hillside", "", "nobody")] == [None] * 4
    for client, name in (("ehr-17", "hillside"), ("riverside", "riverside")):
        found = await desk.book.practice(client)
        assert found is not None
        assert found.name == name


async def test_a_subscriber_has_so_many_at_most(desk: Desk) -> None:
    assert [await desk.book.add(subscribed(each), 2) for each in "abc"] == [True, True, False]
    assert await desk.book.add(subscribed("d", "hillside"), 2)
    kept = [told.subscription.id[-1] for told in await desk.book.of("riverside")]
    assert kept == ["a", "b"]
    assert [told.subscription for told in await desk.book.of("hillside")] == [subscribed("d", "hillside")]


async def test_what_is_due_is_given_to_one_alone(desk: Desk) -> None:
    for each in "abcd":
        await desk.book.add(subscribed(each, due=NOW + timedelta(hours=each == "d")), 9)
    until = NOW + timedelta(minutes=2)
    found = await asyncio.gather(*(desk.book.due(until, 9) for _ in range(4)))
    assert sorted(told.subscription.id[-1] for each in found for told in each) == ["a", "b", "c"]
    desk.now = until
    again = await desk.book.due(until + timedelta(minutes=2), 9)
    assert len(again) == 3, "whoever had them is gone, and another takes them"


async def test_changes_are_made_one_after_the_other(desk: Desk) -> None:
    await desk.book.add(subscribed("a"), 9)

    def one_more(told: Told) -> Subscribed:
        return replace(told.subscription, failures=told.subscription.failures + 1)

    await asyncio.gather(*(desk.book.change(f"{'a':0>32}", one_more) for _ in range(20)))
    (told,) = await desk.book.of("riverside")
    assert told.subscription.failures == 20
    assert await desk.book.change("x", one_more) is None
