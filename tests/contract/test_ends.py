"""What every end of ours keeps, whatever it speaks: one suite, and for each end a partner of its own kind."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Protocol

import httpx
import pytest

from channels import ENDS
from channels.direct import DirectInbound, DirectOutbound
from channels.direct.mime import attachments
from channels.direct.options import SmtpIn
from channels.direct.smtp.relay import RelayOptions
from channels.ends import Inbound, Outbound, OutcomeCode, Receipt, ReceiptCode
from channels.fhir import FhirInbound, FhirOutbound
from channels.file import FileInbound, FileOutbound
from channels.file.batching import Batching
from channels.http import HttpInbound, HttpOutbound
from channels.mllp import MllpInbound, MllpOutbound
from channels.store import Kept
from schemas.hl7v2 import acknowledge, read_ack, split_batch
from schemas.message import FHIR, HL7V2, MAIL, TEXT, Message
from schemas.values import Address
from tests.channels.desk import ACCEPTED, NOW, Desk, adt
from tests.channels.direct.edge import Hub, send
from tests.channels.folders import contents, file_names

REJECTED = Receipt(ReceiptCode.REJECTED, "the type is not known here", "MSH-9", "200")
FAILED = Receipt(ReceiptCode.FAILED, "the journal is full", "", "207")

CODES = {"AA": ReceiptCode.ACCEPTED, "AR": ReceiptCode.REJECTED, "AE": ReceiptCode.FAILED}


class Sender(Protocol):
    """A partner who sends to an inbound end of one kind, which it also makes."""

    end: Inbound
    format: str
    bodies: list[bytes]
    """Three messages of the kind, each with something of its own to be kept."""

    def __init__(self, desk: Desk, folder: Path) -> None: ...

    async def send(self, body: bytes) -> ReceiptCode:
        """Send one message; what the partner is told, in the engine's words."""
        ...


HL7V2_BODIES = [adt(1), adt(2).replace(b"Testperson", b"M\xfcller"), adt(3) + b"ZZZ|own||\r"]


class DirectSender:
    """Hands mails over, and reads the reply."""

    format = MAIL
    bodies: ClassVar = [
        b"From: a@x.example\r\nTo: b@y.example\r\nMessage-ID: <%d@x.example>\r\n"
        b"Date: Sat, 1 Mar 2025 12:00:00 +0000\r\n\r\nTestperson %s\r\n" % (number, name)
        for number, name in enumerate((b"Tilda", "Müller".encode(), b".dots\r\n..\r\n"))
    ]

    def __init__(self, desk: Desk, folder: Path) -> None:
        through = SmtpIn(listen=Address("127.0.0.1", 0))
        self.end = DirectInbound(desk.context(folder), recipients=["y.example"], through=through)

    async def send(self, body: bytes) -> ReceiptCode:
        reply = await send(self.end.port, body, sender="a@x.example", to=["b@y.example"])
        return {"": ReceiptCode.ACCEPTED, "5": ReceiptCode.REJECTED, "4": ReceiptCode.FAILED}[reply[:1]]


class FhirSender:
    """Posts a Patient, and reads the status."""

    format = FHIR
    bodies: ClassVar = [
        b'{"resourceType":"Patient","id":"1","name":[{"family":"Testperson"}]}',
        '{"resourceType":"Patient", "name":[{"family":"Müller"}]}\n'.encode(),
        b'{"extension":[{"valueDecimal":7.10}],"resourceType":"Patient"}',
    ]

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.end = FhirInbound(desk.context(folder), listen=Address("127.0.0.1", 0))

    async def send(self, body: bytes) -> ReceiptCode:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"http://127.0.0.1:{self.end.port}/fhir/Patient", content=body)
        assert "Testperson" not in answer.text
        return {202: ReceiptCode.ACCEPTED, 422: ReceiptCode.REJECTED, 503: ReceiptCode.FAILED}[answer.status_code]


class FileSender:
    """Writes files, and reads in the folders what became of them."""

    format = HL7V2
    bodies = HL7V2_BODIES

    def __init__(self, desk: Desk, folder: Path) -> None:
        self._desk = desk
        self._folder = folder / "in"
        self._numbers = count()
        self.end = FileInbound(
            desk.context(folder), folder=self._folder, poll=timedelta(milliseconds=10), settle=timedelta(0)
        )

    async def send(self, body: bytes) -> ReceiptCode:
        handed_over = len(self._desk.messages)
        name = f"{next(self._numbers)}.hl7"
        (self._folder / f".{name}").write_bytes(body)
        (self._folder / f".{name}").rename(self._folder / name)
        await self._desk.received(handed_over + 1)
        while True:
            if name in file_names(self._folder / "processed"):
                return ReceiptCode.ACCEPTED
            if name in file_names(self._folder / "failed"):
                return ReceiptCode.REJECTED
            if len(self._desk.messages) > handed_over + 1:
                return ReceiptCode.FAILED  # it is offered again
            await asyncio.sleep(0.005)  # a folder tells nobody: its reader looks again


class HttpSender:
    """Posts, and reads the acknowledgment."""

    format = HL7V2
    bodies = HL7V2_BODIES

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.end = HttpInbound(desk.context(folder), listen=Address("127.0.0.1", 0))

    async def send(self, body: bytes) -> ReceiptCode:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"http://127.0.0.1:{self.end.port}/", content=body)
        return CODES[read_ack(answer.content).code]


class MllpSender:
    """Frames, and reads the acknowledgment."""

    format = HL7V2
    bodies = HL7V2_BODIES

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.end = MllpInbound(desk.context(folder), listen=Address("127.0.0.1", 0))

    async def send(self, body: bytes) -> ReceiptCode:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.end.port)
        writer.write(b"\x0b" + body + b"\x1c\r")
        answer = await reader.readuntil(b"\x1c\r")
        writer.close()
        return CODES[read_ack(answer[1:-2]).code]


class Receiver(Protocol):
    """A partner who receives from an outbound end of one kind, which it also makes."""

    end: Outbound
    away: Outbound
    """An end whose partner is not there."""

    def __init__(self, desk: Desk, folder: Path) -> None: ...

    def message(self, number: int) -> Message:
        """A message of the kind, different for each number."""
        ...

    async def open(self) -> None:
        """Be there."""
        ...

    async def close(self) -> None:
        """Be gone."""
        ...

    def received(self) -> list[bytes]:
        """The bodies that came, in any order, repeats left out."""
        ...


class Hl7Receiver:
    """Receives HL7 v2, some of it in Latin-1."""

    def message(self, number: int) -> Message:
        body = adt(number).replace(b"Testperson", b"M\xfcller") if number % 2 else adt(number)
        return Message(f"{number:032x}", "adt-feed", HL7V2, body, NOW)


class HttpListener:
    """Listens on a socket, and answers each request with 200."""

    def __init__(self) -> None:
        self._bodies: set[bytes] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self._bodies.add(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def close(self) -> None:
        self._server.close()

    def received(self) -> list[bytes]:
        return list(self._bodies)


class DirectReceiver:
    """Is a HISP that takes mails."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self._hub = Hub()
        self._context = desk.context(folder)
        self.away = self._end(RelayOptions(connect=Address("127.0.0.1", 1), security="none"))

    def _end(self, relay: RelayOptions) -> DirectOutbound:
        # Without a name for a file a text is the mail's own, whose lines end as those of mail do (RFC 2046 4.1.1).
        whom = {"from_": "a@x.example", "to": "b@y.example", "file": "body.txt"}
        return DirectOutbound(self._context, **whom, relay=relay, wait_for="nothing")

    def message(self, number: int) -> Message:
        return Message(f"{number:032x}", "adt-feed", TEXT, f"Testperson M\xfcller {number}\n".encode(), NOW)

    async def open(self) -> None:
        self._serving = self._hub.open()
        await self._serving.__aenter__()
        self.end = self._end(self._hub.options)

    async def close(self) -> None:
        await self._serving.__aexit__(None, None, None)

    def received(self) -> list[bytes]:
        return list({attachments(mail)[-1].data for _, mail in self._hub.taken})


class FhirReceiver(HttpListener):
    """Is put Patients."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        super().__init__()
        self._context = desk.context(folder)
        self.away = FhirOutbound(self._context, base="http://127.0.0.1:1/fhir")

    def message(self, number: int) -> Message:
        body = b'{"resourceType":"Patient", "id":"%d","name":[{"family":"Testperson"}],"x":7.10}\n' % number
        return Message(f"{number:032x}", "adt-feed", FHIR, body, NOW)

    async def open(self) -> None:
        await super().open()
        self.end = FhirOutbound(self._context, base=f"http://127.0.0.1:{self.port}/fhir")


class FileReceiver(Hl7Receiver):
    """Reads a folder."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self._folder = folder / "out"
        self.end = FileOutbound(desk.context(folder), folder=self._folder)
        self.away = FileOutbound(desk.context(folder), folder=Path(os.devnull) / "out")

    async def open(self) -> None:
        """A folder is always there."""

    async def close(self) -> None:
        """A folder is always there."""

    def received(self) -> list[bytes]:
        return list(contents(self._folder).values())


class BatchReceiver(FileReceiver):
    """Reads a folder of batches."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self._folder = folder / "out"
        options = {"batch": Batching(most=100)}
        self.end = FileOutbound(desk.context(folder), folder=self._folder, **options)
        self.away = FileOutbound(desk.context(folder), folder=Path(os.devnull) / "out", **options)

    def received(self) -> list[bytes]:
        return [each.body for content in contents(self._folder).values() for each in split_batch(content).messages]


class HttpReceiver(HttpListener, Hl7Receiver):
    """Is posted to."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        super().__init__()
        self._context = desk.context(folder)
        self.away = HttpOutbound(self._context, url="http://127.0.0.1:1/")

    async def open(self) -> None:
        await super().open()
        self.end = HttpOutbound(self._context, url=f"http://127.0.0.1:{self.port}/")


class MllpReceiver(Hl7Receiver):
    """Answers each frame with AA."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self._context = desk.context(folder)
        self._bodies: set[bytes] = set()
        self.away = MllpOutbound(self._context, connect="127.0.0.1:1")

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.end = MllpOutbound(self._context, connect=f"127.0.0.1:{port}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                body = (await reader.readuntil(b"\x1c\r"))[1:-2]
                self._bodies.add(body)
                writer.write(b"\x0b" + acknowledge(body, "AA", control_id="1", now=NOW) + b"\x1c\r")
        writer.close()

    async def close(self) -> None:
        self._server.close()

    def received(self) -> list[bytes]:
        return list(self._bodies)


SENDERS: dict[str, type[Any]] = {
    "direct": DirectSender,
    "fhir": FhirSender,
    "file": FileSender,
    "http": HttpSender,
    "mllp": MllpSender,
}
RECEIVERS: dict[str, type[Any]] = {
    "direct": DirectReceiver,
    "fhir": FhirReceiver,
    "file": FileReceiver,
    "file, batches": BatchReceiver,
    "http": HttpReceiver,
    "mllp": MllpReceiver,
}


@pytest.fixture(params=SENDERS)
def new_sender(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Desk], Sender]:
    return lambda desk: SENDERS[request.param](desk, tmp_path)


@pytest.fixture(params=RECEIVERS)
async def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    made = RECEIVERS[request.param](Desk(), tmp_path)
    await made.open()
    yield made
    await made.end.close()
    await made.away.close()
    await made.close()


def test_every_end_is_under_contract() -> None:
    assert {name for name, end in ENDS.items() if end.inbound} == set(SENDERS)
    # At the other side of one is nobody, and of the other one are many: its route waits for none of them
    # (tests/channels/fhir/subscriptions).
    outbound = {name for name, end in ENDS.items() if end.outbound} - {"worklist", "subscription"}
    assert outbound == {name.partition(",")[0] for name in RECEIVERS}


async def test_what_was_sent_is_handed_over_as_it_was(new_sender: Callable[[Desk], Sender]) -> None:
    desk = Desk()
    sender = new_sender(desk)
    async with desk.serving(sender.end):
        assert [await sender.send(body) for body in sender.bodies] == [ReceiptCode.ACCEPTED] * 3
    assert [message.body for message in desk.messages] == sender.bodies
    assert {(each.channel, each.format, each.received, each.parent) for each in desk.messages} == {
        ("adt-feed", sender.format, NOW, None)
    }
    assert len({each.id for each in desk.messages}) == 3


@pytest.mark.parametrize("receipt", [ACCEPTED, REJECTED, FAILED])
async def test_the_sender_is_told_what_the_engine_said(new_sender: Callable[[Desk], Sender], receipt: Receipt) -> None:
    desk = Desk(lambda _: receipt)
    sender = new_sender(desk)
    async with desk.serving(sender.end):
        assert await asyncio.wait_for(sender.send(sender.bodies[0]), 10) == receipt.code
    assert "Testperson" not in str(desk.findings)


async def test_an_end_that_was_stopped_is_served_again(new_sender: Callable[[Desk], Sender]) -> None:
    desk = Desk()
    sender = new_sender(desk)
    for body in sender.bodies[:2]:
        async with desk.serving(sender.end):
            assert await sender.send(body) == ReceiptCode.ACCEPTED
    assert [each.body for each in desk.messages] == sender.bodies[:2]


async def test_a_stop_waits_for_the_message_in_flight(new_sender: Callable[[Desk], Sender]) -> None:
    desk = Desk()
    may_go = asyncio.Event()

    async def slow(message: Message, keep: Sequence[Kept] = ()) -> Receipt:
        receipt = await Desk.accept(desk, message)
        await may_go.wait()
        return receipt

    sender = new_sender(desk)
    listening = asyncio.Event()
    serving = asyncio.create_task(sender.end.serve(slow, listening.set))
    await listening.wait()
    sending = asyncio.create_task(sender.send(sender.bodies[0]))
    await desk.received(1)
    serving.cancel()
    done, _ = await asyncio.wait({serving}, timeout=0.05)
    assert not done
    may_go.set()
    assert await asyncio.wait_for(sending, 10) == ReceiptCode.ACCEPTED
    await asyncio.wait({serving}, timeout=10)
    assert serving.done()
    assert len(desk.messages) == 1


async def test_what_is_delivered_arrives_as_it_is(receiver: Receiver) -> None:
    messages = [receiver.message(number) for number in (1, 2)]
    outcomes = [await receiver.end.deliver(each) for each in messages]
    assert {outcome.code for outcome in outcomes} == {OutcomeCode.DELIVERED}
    assert sorted(receiver.received()) == sorted(each.body for each in messages)


async def test_many_at_once_all_arrive(receiver: Receiver) -> None:
    messages = [receiver.message(number) for number in range(1, 31)]
    outcomes = await asyncio.gather(*(receiver.end.deliver(each) for each in messages))
    assert {outcome.code for outcome in outcomes} == {OutcomeCode.DELIVERED}
    assert sorted(receiver.received()) == sorted(each.body for each in messages)


async def test_a_repeat_is_delivered_and_the_same(receiver: Receiver) -> None:
    first, second = [await receiver.end.deliver(receiver.message(1)) for _ in range(2)]
    assert first == second
    assert receiver.received() == [receiver.message(1).body]


async def test_a_partner_that_is_away_makes_the_route_wait(receiver: Receiver) -> None:
    outcome = await receiver.away.deliver(receiver.message(1))
    assert (outcome.code, outcome.unreachable) == (OutcomeCode.DEFERRED, True)
    assert outcome.detail
    assert "Testperson" not in outcome.detail


async def test_closing_twice_does_no_harm(receiver: Receiver) -> None:
    await receiver.end.deliver(receiver.message(1))
    await receiver.end.close()
    await receiver.end.close()
