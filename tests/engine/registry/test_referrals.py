"""Referrals as an operator finds them, on either database: where they stand, what is overdue, closed by a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from engine.config.settings import Referrals
from engine.journal import Journal, Status
from engine.journal.retention import prune
from engine.registry.listing import changed
from engine.registry.reads import DatabaseRegistry
from engine.registry.referrals import Asked, ReferralError, close, found, shown
from tests.engine.registry.saying import AUTHORITY, OF_CLINIC, OF_PRACTICE, day, say
from transforms.refer.referral import Identifier

TERMS = Referrals()


@pytest.fixture
async def journal(journal_url: str) -> AsyncIterator[Journal]:
    journal = Journal(journal_url)
    await journal.open()
    yield journal
    await journal.close()


async def listed(journal: Journal, asked: Asked, now: float = 1) -> list[tuple[str, str]]:
    return [(each.id, each.state) for each in await found(journal, asked, TERMS, day(now))]


async def late(journal: Journal, now: float, terms: Referrals = TERMS) -> list[tuple[str, str]]:
    """What is overdue on that day, by which rule, and in words."""
    overdue = await found(journal, Asked(overdue=True), terms, day(now))
    return [(each.rule, each.what) for referral in overdue for each in referral.overdue]


async def test_a_referral_is_shown_with_every_message_and_what_became_of_it(journal: Journal) -> None:
    await say(journal, 0, "request", detail="MDN: processed")
    accepted = await say(journal, 1, "accept", filler="urn:oid:2.999.2.15|F-9")
    await say(journal, 2, "book", appointment=day(9).isoformat())
    await say(journal, 3, "interim", status=Status.DEFERRED, detail="connection refused")
    referral = await shown(journal, "R1", TERMS, day(4))
    assert (referral.id, referral.authority, referral.state, referral.since) == ("R1", AUTHORITY, "booked", day(2))
    assert (referral.initiator.party, referral.initiator.address) == ("Eastmere Practice", "practice.example:2575")
    assert (referral.recipient.party, referral.recipient.address) == ("St. Anne Cardiology", "cards@stanne.example")
    assert (referral.initiator.patient, referral.recipient.patient) == (OF_PRACTICE, OF_CLINIC)
    assert (referral.filler, referral.appointment) == ("urn:oid:2.999.2.15|F-9", day(9))
    said = [(each.act, each.side, each.verdict, each.state, each.control_id) for each in referral.events]
    assert said == [
        ("request", "initiator", "applied", "requested", "request 0"),
        ("accept", "recipient", "applied", "accepted", "accept 1"),
        ("book", "recipient", "applied", "booked", "book 2"),
        ("interim", "recipient", "applied", "booked", "interim 3"),
    ]
    ends = [(one.end, one.outcome, one.detail) for each in referral.events for one in each.deliveries]
    assert ends[0] == ("direct", "delivered", "MDN: processed")
    assert ends[3] == ("mllp", "deferred", "connection refused")
    assert referral.events[1].deliveries[0].message == accepted.id
    assert referral.events[1].message == accepted.parent


async def test_open_ones_are_listed_and_others_when_asked_for(journal: Journal) -> None:
    for number in range(3):
        await say(journal, number / 10, "request", f"R{number}", patient=f"urn:oid:2.999.1.5|P-{number}")
    await say(journal, 0.5, "complete", "R1", patient="urn:oid:2.999.1.5|P-1")
    await say(journal, 0.6, "accept", "R0", patient="urn:oid:2.999.1.5|P-0")
    assert await listed(journal, Asked()) == [("R0", "accepted"), ("R2", "requested")]
    assert await listed(journal, Asked(all=True)) == [("R0", "accepted"), ("R1", "completed"), ("R2", "requested")]
    assert await listed(journal, Asked(all=True, most=2)) == [("R0", "accepted"), ("R1", "completed")]
    assert await listed(journal, Asked(state="completed")) == [("R1", "completed")]
    assert await listed(journal, Asked(patient="P-2")) == [("R2", "requested")]
    assert await listed(journal, Asked(patient="urn:oid:2.999.1.5|P-2")) == [("R2", "requested")]
    assert await listed(journal, Asked(patient="2")) == []


async def test_more_than_are_read_at_once_are_all_found(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.registry.referrals._AT_ONCE", 2)
    for number in range(5):
        await say(journal, number, "request", f"R{number}")
    assert [id for id, _ in await listed(journal, Asked())] == ["R4", "R3", "R2", "R1", "R0"]
    assert len(await late(journal, 5)) == 3, "those of the first three days"


@pytest.mark.parametrize(
    ("acts", "when", "rule", "what"),
    [
        (("request",), 3, "answer", "the request has no answer"),
        (("request", "change"), 3, "answer", "the request has no answer"),
        (("request", "accept"), 14.1, "booking", "it is accepted, and no appointment is booked"),
        (("request", "book"), 23, "report", "the appointment is over, and no outcome has come"),
        (("request", "book", "no_show"), 14.2, "no_show", "the patient did not come, and nothing has come since"),
        (("request", "cancel"), 3.1, "confirm", "it is cancelled, and that is not confirmed"),
    ],
)
async def test_what_a_side_owes_is_overdue_when_its_time_is_over(
    journal: Journal, acts: tuple[str, ...], when: float, rule: str, what: str
) -> None:
    for number, act in enumerate(acts):
        facts = {"appointment": day(9).isoformat()} if act == "book" else {}
        await say(journal, number / 10, act, **facts)
    assert await late(journal, when - 0.01) == []
    assert await late(journal, when) == [(rule, what)]
    terms = Referrals(**{rule: timedelta(days=100)})
    assert await late(journal, when, terms) == []


@pytest.mark.parametrize(
    ("status", "end", "at_once", "later"),
    [
        (Status.DELIVERED, "direct", [], []),
        (Status.PENDING, "direct", [], ["complete: no receipt has come on refer/practice (MDN)"]),
        (Status.PENDING, "fhir", [], ["complete: no receipt has come on refer/practice"]),
        (Status.PENDING, "worklist", [], ["complete: it waits for a person on refer/practice"]),
        (Status.DEFERRED, "mllp", [], ["complete: it is not delivered yet on refer/practice (deferred)"]),
        (Status.QUEUED, "mllp", [], ["complete: it is not delivered yet on refer/practice (queued)"]),
        (Status.REFUSED, "mllp", ["complete: it was not delivered on refer/practice (refused)"], None),
        (Status.FAILED, "mllp", ["complete: it was not delivered on refer/practice (failed)"], None),
    ],
)
async def test_what_did_not_arrive_is_overdue_also_when_the_referral_is_over(
    journal: Journal, status: Status, end: str, at_once: list[str], later: list[str] | None
) -> None:
    await say(journal, 0, "request")
    await say(journal, 0.1, "complete", status=status, end=end)
    assert await late(journal, 1) == [("delivery", what) for what in at_once]
    assert await late(journal, 1.1) == [("delivery", what) for what in (at_once if later is None else later)]


async def test_what_was_refused_is_with_a_person_and_not_overdue(journal: Journal) -> None:
    await say(journal, 0, "request")
    await say(journal, 0.1, "complete")
    await say(journal, 0.2, "cancel", end="worklist", status=Status.PENDING)
    assert await late(journal, 9) == []
    referral = await shown(journal, "R1", TERMS, day(9))
    assert [(each.verdict, each.state) for each in referral.events][-1] == ("refused", "completed")
    assert referral.events[-1].reason == "the outcome of this referral was reported already"


async def test_a_thread_is_shown_when_its_messages_are_gone(journal: Journal) -> None:
    await say(journal, 0, "request")
    await say(journal, 0.1, "decline", status=Status.REFUSED, detail="AR")
    before = await shown(journal, "R1", TERMS, day(1))
    pruned = [each async for each in prune(journal, lambda _channel: timedelta(0), day(9))]
    assert pruned[-1].messages == 2
    assert await shown(journal, "R1", TERMS, day(1)) == before
    assert before.overdue


async def test_a_person_closes_what_is_stuck(journal: Journal) -> None:
    await say(journal, 0, "request")
    closed = await close(journal, "R1", "ada", "seen elsewhere", day(5))
    assert (closed.state, closed.since, closed.initiator.party) == ("closed", day(5), "Eastmere Practice")
    assert [(each.act, each.party, each.reason) for each in closed.events][1:] == [("close", "ada", "seen elsewhere")]
    assert await late(journal, 9) == []
    [change] = await journal.read(lambda connection: changed(None, 9, connection))
    assert (change.who, change.what, change.detail) == ("ada", "referral close", "seen elsewhere")
    assert change.subject == f"{AUTHORITY}|R1"
    with pytest.raises(ReferralError, match="closed already"):
        await close(journal, "R1", "ada", "again", day(6))
    await say(journal, 7, "book")
    assert (await shown(journal, "R1", TERMS, day(9))).state == "closed"
    await say(journal, 8, "complete")
    assert (await shown(journal, "R1", TERMS, day(9))).state == "completed"


async def test_an_id_that_two_initiators_use_must_be_said_whole(journal: Journal) -> None:
    await say(journal, 0, "request", authority="urn:oid:2.999.1")
    await say(journal, 0, "request", authority="urn:oid:2.999.2")
    with pytest.raises(ReferralError, match=r"urn:oid:2.999.1\|R1 or urn:oid:2.999.2\|R1"):
        await shown(journal, "R1", TERMS, day(1))
    assert (await shown(journal, "urn:oid:2.999.2|R1", TERMS, day(1))).authority == "urn:oid:2.999.2"
    with pytest.raises(ReferralError, match="no referral has the id 1"):
        await shown(journal, "1", TERMS, day(1))


async def test_two_engines_at_once_cannot_write_over_each_other(journal: Journal) -> None:
    """Both know of the request alone: the later commit says `accepted`, and the referral is completed all the same."""
    await say(journal, 0, "request")
    alone = DatabaseRegistry(journal.reading).referral(Identifier("R1", AUTHORITY), "")
    await say(journal, 0.2, "complete", known=alone)
    await say(journal, 0.1, "accept", known=alone)
    referral = await shown(journal, "R1", TERMS, day(1))
    assert [each.state for each in referral.events] == ["requested", "completed", "accepted"]
    assert referral.state == "completed"
    assert await listed(journal, Asked()) == []
    assert await listed(journal, Asked(state="accepted")) == []
