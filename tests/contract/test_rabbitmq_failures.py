"""What RabbitMQ, its operator and the network do to the backbone, on a broker of our own.

Nothing that was put stays lost as long as somebody puts again what the backbone says it has missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pika
import pytest

from engine.backbone.rabbitmq import RabbitMqBackbone
from tests import services
from tests.tls import Authority, Identity

QUEUE = "adt-feed"
SECONDS = 60.0


@pytest.fixture
def broker(own_rabbitmq: services.RabbitMq) -> services.RabbitMq:
    """A running broker; a test leaves it running."""
    return own_rabbitmq


@pytest.fixture
def site() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def backbone(breakable_rabbitmq: services.RabbitMq, site: str) -> AsyncIterator[RabbitMqBackbone]:
    made = RabbitMqBackbone(breakable_rabbitmq.url, site=site, patience=3.0)
    yield made
    await made.close()


class Journal:
    """Stands in for the journal: knows which tickets are not done, puts those again when the backbone missed some, and
    like the due loop once in a while."""

    def __init__(self, backbone: RabbitMqBackbone) -> None:
        self.backbone = backbone
        self.open: dict[str, None] = {}
        self.done: list[str] = []
        self.changed = asyncio.Condition()
        backbone.on_up(self.put_again)
        backbone.on_missed(lambda _: self.put_again())

    def put(self, tickets: list[str]) -> None:
        self.open.update(dict.fromkeys(tickets))
        self.backbone.put(QUEUE, tickets)

    def put_again(self) -> None:
        self.backbone.put(QUEUE, list(self.open))

    async def handle(self, batch: list[str]) -> None:
        async with self.changed:
            for ticket in batch:
                self.open.pop(ticket, None)
                self.done.append(ticket)
            self.changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS), self.changed:
            await self.changed.wait_for(holds)

    async def all_done(self) -> None:
        await self.until(lambda: not self.open)


@pytest.fixture
async def flowing(broker: services.RabbitMq, backbone: RabbitMqBackbone) -> Journal:
    """Tickets flow on a running broker, and the first is done."""
    journal = Journal(backbone)
    await backbone.open()
    backbone.consume(QUEUE, journal.handle, prefetch=10)
    journal.put(["1"])
    await journal.all_done()
    return journal


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110 - what is polled is what an engine sees, and tells no event
            await asyncio.sleep(0.02)


async def until_up(backbone: RabbitMqBackbone, up: bool = True) -> None:
    await until(lambda: backbone.up is up)


async def in_thread(work: Callable[[], object]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, work)


def connect(broker: services.RabbitMq) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(broker.url))


async def test_open_returns_when_there_is_no_broker_and_tickets_flow_once_there_is(
    breakable_rabbitmq: services.RabbitMq, backbone: RabbitMqBackbone
) -> None:
    if breakable_rabbitmq.running:
        breakable_rabbitmq.kill()
    journal = Journal(backbone)
    backbone.consume(QUEUE, journal.handle, prefetch=10)
    await asyncio.wait_for(backbone.open(), 5)
    assert not backbone.up
    journal.put(["1", "2"])
    assert backbone.counts.dropped == 2
    await in_thread(breakable_rabbitmq.start)
    await journal.all_done()
    assert set(journal.done) == {"1", "2"}


async def test_kill_9_of_the_broker_mid_flow_loses_nothing_that_is_put_again(
    broker: services.RabbitMq, backbone: RabbitMqBackbone
) -> None:
    journal = Journal(backbone)
    await backbone.open()
    backbone.consume(QUEUE, journal.handle, prefetch=50)
    flowing = True

    async def flow() -> None:
        number = 0
        while flowing:
            if len(journal.open) < 2000:
                journal.put([f"{number + each}:0190" for each in range(20)])
                number += 20
            await asyncio.sleep(0.002)

    sender = asyncio.create_task(flow())
    await journal.until(lambda: len(journal.done) > 2000)
    await in_thread(lambda: broker.evaluate("mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()]."))
    await in_thread(broker.kill)  # the queue itself is on the disk now, as it is a second after it was made
    await until_up(backbone, up=False)
    started = time.monotonic()
    journal.put(["put-while-down"])
    assert time.monotonic() - started < 0.05
    before = len(journal.done)
    await in_thread(broker.start)
    await journal.until(lambda: len(journal.done) > before + 1000)
    flowing = False
    await sender
    journal.put_again()  # what the dead broker had confirmed and its disk had not: the due loop's part
    await journal.all_done()
    assert "put-while-down" in journal.done


async def test_a_queue_that_the_operator_deletes_is_made_anew(
    broker: services.RabbitMq, flowing: Journal, site: str
) -> None:
    with connect(broker) as operator:
        operator.channel().queue_delete(f"hie.{site}.{QUEUE}")
    flowing.put(["2"])
    await flowing.all_done()


async def test_tickets_for_a_deleted_queue_that_nobody_consumes_are_missed_and_told(
    broker: services.RabbitMq, backbone: RabbitMqBackbone, site: str
) -> None:
    missed = asyncio.Queue[str]()
    backbone.on_missed(missed.put_nowait)
    await backbone.open()
    subscription = backbone.consume(QUEUE, asyncio.sleep, prefetch=1)  # type: ignore[arg-type]
    backbone.put(QUEUE, ["1"])
    await until(lambda: backbone.counts.put == 1)
    await subscription.cancel()
    with connect(broker) as operator:
        operator.channel().queue_delete(f"hie.{site}.{QUEUE}")
    backbone.put(QUEUE, ["2", "3"])
    assert await asyncio.wait_for(missed.get(), SECONDS) == QUEUE
    assert (backbone.counts.put, backbone.counts.dropped) == (1, 2)


async def test_a_full_queue_refuses_the_newest_and_tells_when_there_is_room(
    broker: services.RabbitMq, site: str
) -> None:
    backbone = RabbitMqBackbone(broker.url, site=site, queue_limit=10)
    missed = asyncio.Queue[str]()
    backbone.on_missed(missed.put_nowait)
    await backbone.open()
    backbone.put(QUEUE, [str(number) for number in range(10_000)])  # 100 broker messages
    await until(lambda: backbone.counts.put + backbone.counts.dropped == 10_000)
    kept = backbone.counts.put
    assert 10 * 100 <= kept < 5000
    assert missed.empty()
    seen: list[str] = []

    async def handle(batch: list[str]) -> None:
        seen.extend(batch)

    backbone.consume(QUEUE, handle, prefetch=100)
    assert await asyncio.wait_for(missed.get(), SECONDS) == QUEUE
    await backbone.close()
    assert seen[:1000] == [str(number) for number in range(1000)]


async def test_more_than_the_limit_of_unconfirmed_tickets_is_dropped(broker: services.RabbitMq, site: str) -> None:
    backbone = RabbitMqBackbone(broker.url, site=site, limit=1000)
    await backbone.open()
    backbone.put(QUEUE, [str(number) for number in range(600)])
    backbone.put(QUEUE, [str(number) for number in range(600)])
    assert backbone.counts.dropped == 200
    await backbone.close()
    assert backbone.counts.put == 1000


async def test_a_broker_that_hangs_is_left_and_found_again(
    broker: services.RabbitMq, backbone: RabbitMqBackbone, flowing: Journal
) -> None:
    broker.freeze()
    try:
        flowing.put(["2"])
        await until_up(backbone, up=False)
    finally:
        broker.thaw()
    await flowing.all_done()
    assert flowing.done.count("2") >= 1


async def test_a_queue_that_does_not_answer_is_made_anew(
    broker: services.RabbitMq, flowing: Journal, site: str
) -> None:
    await in_thread(
        lambda: broker.evaluate(f"ra:force_delete_server(quorum_queues, {{'%2F_hie.{site}.{QUEUE}', node()}}).")
    )
    flowing.put(["2"])
    await flowing.all_done()


async def test_a_broker_short_of_memory_makes_the_backbone_not_up_until_it_is_not(
    broker: services.RabbitMq, backbone: RabbitMqBackbone, flowing: Journal
) -> None:
    alarm = "{{resource_limit, memory, node()}, []}"
    await in_thread(lambda: broker.evaluate(f"rabbit_alarm:set_alarm({alarm})."))
    try:
        flowing.put(["2"])
        await until_up(backbone, up=False)
        flowing.put(["3"])
        assert backbone.counts.dropped >= 1
    finally:
        await in_thread(lambda: broker.evaluate("rabbit_alarm:clear_alarm({resource_limit, memory, node()})."))
    await until_up(backbone)
    await flowing.all_done()


async def test_two_engines_of_a_site_share_a_queue_and_one_goes_on_when_the_other_dies(
    broker: services.RabbitMq, site: str
) -> None:
    first, second = (RabbitMqBackbone(broker.url, site=site) for _ in range(2))
    await asyncio.gather(first.open(), second.open())
    journal = Journal(second)
    stuck = asyncio.Event()

    async def never(_batch: list[str]) -> None:
        stuck.set()
        await asyncio.Event().wait()

    dying = first.consume(QUEUE, never, prefetch=10)
    journal.put([str(number) for number in range(1000)])
    await asyncio.wait_for(stuck.wait(), SECONDS)
    second.consume(QUEUE, journal.handle, prefetch=10)
    dying.worker.cancel()
    await first.close()
    await journal.all_done()
    await second.close()


async def test_other_sites_do_not_see_each_others_tickets(broker: services.RabbitMq, site: str) -> None:
    ours, theirs = RabbitMqBackbone(broker.url, site=site), RabbitMqBackbone(broker.url, site=site + "-other")
    await asyncio.gather(ours.open(), theirs.open())
    journal, other = Journal(ours), Journal(theirs)
    theirs.consume(QUEUE, other.handle, prefetch=10)
    ours.consume(QUEUE, journal.handle, prefetch=10)
    journal.put(["1"])
    await journal.all_done()
    await asyncio.gather(ours.close(), theirs.close())
    assert other.done == []


async def test_a_foreign_message_in_a_queue_is_dropped_and_the_next_served(
    broker: services.RabbitMq, flowing: Journal, site: str
) -> None:
    with connect(broker) as stranger:
        for body in (b"", b"\xff\xfe", b"x" * 5000):
            stranger.channel().basic_publish("", f"hie.{site}.{QUEUE}", body)
    flowing.put(["2"])
    await flowing.all_done()
    assert flowing.done == ["1", "2"]


async def test_a_queue_that_exists_with_other_arguments_is_used_as_it_is(
    broker: services.RabbitMq, backbone: RabbitMqBackbone, site: str
) -> None:
    with connect(broker) as operator:
        operator.channel().queue_declare(f"hie.{site}.{QUEUE}", durable=True, arguments={"x-queue-type": "quorum"})
    journal = Journal(backbone)
    await backbone.open()
    backbone.consume(QUEUE, journal.handle, prefetch=10)
    journal.put(["1"])
    await journal.all_done()


async def test_a_wrong_password_is_logged_with_a_hint_and_never_itself(
    broker: services.RabbitMq, site: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="engine")
    backbone = RabbitMqBackbone(broker.url.replace("guest:guest", "guest:hunter2"), site=site)
    await backbone.open()
    assert not backbone.up
    await backbone.close()
    assert "check user and password" in caplog.text
    assert "hunter2" not in caplog.text


async def test_very_long_queue_names_do_not_meet(broker: services.RabbitMq, backbone: RabbitMqBackbone) -> None:
    await backbone.open()
    got = asyncio.Queue[tuple[str, list[str]]]()
    for end in "ab":
        backbone.consume("c" * 250 + end, lambda batch, end=end: got.put((end, batch)), prefetch=10)  # type: ignore[misc]
        backbone.put("c" * 250 + end, [f"for-{end}"])
    async with asyncio.timeout(SECONDS):
        assert {str(await got.get()) for _ in range(2)} == {"('a', ['for-a'])", "('b', ['for-b'])"}


@contextlib.asynccontextmanager
async def behind_tls(port: int, identity: Identity) -> AsyncIterator[int]:
    """A port where TLS is taken off what goes to `port`."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, inner[1]), pass_on(inner[0], writer), return_exceptions=True)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_amqps_checks_the_broker_s_certificate(
    broker: services.RabbitMq, site: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="engine")
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other")
    async with behind_tls(broker.ports["main"], ours.issue("broker", hosts=("127.0.0.1",))) as port:
        for authority, up in ((ours, True), (other, False)):
            options = urllib.parse.quote(str({"cafile": str(authority.file)}))
            url = f"amqps://guest:guest@127.0.0.1:{port}/%2F?ssl_options={options}"
            backbone = RabbitMqBackbone(url, site=site)
            await backbone.open()
            assert backbone.up is up
            await backbone.close()
    assert "check the certificate authority" in caplog.text
