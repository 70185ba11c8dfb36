"""What is told outside of the journal names no patient: messages take every way, the bad ones too, and what is logged,
measured, explained and put into the broker is searched for what only the patient's message holds."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pika
import pytest
from sqlalchemy import select

from channels.ends import ReceiptCode
from engine.backbone import backbone_at
from engine.config.settings import Log
from engine.config.site import load_site
from engine.flow import Flow, Services
from engine.journal import Journal
from engine.journal.tables import events, messages
from engine.logs import report_unhandled, set_up
from engine.runtime import Engine
from schemas.ids import utc_now
from tests import services
from tests.channels.mllp import Visit, ack, connected, framed, receiving
from tests.engine.harness import Hand, Script, channel, no_registry, route

NAME, NUMBER = "Quimby", "990017733"
SITE = {
    "hie.yaml": "health: {{listen: '127.0.0.1:{health}'}}\nsearch: {{name: PID-5.1}}\nrepeats: 1h\n",
    "extensions/own.py": """\
from schemas import Message
from transforms import step


@step
def careless(message: Message) -> Message:
    \"\"\"Quote the patient in an exception.\"\"\"
    if message.get("MSH-9.2") == "A03":
        raise ValueError(f"cannot discharge {{message.get('PID-5')}} {{message.get('PID-3')}}")
    return message
""",
    "maps/wards.csv": "ward,name\nX1,East\n",
    "channels/adt.yaml": """\
channel: adt
inbound:
  mllp: {{listen: '127.0.0.1:{mllp}', senders: [ADT], limit: 4kB}}
steps:
  - drop: {{PID-8: X}}
  - careless
routes:
  - route: partner
    outbound:
      mllp: {{connect: '127.0.0.1:{partner}', ack_timeout: 300ms}}
    retry: {{first: 20ms, most: 40ms, give_up_after: 200ms}}
    in_order: PID-3.1
    parallel: 2
  - route: codes
    when: {{MSH-9.2: A08}}
    steps:
      - look_up: {{table: maps/wards.csv, key: PID-5.1, set: {{ward.name: name}}, missing: fail}}
    outbound:
      file: {{folder: var/codes}}
  - route: checked
    when: {{MSH-9.2: A04}}
    steps:
      - validate: {{on: error, fail: true}}
    outbound:
      file: {{folder: var/checked}}
  - route: web
    outbound:
      http: {{url: "http://127.0.0.1:{web}/{{PID-5.1}}", timeout: 2s}}
    retry: {{first: 20ms, most: 40ms, give_up_after: 200ms}}
  - route: folder
    outbound:
      file: {{folder: "var/folder", name: "{{PID-5.1}}.hl7"}}
""",
    "channels/posted.yaml": """\
channel: posted
inbound:
  http: {{listen: '127.0.0.1:{http}', limit: 4kB}}
routes:
  - route: folder
    outbound:
      file: {{folder: var/posted}}
""",
    "channels/dropped.yaml": """\
channel: dropped
inbound:
  file: {{folder: var/dropped, settle: 0s, poll: 20ms}}
routes:
  - route: folder
    outbound:
      file: {{folder: var/dropped-out}}
""",
}


def adt(control_id: str, event: str = "A01", *, sender: str = "ADT", sex: str = "F", more: str = "") -> bytes:
    return (
        f"MSH|^~\\&|{sender}|STANNE|HIE|HIE|20261122120000||ADT^{event}|{control_id}|P|2.5\r"
        f"EVN|{event}|20261122120000\r"
        f"PID|1||{NUMBER}^^^STANNE^MR||{NAME}^Jane||19610417|{sex}\r{more}"
    ).encode()


async def partner(visit: Visit) -> None:
    """A partner who quotes the patient in whatever it answers."""
    quoting = f"ERR||PID^1^5^1|204^{NAME}^HL70357|E||||no {NAME} {NUMBER} here\r"
    while True:
        body = await visit.message()
        match body.split(b"|")[9]:
            case b"refuse":
                visit.answer(ack(body, "AR", more=quoting))
            case b"error":
                visit.answer(ack(body, "AE", more=quoting))
            case b"stray":
                visit.answer(ack(body, "AA", control_id=NAME))
            case b"garbage":
                visit.write(f"<html>{NAME}</html>".encode())
            case b"echo":
                visit.answer(body)
            case _:
                visit.answer(ack(body))


async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    said = f"no {NAME} here".encode()
    writer.write(
        b"HTTP/1.1 422 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (NAME.encode(), len(said)) + said
    )
    writer.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the engine logs, at its most talkative."""
    root, before = logging.getLogger(), (logging.getLogger().handlers[:], logging.getLogger().level)
    told, stderr = io.StringIO(), sys.stderr
    sys.stderr = told
    try:
        set_up(Log(level="debug"))
    finally:
        sys.stderr = stderr
    yield told
    root.handlers[:] = before[0]
    root.setLevel(before[1])


@asynccontextmanager
async def running(site: Path) -> AsyncIterator[Engine]:
    engine = Engine(load_site(site, {}), {})
    assert not engine.site.findings
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def at_rest(journal: Journal, received: int) -> list[tuple[str, str]]:
    """Wait until `received` messages and all that was made of them are settled; the status and detail of each."""
    query = select(messages.c.status, messages.c.detail, messages.c.open, messages.c.parent)
    async with asyncio.timeout(20):
        while True:
            rows = await journal.read(lambda connection: connection.execute(query).all())
            if len([row for row in rows if row.parent is None]) == received and not any(row.open for row in rows):
                return [(row.status, row.detail or "") for row in rows]
            await asyncio.sleep(0.02)


async def test_no_log_metric_or_explanation_names_the_patient(tmp_path: Path, logged: io.StringIO) -> None:
    asyncio.get_running_loop().set_exception_handler(report_unhandled)
    listener = await asyncio.start_server(web, "127.0.0.1", 0)
    ports = {name: services.free_port() for name in ("health", "mllp", "http")}
    ports["web"] = listener.sockets[0].getsockname()[1]
    async with listener, receiving(partner) as receiver:
        for name, text in SITE.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text.format(**ports, partner=receiver.port))
        async with running(tmp_path) as engine:
            async with connected(ports["mllp"]) as sender:
                sender.write(f"{NAME} between frames".encode())
                for control_id in ("refuse", "error", "stray", "garbage", "echo", "taken", "taken"):
                    assert b"MSA|AA|" in await sender.ask(adt(control_id))
                for event in ("A03", "A04", "A08"):
                    assert b"MSA|AA|" in await sender.ask(adt(event, event))
                assert b"MSA|AA|" in await sender.ask(adt("filtered", sex="X"))
                for damaged in (
                    adt("")[:90],
                    f"PID|1||{NUMBER}||{NAME}\r".encode(),
                    adt("stranger", sender=NAME),
                    adt("long", more=f"NTE|1||{NAME * 1000}\r"),
                ):
                    assert b"MSA|AR|" in await sender.ask(damaged)
                sender.write(framed(adt("unfinished"))[:-40])
            async with httpx.AsyncClient(trust_env=False) as client:
                url = f"http://127.0.0.1:{ports['http']}"
                for path, body in [("/", b"x"), (f"/{NAME}?name={NAME}", adt("p1")), ("/", adt("p2") * 30)]:
                    await client.post(url + path, content=body, headers={"Content-Type": f"text/{NAME}"})
                assert (await client.post(url, content=adt("p3"))).status_code == 200
                for name, body in [("batch.hl7", adt("f1") + adt("f2")), ("damaged.hl7", f"PID|{NAME}\r".encode())]:
                    (tmp_path / "var" / "dropped" / f".{name}").write_bytes(body)
                    (tmp_path / "var" / "dropped" / f".{name}").rename(tmp_path / "var" / "dropped" / name)
                found = await at_rest(engine.journal, 15)
                told = [
                    (await client.get(f"http://127.0.0.1:{ports['health']}/{page}")).text
                    for page in ("health", "metrics")
                ]
            happened = await engine.journal.read(lambda connection: connection.execute(select(events.c.detail)).all())
            noted = await engine.journal.read(lambda connection: connection.execute(select(messages.c.findings)).all())
    assert {"delivered", "refused", "failed", "filtered", "rejected"} <= {status for status, _ in found}
    texts = [logged.getvalue(), *told, *(detail for _, detail in found), str(happened), str(noted)]
    for secret in (NAME, NUMBER, NAME.lower(), NAME.encode().hex()):
        assert not [text for text in texts if secret in text], secret
    assert "MLLP-101" in texts[0], "nothing was logged, so nothing was tested"
    assert "hie_received_total" in told[1]


async def test_no_ticket_names_the_patient(postgresql_database: str, rabbitmq_vhost: str) -> None:
    """Nobody works the queues, so that what was put stays in the broker to be looked at."""
    journal, backbone = Journal(postgresql_database), backbone_at(rabbitmq_vhost, site="test")
    await journal.open()
    await backbone.open()
    hand = Hand()
    flow = Flow(
        channel(hand, route(Script())), Services(journal, backbone, utc_now, Path(), {}, lambda: True, no_registry())
    )
    await flow.listen()
    try:
        for number in range(3):
            assert (await hand.send(adt(f"C{number}"))).code is ReceiptCode.ACCEPTED
        async with asyncio.timeout(20):
            while not (bodies := await asyncio.to_thread(waiting, rabbitmq_vhost, "hie.test.adt/out")):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
    finally:
        await flow.stop_listening()
        await backbone.close()
        await journal.close()
    for body in bodies:
        assert all(len(ticket) == 32 and int(ticket, 16) for ticket in body.decode().split("\n")), body


def waiting(url: str, queue: str) -> list[bytes]:
    """The broker messages in `queue`, with their properties, taken out of it."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    found: list[bytes] = []
    try:
        link = connection.channel()
        while True:
            method, properties, body = link.basic_get(queue, auto_ack=True)
            if method is None:
                return found
            assert set(properties.headers or ()) <= {"x-delivery-count"}
            found.append(body)
    except pika.exceptions.ChannelClosedByBroker:
        return found  # there is no such queue yet
    finally:
        connection.close()


async def test_a_defect_is_logged_by_its_type_and_place_alone(logged: io.StringIO) -> None:
    async def defective() -> None:
        raise KeyError(NAME)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report_unhandled)
    task = asyncio.create_task(defective())
    await asyncio.wait([task])
    del task
    gc.collect()
    loop.call_soon(int, NAME)
    await asyncio.sleep(0)
    assert logged.getvalue().count("KeyError") == 1
    assert logged.getvalue().count("ValueError") == 1
    assert "defective" in logged.getvalue()
    assert NAME not in logged.getvalue()
