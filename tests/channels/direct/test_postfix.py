"""Postfix between two sites: a server that is not ours takes what we send, hands on what we get, and bounces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from channels.direct import DirectInbound, DirectOutbound
from channels.direct.mime import Entity
from channels.direct.options import SmtpIn
from channels.direct.smtp.relay import RelayOptions
from channels.ends import OutcomeCode
from channels.tls import ClientTls, ServerTls
from engine.ports import free_ports
from schemas.values import Address
from tests import tls
from tests.channels.direct.edge import DOCUMENT, OURS, THEIRS, Engine
from tests.channels.direct.parties import Party, until
from tests.channels.direct.pki import Authority
from tests.channels.direct.postfix import Postfix


@dataclass
class Line:
    """Postfix between, and TLS for all."""

    postfix: Postfix
    alice: Party
    bob: Party
    edge: int
    server: ServerTls
    authority: Path

    @property
    def relay(self) -> RelayOptions:
        """Postfix as the relay of an end, over STARTTLS with its certificate checked."""
        client = ClientTls.model_validate({"authorities": self.authority, "server_name": "localhost"})
        return RelayOptions(connect=Address("127.0.0.1", self.postfix.port), tls=client)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    authority = tls.Authority(tmp_path / "tls")
    identity = authority.issue("localhost", hosts=("localhost", "127.0.0.1"))
    theirs, ours = Authority("Theirs"), Authority("Ours", number=1)
    first, second = theirs.issue("a.example"), ours.issue("b.example", number=1)
    alice = Party(tmp_path / "alice", "alice@a.example", first, ours, [second])
    bob = Party(tmp_path / "bob", "bob@b.example", second, theirs, [first])
    (edge,) = free_ports(1)
    routes = {
        "a.example": f"smtp:[127.0.0.1]:{alice.port}",
        "b.example": f"smtp:[127.0.0.1]:{bob.port}",
        "gone@b.example": f"smtp:[127.0.0.1]:{alice.port}",  # who does not know the address
        OURS: f"smtp:[127.0.0.1]:{edge}",
        THEIRS: f"smtp:[127.0.0.1]:{edge}",
    }
    postfix = Postfix(routes, identity, authority.file)
    server = ServerTls.model_validate({"certificate": identity.certificate, "key": identity.key})
    postfix.start()
    try:
        yield Line(postfix, alice, bob, edge, server, authority.file)
    finally:
        print(postfix.log)  # shown where a test fails
        postfix.stop()


@pytest.mark.row("E2")
async def test_a_sealed_message_goes_through_and_its_notices_come_back(line: Line) -> None:
    async with (
        line.alice.listening(line.relay, tls=line.server),
        line.bob.listening(line.relay, tls=line.server),
    ):
        end = line.alice.outbound(line.bob, relay=line.relay)
        message = line.alice.engine.message(DOCUMENT * 1000)
        assert (await end.deliver(message)).code is OutcomeCode.PENDING
        await until(lambda: line.alice.engine.settled)
        await end.close()
    assert line.alice.engine.settled[0][1].code is OutcomeCode.DELIVERED
    (taken,) = line.bob.engine.accepted
    assert Entity.parse(taken.body).parts[1].decoded() == message.body
    assert "Untrusted" not in line.postfix.log


@pytest.mark.row("N10", "N15", "MT 1", "MT 23")
async def test_a_bounce_settles_a_sealed_message_though_nobody_signed_it(line: Line) -> None:
    async with line.alice.listening(line.relay, tls=line.server):
        end = line.alice.outbound(line.bob, relay=line.relay, to="gone@b.example")
        assert (await end.deliver(line.alice.engine.message())).code is OutcomeCode.PENDING
        await until(lambda: line.alice.engine.settled)
        await end.close()
    ((_, outcome),) = line.alice.engine.settled
    assert (outcome.code, outcome.detail) == (
        OutcomeCode.REFUSED, "failed for 1 recipient of 1: the partner says so (5.1.1)")  # fmt: skip


async def test_an_edge_sends_receives_and_understands_the_bounce(line: Line) -> None:
    engine = Engine()
    through = SmtpIn(listen=Address("127.0.0.1", line.edge), tls=line.server)
    inbound = DirectInbound(engine.context, recipients=[OURS, f"dr.may@{THEIRS}"], through=through)
    ready = asyncio.Event()
    serving = asyncio.create_task(inbound.serve(engine.accept, ready.set))
    await ready.wait()
    ends = [
        DirectOutbound(engine.context, from_=f"notify@{OURS}", to=to, relay=line.relay)
        for to in (f"dr.may@{THEIRS}", f"dr.may@{THEIRS}, gone@{THEIRS}")
    ]
    for end in ends:
        assert (await end.deliver(engine.message())).code is OutcomeCode.PENDING
    await until(lambda: len(engine.accepted) == 2 and engine.settled)
    assert {message.get("direct.to") for message in engine.accepted} == {f"dr.may@{THEIRS}"}
    assert [Entity.parse(message.body).parts[1].decoded() for message in engine.accepted] == [DOCUMENT] * 2
    ((_, outcome),) = engine.settled
    assert (outcome.code, outcome.detail) == (OutcomeCode.PENDING, "waits for notices of 1 of 2 recipients")
    for end in ends:
        await end.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_relay_with_a_strangers_certificate_gets_nothing(line: Line, tmp_path: Path) -> None:
    stranger = tls.Authority(tmp_path / "stranger").file
    client = ClientTls.model_validate({"authorities": stranger, "server_name": "localhost"})
    relay = line.relay.model_copy(update={"tls": client})
    end = line.alice.outbound(line.bob, relay=relay)
    outcome = await end.deliver(line.alice.engine.message())
    assert (outcome.code, outcome.unreachable) == (OutcomeCode.DEFERRED, True)
    assert "certificate that is not trusted" in outcome.detail
    await end.close()
