"""What every backbone promises, on each of them."""

from __future__ import annotations

import asyncio
import string
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backbone import Backbone, backbone_at
from engine.backbone.embedded import EmbeddedBackbone
from engine.backbone.protocol import MAX_TICKET_CHARACTERS, decode, encode

TICKETS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=MAX_TICKET_CHARACTERS)
SECONDS = 20.0


class Seen:
    """A handle that keeps what it was given and says when it has `expected` tickets."""

    def __init__(self, expected: int) -> None:
        self.batches: list[list[str]] = []
        self.expected = expected
        self._done = asyncio.Event()

    @property
    def tickets(self) -> list[str]:
        return [ticket for batch in self.batches for ticket in batch]

    async def __call__(self, batch: list[str]) -> None:
        self.batches.append(batch)
        if len(self.tickets) >= self.expected:
            self._done.set()

    async def all(self) -> list[str]:
        await asyncio.wait_for(self._done.wait(), SECONDS)
        return self.tickets


Open = Callable[[], Awaitable[Backbone]]


@pytest.fixture(params=["embedded", "rabbitmq"])
async def backbone(request: pytest.FixtureRequest) -> AsyncIterator[Backbone]:
    address = "embedded" if request.param == "embedded" else request.getfixturevalue("rabbitmq_vhost")
    made = backbone_at(address, site=f"test-{uuid.uuid4().hex[:8]}")
    await made.open()
    yield made
    await made.close()


async def test_it_is_up_once_open(backbone: Backbone) -> None:
    assert backbone.up


async def test_tickets_arrive_in_the_order_in_which_they_were_put(backbone: Backbone) -> None:
    seen = Seen(2500)
    backbone.consume("adt-feed", seen, prefetch=100)
    sent = [f"{number}:0190aa" for number in range(2500)]
    for first in range(0, 2500, 7):
        backbone.put("adt-feed", sent[first : first + 7])
    assert await seen.all() == sent


async def test_tickets_put_before_there_is_a_consumer_wait_for_one(backbone: Backbone) -> None:
    backbone.put("adt-feed", ["1:a", "2:b"])
    seen = Seen(2)
    backbone.consume("adt-feed", seen, prefetch=10)
    assert await seen.all() == ["1:a", "2:b"]


async def test_no_batch_is_longer_than_prefetch_and_none_is_empty(backbone: Backbone) -> None:
    backbone.put("adt-feed", [str(number) for number in range(1000)])
    seen = Seen(1000)
    backbone.consume("adt-feed", seen, prefetch=30)
    await seen.all()
    assert all(1 <= len(batch) <= 30 for batch in seen.batches)


async def test_what_waits_comes_in_batches_not_one_by_one(backbone: Backbone) -> None:
    seen = Seen(1000)
    backbone.consume("adt-feed", seen, prefetch=500)
    for number in range(1000):
        backbone.put("adt-feed", [str(number)])
    await seen.all()
    assert len(seen.batches) < 100


async def test_queues_do_not_mix(backbone: Backbone) -> None:
    feed, route = Seen(1), Seen(1)
    backbone.consume("adt-feed", feed, prefetch=10)
    backbone.consume("adt-feed/practice", route, prefetch=10)
    backbone.put("adt-feed/practice", ["2:r"])
    backbone.put("adt-feed", ["1:f"])
    assert await feed.all() == ["1:f"]
    assert await route.all() == ["2:r"]


async def test_two_consumers_of_a_queue_share_its_tickets(backbone: Backbone) -> None:
    together = asyncio.Barrier(2)
    first, second = Seen(1), Seen(1)

    async def meet(seen: Seen, batch: list[str]) -> None:
        await seen(batch)
        if len(seen.batches) == 1:
            await asyncio.wait_for(together.wait(), SECONDS)  # passes only when both hold a batch

    one = backbone.consume("adt-feed", lambda batch: meet(first, batch), prefetch=5)
    two = backbone.consume("adt-feed", lambda batch: meet(second, batch), prefetch=5)
    backbone.put("adt-feed", [str(number) for number in range(2000)])
    await asyncio.gather(first.all(), second.all())
    await asyncio.gather(one.cancel(), two.cancel())
    assert not set(first.tickets) & set(second.tickets)


async def test_one_subscription_runs_one_handle_at_a_time(backbone: Backbone) -> None:
    running = most = 0
    seen = Seen(50)

    async def handle(batch: list[str]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        await seen(batch)
        running -= 1

    backbone.consume("adt-feed", handle, prefetch=5)
    for number in range(50):
        backbone.put("adt-feed", [str(number)])
    await seen.all()
    assert most == 1


async def test_a_handle_that_raises_does_not_stop_the_queue(backbone: Backbone) -> None:
    seen = Seen(1)

    async def handle(batch: list[str]) -> None:
        if "bad" in batch:
            raise RuntimeError("no journal")
        await seen(batch)

    backbone.consume("adt-feed", handle, prefetch=1)
    backbone.put("adt-feed", ["bad", "good"])
    assert await seen.all() == ["good"]
    assert backbone.counts.failed == 1


async def test_cancel_lets_the_running_handle_end_and_hands_over_no_more(backbone: Backbone) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    ended: list[str] = []

    async def handle(batch: list[str]) -> None:
        started.set()
        await go_on.wait()
        ended.extend(batch)

    subscription = backbone.consume("adt-feed", handle, prefetch=1)
    backbone.put("adt-feed", ["1", "2", "3"])
    await asyncio.wait_for(started.wait(), SECONDS)
    cancelled = asyncio.create_task(subscription.cancel())
    await asyncio.sleep(0)
    assert not cancelled.done()
    go_on.set()
    await asyncio.wait_for(cancelled, SECONDS)
    assert ended == ["1"]

    seen = Seen(2)
    backbone.consume("adt-feed", seen, prefetch=10)
    assert (await seen.all())[-2:] == ["2", "3"]


async def test_cancelling_twice_is_harmless(backbone: Backbone) -> None:
    subscription = backbone.consume("adt-feed", Seen(1), prefetch=1)
    await subscription.cancel()
    await subscription.cancel()


async def test_counts_tell_what_was_put_and_handed_over(backbone: Backbone) -> None:
    seen = Seen(10)
    backbone.consume("adt-feed", seen, prefetch=10)
    backbone.put("adt-feed", [str(number) for number in range(10)])
    await seen.all()
    await backbone.close()
    assert (backbone.counts.put, backbone.counts.handed, backbone.counts.dropped) == (10, 10, 0)


async def test_putting_after_close_drops_and_counts(backbone: Backbone) -> None:
    await backbone.close()
    backbone.put("adt-feed", ["1", "2"])
    assert not backbone.up
    assert backbone.counts.dropped == 2


@pytest.mark.parametrize("ticket", ["", "a\nb", "a\r", "é", "x" * (MAX_TICKET_CHARACTERS + 1), "\x00"])
async def test_what_is_no_ticket_is_refused(backbone: Backbone, ticket: str) -> None:
    with pytest.raises(ValueError, match="a ticket is"):
        backbone.put("adt-feed", ["1:a", ticket])


async def test_up_is_told_at_each_open(rabbitmq_vhost: str) -> None:
    for address in ("embedded", rabbitmq_vhost):
        told: list[bool] = []
        backbone = backbone_at(address, site="test")
        backbone.on_up(lambda told=told, backbone=backbone: told.append(backbone.up))  # type: ignore[misc]
        await backbone.open()
        await backbone.close()
        assert told == [True]


async def test_a_full_queue_drops_the_newest_and_tells_when_there_is_room() -> None:
    backbone = EmbeddedBackbone(limit=100)
    missed: list[str] = []
    backbone.on_missed(missed.append)
    await backbone.open()
    backbone.put("adt-feed", [str(number) for number in range(250)])
    backbone.put("other", ["1"])
    assert backbone.counts.dropped == 150
    assert missed == []
    seen = Seen(100)
    backbone.consume("adt-feed", seen, prefetch=10)
    backbone.consume("other", seen, prefetch=10)
    assert (await seen.all())[0] == "0"
    await backbone.close()
    assert [ticket for ticket in seen.tickets if ticket != "1"] == [str(number) for number in range(100) if number != 1]
    assert missed == ["adt-feed"]


@given(st.lists(TICKETS, min_size=1, max_size=100))
def test_any_tickets_survive_the_broker_message(tickets: list[str]) -> None:
    assert decode(encode(tickets)) == tickets


@given(st.binary(max_size=300))
def test_a_foreign_message_is_refused_or_read_as_tickets(body: bytes) -> None:
    try:
        tickets = decode(body)
    except ValueError as error:
        assert len(str(error)) < 200
    else:
        assert encode(tickets) == body


@pytest.mark.parametrize(
    "address", ["", "redis://localhost", "embedded:", "amqp://u:hunter2@h:port/", "amqps://u:hunter2@[::1/"]
)
def test_an_address_that_is_none_is_refused_without_quoting_it(address: str) -> None:
    with pytest.raises(ValueError, match="amqp") as refused:
        backbone_at(address, site="test")
    assert "hunter2" not in str(refused.value)


def test_tickets_of_every_printable_character_are_allowed() -> None:
    everything = [character for character in string.printable if character.isprintable()]
    assert decode(encode(everything)) == everything
