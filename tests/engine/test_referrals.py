"""What is said in a referral is noted in the commit of its message, and known to the next one at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from channels.ends import ReceiptCode
from engine.channel import Channel
from engine.journal import Journal
from engine.journal.replay import replay
from engine.journal.retention import prune
from engine.journal.tables import referral_acts
from engine.plan import plan
from engine.registry.reads import DatabaseRegistry
from engine.registry.site import SiteRegistry
from schemas.condition import Clause, Condition
from schemas.ids import utc_now
from schemas.message import HL7V2, Message
from tests.engine.harness import Hand, Script, adt, at_work, channel, no_registry, route
from transforms.refer.referral import Act, Identifier
from transforms.refer.state import State
from transforms.refer.track import track_referral
from transforms.step import Step

AUTHORITY = "urn:oid:2.999.1.15"
NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
PATIENT = "urn:oid:2.999.1.5|P-17"


def opened(message: Message) -> Message:
    """What `open_referral` would say: the control id is the referral's id, the act, and what tells it from others."""
    id, act, what = message.get("MSH-10").split(".")
    facts = {"referral.id": id, "referral.authority": AUTHORITY, "referral.act": act, "referral.digest": what}
    facts |= {"referral.form": "ref", "referral.sender": "practice", "referral.patients": PATIENT}
    if act == "request":
        facts |= {"referral.to.form": "360x", "referral.to.address": "cards@stanne.example"}
    return message.derive("opened", attributes=facts)


def flow(hand: Hand, script: Script, registry: SiteRegistry) -> Channel:
    steps = (Step("opened", opened), Step("track_referral", track_referral, (), {"registry": registry}))
    onwards = Condition((Clause("referral.verdict", "is", ("applied", "late")),))
    refused = Condition((Clause("referral.verdict", "is", ("refused",)),))
    routes = (replace(route(script), when=onwards), replace(route(script, "look"), when=refused))
    return replace(channel(hand, *routes), steps=steps)


def registry_of(journal: Journal) -> SiteRegistry:
    registry = no_registry()
    registry.use(DatabaseRegistry(journal.reading))
    return registry


ANY = st.lists(st.tuples(st.sampled_from(["R1", "R2"]), st.sampled_from(Act), st.sampled_from("abc")), max_size=12)


def test_no_message_is_lost_whatever_comes() -> None:
    """Each goes on, to a person, or was said before; and where the referral stands is what the messages say it is."""
    registry = no_registry()
    bound = flow(Hand(), Script(), registry)

    @settings(max_examples=200)
    @given(ANY)
    def hold(came: list[tuple[str, Act, str]]) -> None:
        try:
            none_is_lost(bound, registry, came)
        finally:
            for number in range(len(came)):
                registry.let_go(f"{number:032x}")

    hold()


def none_is_lost(bound: Channel, registry: SiteRegistry, came: list[tuple[str, Act, str]]) -> None:
    went: dict[tuple[str, Act, str], set[str]] = {}
    for number, said in enumerate(came):
        body = adt(".".join((said[0], said[1].value, f"{said[1].value}-{said[2]}")), "7")
        now = NOW + timedelta(minutes=number)
        message = Message(f"{number:032x}", "refer", HL7V2, body, now)
        made = plan(message, bound)
        assert made.failed is None
        ways = {child.route.name for child in made.children}
        assert ways in ({"out"}, {"look"}) or (made.filtered and "out" in went[said])
        went.setdefault(said, set()).update(ways)
        for child in made.children:
            thread = registry.referral(Identifier(said[0], AUTHORITY), message.id)
            assert child.message.get("referral.state") in set(State)
            assert child.message.get("referral.to.form") == "" or child.route.name == "out"
            if child.message.get("referral.verdict") != "applied":
                assert child.message.get("referral.state") == thread.state
        registry.take(message, [child.message for child in made.children])
        after = registry.referral(Identifier(said[0], AUTHORITY), "")
        assert all(child.message.get("referral.state") == after.state for child in made.children)


async def rows(journal: Journal) -> list[Any]:
    query = select(referral_acts).order_by(referral_acts.c.seq)
    return await journal.read(lambda connection: list(connection.execute(query)))


async def send(hand: Hand, *said: str) -> None:
    for receipt in await asyncio.gather(*(hand.send(adt(each, "7")) for each in said)):
        assert receipt.code is ReceiptCode.ACCEPTED


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one after the other"])
async def test_each_message_knows_of_those_before(journal_url: str, at_once: bool) -> None:
    journal = Journal(journal_url)
    await journal.open()
    hand, script, registry = Hand(), Script(), registry_of(journal)
    said = ["R1.request.a", "R1.accept.b", "R2.accept.c", "R1.accept.b", "R1.book.d", "R1.complete.e", "R1.interim.f"]
    async with at_work(journal_url, flow(hand, script, registry), hand, journal, registry):
        for some in [said] if at_once else [[each] for each in said]:
            await send(hand, *some)
        await script.until(lambda: len(script.delivered) == 6)
    assert [(row.act, row.verdict, row.state, row.queue) for row in await rows(journal)] == [
        ("request", "applied", "requested", "adt/out"),
        ("accept", "applied", "accepted", "adt/out"),
        ("accept", "refused", "new", "adt/look"),
        ("book", "applied", "booked", "adt/out"),
        ("complete", "applied", "completed", "adt/out"),
        ("interim", "late", "completed", "adt/out"),
    ]
    first = (await rows(journal))[0]
    assert (first.to_address, first.patient, first.end) == ("cards@stanne.example", PATIENT, "script")
    await journal.close()


async def test_a_restart_forgets_nothing(journal_url: str) -> None:
    for number, said in enumerate(("R1.request.a", "R1.book.b", "R1.accept.c", "R1.no_show.d")):
        journal = Journal(journal_url)
        await journal.open()
        hand, script, registry = Hand(), Script(), registry_of(journal)
        async with at_work(journal_url, flow(hand, script, registry), hand, journal, registry):
            await send(hand, said)
            await script.until(lambda script=script: len(script.delivered) == 1)  # type: ignore[misc]
        assert len(await rows(journal)) == number + 1
        await journal.close()
    journal = Journal(journal_url)
    await journal.open()
    assert [row.verdict for row in await rows(journal)] == ["applied", "applied", "late", "applied"]
    thread = DatabaseRegistry(journal.reading).referral(Identifier("R1", AUTHORITY), "")
    assert thread.state is State.NO_SHOW
    await journal.close()


async def test_what_came_too_early_counts_when_an_operator_routes_it_again(journal_url: str) -> None:
    journal = Journal(journal_url)
    await journal.open()
    hand, script, registry = Hand(), Script(), registry_of(journal)
    async with at_work(journal_url, flow(hand, script, registry), hand, journal, registry):
        await send(hand, "R1.cancel.b")
        await send(hand, "R1.request.a")
        await script.until(lambda: len(script.delivered) == 2)
        await replay(journal, (await rows(journal))[0].received_as, utc_now())
        await script.until(lambda: len(script.delivered) == 3)
    assert [(row.act, row.verdict) for row in await rows(journal)] == [
        ("cancel", "refused"),
        ("request", "applied"),
        ("cancel", "applied"),
    ]
    thread = registry.referral(Identifier("R1", AUTHORITY), "")
    assert thread.state is State.CANCELLED
    await journal.close()


async def test_threads_are_found_by_a_delivery_and_by_patient_and_address(journal_url: str) -> None:
    journal = Journal(journal_url)
    await journal.open()
    hand, script, registry = Hand(), Script(), registry_of(journal)
    async with at_work(journal_url, flow(hand, script, registry), hand, journal, registry):
        await send(hand, "R1.request.a", "R2.request.b", "R1.accept.c")
        await script.until(lambda: len(script.delivered) == 3)
    made = await rows(journal)
    found = registry.referral_of(made[1].message)
    assert found is not None
    assert (found.referral.value, registry.referral_of("0" * 32)) == ("R2", None)
    about = Identifier("P-17", "urn:oid:2.999.1.5")
    threads = registry.referrals_about(about, "Cards@StAnne.example")
    assert [(each.referral.value, each.state.value) for each in threads] == [("R1", "accepted"), ("R2", "requested")]
    assert registry.referrals_about(about, "nobody@stanne.example") == []
    assert registry.referrals_about(about, "") == []
    assert registry.referrals_about(Identifier("P-18", "urn:oid:2.999.1.5"), "cards@stanne.example") == []
    await journal.close()


async def test_a_thread_outlives_its_messages(journal_url: str) -> None:
    journal = Journal(journal_url)
    await journal.open()
    hand, script, registry = Hand(), Script(), registry_of(journal)
    async with at_work(journal_url, flow(hand, script, registry), hand, journal, registry):
        await send(hand, "R1.request.a")
        await script.until(lambda: len(script.delivered) == 1)
    [_ async for _ in prune(journal, lambda _channel: timedelta(0), utc_now() + timedelta(days=1))]
    [row] = await rows(journal)
    assert (row.outcome, row.detail) == ("delivered", "AA")
    assert await journal.get(row.message) is None
    assert registry.referral(Identifier("R1", AUTHORITY), "").state is State.REQUESTED
    await journal.close()
