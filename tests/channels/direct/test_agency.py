"""Two sites with agents of their own: what is trusted is taken and answered, and the answers settle what was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from channels.direct import smime
from channels.direct.mime import Entity
from channels.direct.noticed import notices_of
from channels.direct.notices import ASKS_FINAL_DELIVERY, Mdn, NoticeKind, write_mdn
from channels.ends import Fate, OutcomeCode, Receipt, ReceiptCode, RouteFate
from schemas.message import MAIL
from tests.channels.direct.edge import DOCUMENT, Hub, send
from tests.channels.direct.parties import Party, until
from tests.channels.direct.pki import Authority
from tests.channels.direct.test_direct13 import UNWRAPPED, signed
from tests.channels.direct.test_smime import enclosed

THEIRS, OURS, FOREIGN = Authority("Theirs"), Authority("Ours", number=1), Authority("Foreign", number=2)
ALICE, BOB = THEIRS.issue("a.example"), OURS.issue("bob@b.example", number=1)
MALLORY = FOREIGN.issue("alice@a.example", number=2)


@pytest.fixture
def alice(tmp_path: Path) -> Party:
    return Party(tmp_path / "alice", "alice@a.example", ALICE, OURS, [BOB])


@pytest.fixture
def bob(tmp_path: Path) -> Party:
    return Party(tmp_path / "bob", "bob@b.example", BOB, THEIRS, [ALICE])


@asynccontextmanager
async def both(alice: Party, bob: Party) -> AsyncIterator[None]:
    async with alice.listening(bob), bob.listening(alice):
        yield


def delivered(party: Party, status: str = "delivered") -> None:
    """Say that the message that `party` took was delivered there."""
    route = RouteFate("out", status, settled=True)
    party.fates[party.engine.accepted[-1].id] = Fate("routed", {}, (route,))


@pytest.mark.row("N1", "N3", "N5", "M6", "M9")
async def test_a_message_is_taken_and_its_processed_notice_delivers_it(alice: Party, bob: Party) -> None:
    async with both(alice, bob):
        end = alice.outbound(bob)
        message = alice.engine.message()
        assert (await end.deliver(message)).code is OutcomeCode.PENDING
        await until(lambda: alice.engine.settled)
        await end.close()
    (taken,) = bob.engine.accepted
    assert taken.format == MAIL
    assert Entity.parse(taken.body).parts[1].decoded() == DOCUMENT
    assert (taken.get("direct.from"), taken.get("direct.to")) == ("alice@a.example", "bob@b.example")
    assert [(id, outcome.code) for id, outcome in alice.engine.settled] == [(message.id, OutcomeCode.DELIVERED)]
    assert alice.engine.accepted == []
    assert bob.engine.settled == []


@pytest.mark.row("N8", "N13", "N15", "MT 29")
async def test_the_final_delivery_is_told_when_it_is_asked_for_and_done(alice: Party, bob: Party) -> None:
    async with both(alice, bob):
        end = alice.outbound(bob, wait_for="delivered")
        message = alice.engine.message()
        await end.deliver(message)
        await until(lambda: alice.engine.settled)
        assert alice.engine.settled[-1][1].code is OutcomeCode.PENDING  # processed
        bob.engine.after(timedelta(seconds=2))
        delivered(bob)
        await until(lambda: len(alice.engine.settled) > 1)
        await end.close()
    assert [outcome.code for _, outcome in alice.engine.settled] == [OutcomeCode.PENDING, OutcomeCode.DELIVERED]


class Post:
    """Alice's server, as a test reads it: the notices that Bob's site sent her, opened."""

    def __init__(self, alice: Party, bob: Party, hub: Hub) -> None:
        self.alice, self.bob, self.hub = alice, bob, hub

    def notices(self) -> list[tuple[NoticeKind, str, bool]]:
        """Kind, Original-Message-ID and whether it vouches for the final delivery, in the order in which they came."""
        found = []
        for envelope, mail in self.hub.taken:
            opened = smime.open(mail, [self.alice.identity])
            (signer,) = opened.signers
            assert (envelope.sender, signer.certificate) == (self.bob.address, self.bob.identity.certificate)
            inner = Entity.parse(opened.inner)
            assert "disposition-notification-to" not in inner.headers
            found += [(each.kind, each.message_id, each.final) for each in notices_of(inner)]
        return found

    async def sent(self, *headers: tuple[str, str], message_id: str = "<1@a.example>") -> str:
        """Hand a message of Alice's over to Bob's site; the reply that refused it."""
        mail = self.alice.sealed(self.bob, *headers, message_id=message_id)
        return await send(self.bob.port, mail, self.alice.address, [self.bob.address])


@pytest.fixture
async def post(alice: Party, bob: Party) -> AsyncIterator[Post]:
    async with Hub().open() as hub:
        alice.port = hub.options.connect.port
        async with bob.listening(alice):
            yield Post(alice, bob, hub)


PROCESSED = (NoticeKind.PROCESSED, "1@a.example", False)
FINAL = ("Disposition-Notification-Options", ASKS_FINAL_DELIVERY)


@pytest.mark.row("N10", "MT 41")
@pytest.mark.parametrize("headers", [(), (FINAL,)])
@pytest.mark.parametrize("status", ["refused", "failed"])
async def test_what_fails_after_it_was_taken_is_told(
    post: Post, headers: tuple[tuple[str, str], ...], status: str
) -> None:
    assert await post.sent(*headers) == ""
    await until(post.notices)
    delivered(post.bob, status)
    post.bob.engine.after(timedelta(seconds=2))
    await until(lambda: len(post.notices()) == 2)
    assert post.notices() == [PROCESSED, (NoticeKind.FAILED, "1@a.example", False)]


@pytest.mark.row("N8", "N9", "N13", "MT 38", "MT 39", "MT 40")
@pytest.mark.parametrize(
    ("options", "final"),
    [(ASKS_FINAL_DELIVERY, True), ("", False), ("X-DIRECT-FINAL-DESTINATION-DELIVERY=true", False)],
)
async def test_dispatched_is_told_once_and_only_where_it_is_asked_for_rightly(
    post: Post, options: str, final: bool
) -> None:
    assert await post.sent(*[("Disposition-Notification-Options", options)][: bool(options)]) == ""
    await until(post.notices)
    delivered(post.bob)
    post.bob.engine.after(timedelta(minutes=2))
    await until(lambda: not post.bob.engine.owes)
    dispatched = [(NoticeKind.DISPATCHED, "1@a.example", True)] if final else []
    assert post.notices() == [PROCESSED, *dispatched]


@pytest.mark.row("N7")
@pytest.mark.parametrize(("asker", "to"), [("office@a.example", "office@a.example"), ("no address", "alice@a.example")])
async def test_the_notice_goes_to_who_asks_for_it(post: Post, asker: str, to: str) -> None:
    assert await post.sent(("Disposition-Notification-To", asker)) == ""
    await until(post.notices)
    assert post.hub.taken[0][0].recipients == (to,)


async def test_a_repeat_is_not_taken_again_but_its_notice_is_sent_again(post: Post) -> None:
    for count in (1, 2):
        assert await post.sent() == ""
        await until(lambda count=count: len(post.notices()) == count)
    assert len(post.bob.engine.accepted) == 1
    assert post.notices() == [PROCESSED, PROCESSED]


@pytest.mark.row("N2")
@pytest.mark.parametrize("why", ["foreign", "plain", "altered", "sender", "not ours"])
async def test_what_is_not_trusted_is_neither_taken_nor_answered(
    post: Post, alice: Party, bob: Party, why: str
) -> None:
    mail, sender = alice.sealed(bob), alice.address
    if why == "foreign":
        mail = smime.protect(smime.open(mail, [BOB]).inner, MALLORY, [BOB.certificate], bob.engine.time)
    elif why == "plain":
        mail = smime.open(mail, [BOB]).inner
    elif why == "altered":
        mail = mail[:-400] + (b"A" if mail[-400:-399] != b"A" else b"B") + mail[-399:]
    elif why == "sender":
        sender = "mallory@a.example"
    else:
        mail = smime.protect(smime.open(mail, [BOB]).inner, ALICE, [MALLORY.certificate], bob.engine.time)
    assert await send(bob.port, mail, sender, [bob.address]) == ""
    assert [finding.code for finding in bob.engine.findings] in (["DIR-331"], ["DIR-332"])
    assert await post.sent(message_id="<2@a.example>") == ""
    await until(post.notices)
    assert [message.get("direct.message_id") for message in bob.engine.accepted] == ["2@a.example"]
    assert post.notices() == [(NoticeKind.PROCESSED, "2@a.example", False)]


async def test_what_is_not_durable_is_neither_acknowledged_nor_answered(post: Post, bob: Party) -> None:
    bob.engine.receipt = Receipt(ReceiptCode.FAILED, "the disk is full")
    assert (await post.sent()).startswith("451")
    bob.engine.receipt = Receipt(ReceiptCode.ACCEPTED)
    assert await post.sent() == ""
    await until(post.notices)
    assert post.notices() == [PROCESSED]


@pytest.mark.row("N4")
async def test_a_notice_and_an_automatic_answer_are_not_answered(post: Post, alice: Party, bob: Party) -> None:
    assert await post.sent(("Auto-Submitted", "auto-replied"), message_id="<2@a.example>") == ""
    about = "1" * 32 + "." + "0" * 16 + "@b.example"
    notice = write_mdn(
        Mdn(NoticeKind.PROCESSED, alice.address, bob.address, about, "a.example"), bob.engine.time, "n@a.example"
    )
    sealed = smime.protect(notice, ALICE, [BOB.certificate], bob.engine.time)
    assert await send(bob.port, sealed, alice.address, [bob.address]) == ""
    assert await post.sent() == ""
    await until(post.notices)
    assert post.notices() == [PROCESSED]
    assert [message.get("direct.message_id") for message in bob.engine.accepted] == ["2@a.example", "1@a.example"]


@pytest.mark.row("N1")
async def test_a_notice_that_is_owed_survives_a_crash_and_a_relay_that_is_away(alice: Party, bob: Party) -> None:
    bob_relay_is_away = alice  # nobody listens at alice's port yet
    async with bob.listening(bob_relay_is_away):
        assert await send(bob.port, alice.sealed(bob), alice.address, [bob.address]) == ""
        await until(lambda: bob.engine.accepted)
    async with Hub().open() as hub:
        alice.port = hub.options.connect.port
        bob.engine.after(timedelta(minutes=10))
        async with bob.listening(alice):
            await until(lambda: hub.taken)


@pytest.mark.row("T1", "N14", "MT 3", "MT 25")
async def test_to_whom_nobody_trusted_is_found_nothing_goes_and_it_is_said_at_once(alice: Party, bob: Party) -> None:
    async with Hub().open() as hub:
        bob.port = hub.options.connect.port
        end = alice.outbound(bob, to="bob@b.example, nobody@c.example")
        assert (await end.deliver(alice.engine.message())).code is OutcomeCode.PENDING
        assert hub.taken[0][0].recipients == ("bob@b.example",)
        alone = alice.outbound(bob, to="nobody@c.example")
        outcome = await alone.deliver(alice.engine.message())
        assert (outcome.code, len(hub.taken)) == (OutcomeCode.REFUSED, 1)
        assert "no certificate was found" in outcome.detail
        for each in (end, alone):
            await each.close()


async def test_keys_that_are_missing_hold_the_route_and_the_end(alice: Party, bob: Party) -> None:
    key = alice.options["keys"][0]["key"]
    written = key.read_bytes()
    key.write_bytes(b"no key")
    end = alice.outbound(bob)
    outcome = await end.deliver(alice.engine.message())
    assert (outcome.code, outcome.unreachable) == (OutcomeCode.DEFERRED, True)
    with pytest.raises(OSError, match="keys-unreadable"):
        async with alice.listening(bob):
            pass
    key.write_bytes(written)
    async with Hub().open() as hub:
        end._relay.options = hub.options  # type: ignore[assignment]
        assert (await end.deliver(alice.engine.message())).code is OutcomeCode.PENDING
    await end.close()


@pytest.mark.row("M7")
async def test_a_message_that_is_not_wrapped_is_taken_and_said_to_be_one(post: Post) -> None:
    bob = post.bob
    assert await send(bob.port, enclosed(signed(ALICE, part=UNWRAPPED), to=BOB), "alice@a.example", [bob.address]) == ""
    assert len(bob.engine.accepted) == 1
    assert [finding.code for finding in bob.engine.findings] == ["DIR-201"]
