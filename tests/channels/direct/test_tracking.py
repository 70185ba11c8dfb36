"""What is known of a sent message: by the notices that come, in any order, and the times that run out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.direct.notices import Closing, Effect, Notice, NoticeKind, Standing, Tracking
from channels.ends import OutcomeCode

SENT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ID = "1@sender.example"
BOB, EVE = "bob@receiver.example", "eve@receiver.example"
BOTH, ANY, DISPATCHED = Closing.PROCESSED_AND_DISPATCHED, Closing.ANY, Closing.DISPATCHED


def tracking(closing: Closing, *recipients: str) -> Tracking:
    return Tracking.begin(
        ID, recipients or (BOB,), sent=SENT, closing=closing, processed_within=HOUR, dispatched_within=3 * HOUR
    )


def notice(kind: str, recipient: str = BOB, final: bool | None = None) -> Notice:
    return Notice(NoticeKind(kind), ID, recipient, final=kind == "dispatched" if final is None else final)


def at(minutes: int) -> datetime:
    return SENT + timedelta(minutes=minutes)


# What closes the case, and what only looks like it.
@pytest.mark.row("N8", "N10", "N13", "N15")
@pytest.mark.parametrize(
    ("closing", "kinds", "standing"),
    [
        (ANY, "processed", "delivered"),
        (ANY, "dispatched", "delivered"),
        (ANY, "displayed", "delivered"),
        (ANY, "deleted", "delivered"),
        (ANY, "delivered", "delivered"),
        (ANY, "failed", "failed"),
        (ANY, "delayed", "waiting"),
        (ANY, "relayed", "waiting"),
        (ANY, "expanded", "waiting"),
        (BOTH, "processed", "processed"),
        (BOTH, "processed dispatched", "delivered"),
        (BOTH, "dispatched", "dispatched"),
        (BOTH, "dispatched processed", "delivered"),
        (BOTH, "processed processed", "processed"),
        (BOTH, "dispatched dispatched", "dispatched"),
        (BOTH, "processed displayed", "processed"),
        (BOTH, "processed delivered", "processed"),
        (BOTH, "delivered", "waiting"),
        (BOTH, "processed failed", "failed"),
        (BOTH, "dispatched failed", "failed"),
        (BOTH, "failed processed dispatched", "failed"),
        (BOTH, "processed dispatched failed", "delivered"),
        (DISPATCHED, "processed", "waiting"),
        (DISPATCHED, "dispatched", "delivered"),
        (DISPATCHED, "delivered", "delivered"),
        (DISPATCHED, "processed failed", "failed"),
    ],
)
def test_notices_lead_to_a_standing(closing: Closing, kinds: str, standing: str) -> None:
    now = tracking(closing)
    for kind in kinds.split():
        now = now.apply(notice(kind), at(1)).tracking
    assert now.recipients[BOB].standing == standing


@pytest.mark.row("N8")
def test_a_dispatched_notice_that_vouches_for_no_final_delivery_is_not_the_one_waited_for() -> None:
    applied = tracking(BOTH).apply(notice("dispatched", final=False), at(1))
    assert applied.effect is Effect.IGNORED
    assert applied.tracking.recipients[BOB].standing is Standing.WAITING


@pytest.mark.row("N13")
@pytest.mark.parametrize("order", sorted(set(permutations(("processed", "dispatched") * 2))))
def test_there_is_one_positive_end_however_often_the_notices_come(order: tuple[str, ...]) -> None:
    now, effects = tracking(BOTH), []
    for kind in order:
        now, effect, _ = now.apply(notice(kind), at(1))
        effects.append(effect)
    assert effects.count(Effect.SETTLED) == 1
    assert set(effects) <= {Effect.SETTLED, Effect.ADVANCED, Effect.REPEATED}
    outcome = now.outcome()
    assert outcome is not None
    assert outcome.code is OutcomeCode.DELIVERED


@pytest.mark.row("N11", "N16", "MT 4", "MT 26", "MT 27")
@pytest.mark.parametrize(
    ("closing", "kinds", "deadline", "why"),
    [
        (ANY, "", 60, "no processed notice came in time"),
        (BOTH, "", 60, "no processed notice came in time"),
        (BOTH, "dispatched", 60, "no processed notice came in time"),
        (BOTH, "processed", 180, "no dispatched notice came in time"),
        (DISPATCHED, "", 180, "no dispatched notice came in time"),
        (DISPATCHED, "processed", 180, "no dispatched notice came in time"),
    ],
)
def test_what_does_not_come_in_time_has_failed(closing: Closing, kinds: str, deadline: int, why: str) -> None:
    now = tracking(closing)
    for kind in kinds.split():
        now = now.apply(notice(kind), at(1)).tracking
    assert now.deadline == at(deadline)
    assert now.expire(at(deadline) - timedelta(seconds=1)) == now
    over = now.expire(at(deadline))
    outcome = over.outcome()
    assert outcome is not None
    assert (outcome.code, outcome.detail) == (OutcomeCode.REFUSED, f"failed for 1 recipient of 1: {why}")
    assert over.deadline is None


@pytest.mark.row("N12", "MT 28")
@pytest.mark.parametrize("expired_first", [True, False])
def test_a_dispatched_notice_after_its_time_changes_nothing(expired_first: bool) -> None:
    now = tracking(BOTH).apply(notice("processed"), at(1)).tracking
    if expired_first:
        now = now.expire(at(180))
    applied = now.apply(notice("dispatched"), at(181))
    assert applied.effect is Effect.LATE
    assert applied.tracking.recipients[BOB].standing is Standing.FAILED


@pytest.mark.parametrize(
    ("first", "second", "effect"),
    [
        ("processed", "failed", Effect.CONTRADICTED),
        ("processed", "processed", Effect.REPEATED),
        ("processed", "displayed", Effect.REPEATED),
        ("failed", "failed", Effect.REPEATED),
        ("failed", "processed", Effect.LATE),
        ("delayed", "delayed", Effect.IGNORED),
    ],
)
def test_the_second_notice_says_what_it_changed(first: str, second: str, effect: Effect) -> None:
    now = tracking(ANY).apply(notice(first), at(1)).tracking
    applied = now.apply(notice(second), at(2))
    assert applied.effect is effect
    assert applied.tracking == now


@pytest.mark.row("N18", "MT 18", "MT 47")
def test_each_recipient_stands_alone() -> None:
    now = tracking(BOTH, BOB, EVE, "Nobody@Nowhere.example")
    now = now.fail("nobody@nowhere.example", "no certificate was found", SENT)
    now = now.apply(notice("processed", EVE), at(1)).tracking
    now = now.apply(notice("processed", BOB), at(2)).tracking
    now = now.apply(notice("dispatched", BOB), at(3)).tracking
    assert (now.delivered, now.failed, now.open) == ((BOB,), ("nobody@nowhere.example",), True)
    assert now.outcome() is None
    over = now.expire(at(180))
    outcome = over.outcome()
    assert outcome is not None
    assert outcome.detail == (
        "failed for 2 recipients of 3: no dispatched notice came in time; no certificate was found"
    )
    assert "@" not in outcome.detail


@pytest.mark.row("N11", "N18")
def test_the_next_time_is_that_of_whoever_is_due_first() -> None:
    now = tracking(BOTH, BOB, EVE).apply(notice("processed", BOB), at(1)).tracking
    assert now.deadline == at(60)  # Eve's processed notice
    assert now.expire(at(60)).deadline == at(180)  # Bob's dispatched one


@pytest.mark.row("N14")
def test_a_failure_known_at_once_needs_no_notice() -> None:
    now = tracking(BOTH).fail(BOB.upper(), "the address does not exist", SENT)
    assert not now.open
    assert now.fail(BOB, "something else", at(1)) == now
    outcome = now.outcome()
    assert outcome is not None
    assert outcome.detail == "failed for 1 recipient of 1: the address does not exist"


@pytest.mark.parametrize(
    ("said", "recipients", "found"),
    [
        pytest.param(Notice(NoticeKind.PROCESSED, ID, BOB), (BOB, EVE), BOB, id="by its final recipient"),
        pytest.param(Notice(NoticeKind.PROCESSED, ID, "box@y.example", EVE), (BOB, EVE), EVE, id="by its original one"),
        pytest.param(
            Notice(NoticeKind.PROCESSED, ID, BOB, EVE), (BOB, EVE), EVE, id="whom we wrote to, before the rest"
        ),
        pytest.param(Notice(NoticeKind.PROCESSED, ID, ""), (BOB,), BOB, id="nobody named, only one there"),
        pytest.param(Notice(NoticeKind.PROCESSED, "", BOB), (BOB,), BOB, id="no message named"),
        pytest.param(Notice(NoticeKind.PROCESSED, ID, ""), (BOB, EVE), "", id="nobody named, two there"),
        pytest.param(Notice(NoticeKind.PROCESSED, ID, "mallory@x.example"), (BOB,), "", id="somebody else"),
        pytest.param(Notice(NoticeKind.PROCESSED, "2@other.example", BOB), (BOB,), "", id="another message"),
    ],
)
def test_whom_a_notice_is_about(said: Notice, recipients: tuple[str, ...], found: str) -> None:
    before = tracking(ANY, *recipients)
    applied = before.apply(said, at(1))
    assert applied.recipient == found
    if not found:
        assert applied == (before, Effect.UNKNOWN, "")


@pytest.mark.row("N3")
@pytest.mark.parametrize(
    "said",
    [
        pytest.param(Notice(NoticeKind.FAILED, ID, BOB), id="about another recipient"),
        pytest.param(Notice(NoticeKind.FAILED, ID, BOB, EVE.replace("eve", "mallory")), id="behind a name of its own"),
        pytest.param(Notice(NoticeKind.FAILED, ID, EVE.replace("eve", "mallory"), BOB), id="before a name of its own"),
        pytest.param(Notice(NoticeKind.FAILED, ID, ""), id="about nobody"),
    ],
)
def test_whoever_signs_a_notice_settles_nobody_else(said: Notice) -> None:
    before = tracking(ANY, BOB)
    applied = before.apply(said, at(1), lambda address: address.startswith("mallory@"))
    assert applied == (before, Effect.UNKNOWN, "")


KINDS = st.sampled_from(list(NoticeKind))
STEPS = st.lists(st.tuples(KINDS, st.sampled_from((BOB, EVE, "")), st.booleans(), st.integers(0, 300)), max_size=12)


@given(st.sampled_from(list(Closing)), STEPS)
def test_whatever_comes_what_is_settled_stays_and_is_kept_as_it_is(
    closing: Closing, steps: list[tuple[NoticeKind, str, bool, int]]
) -> None:
    now = tracking(closing, BOB, EVE)
    for kind, recipient, final, minutes in sorted(steps, key=lambda step: step[3]):
        before = now
        now, effect, whom = now.apply(Notice(kind, ID, recipient, final=final), at(minutes))
        for address, each in before.recipients.items():
            assert not each.settled or now.recipients[address] == each
        assert effect in (Effect.UNKNOWN, Effect.IGNORED, Effect.REPEATED, Effect.LATE, Effect.CONTRADICTED) or (
            now.recipients[whom].since == at(minutes)
        )
        assert Tracking.loads(now.dumps()) == now
        assert (now.outcome() is None) == now.open == (now.deadline is not None)
    assert not now.expire(at(1000)).open
