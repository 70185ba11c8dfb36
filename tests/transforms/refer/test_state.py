"""The referral's state machine: its table is the manual's, and no order of messages does harm."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.refer.referral import Act, Side
from transforms.refer.state import TABLE, Rule, Said, Standing, State, Treated, Verdict

PAGE = Path(__file__).parents[3] / "docs/referrals.md"
MORNING = datetime(2026, 11, 25, 8, tzinfo=UTC)


def said(act: Act, hour: float = 0, what: str = "") -> Said:
    return Said(act, MORNING + timedelta(hours=hour), what or f"{act} at {hour}")


def in_turn(*acts: Act) -> list[Said]:
    """The acts, an hour after each other."""
    return [said(act, hour) for hour, act in enumerate(acts)]


def standing_after(said: Iterable[Said]) -> Standing:
    """Where a referral stands after all of that, in the order in which it came."""
    standing = Standing()
    for each in said:
        standing = standing.after(each)
    return standing


def cell(rule: Rule) -> str:
    """A rule as the manual writes it."""
    stays = "stays" if rule.verdict is Verdict.APPLIED else rule.verdict.value
    return (f"`{rule.to.value}`" if rule.to is not None else stays) + (" †" if rule.in_order else "")


def test_the_manual_has_the_table() -> None:
    rows = [["act", *(f"`{state.value}`" for state in State)]]
    rows += [[f"`{act.value}`", *(cell(TABLE[state][act]) for state in State)] for act in Act]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    assert "\n".join(lines) in PAGE.read_text(), "\n".join(lines)


def test_the_manual_has_every_act_with_its_side() -> None:
    text = PAGE.read_text()
    assert [act for act in Act if f"| `{act.value}` | {act.side.value} |" not in text] == []


R, C, X, A, D, B, N, M, F, K = (
    *(Act.REQUEST, Act.CHANGE, Act.CANCEL, Act.ACCEPT, Act.DECLINE, Act.BOOK, Act.NO_SHOW, Act.INTERIM),
    *(Act.COMPLETE, Act.CONFIRM_CANCEL),
)


@pytest.mark.parametrize(
    ("acts", "state"),
    [
        ([R], State.REQUESTED),
        ([R, A], State.ACCEPTED),
        ([R, D], State.DECLINED),
        ([R, A, D], State.DECLINED),
        ([R, A, B, F], State.COMPLETED),
        ([R, A, B, N], State.NO_SHOW),
        ([R, A, B, N, B], State.BOOKED),
        ([R, A, B, N, B, F], State.COMPLETED),
        ([R, M], State.ACCEPTED),
        ([R, F], State.COMPLETED),
        ([R, C, A, C], State.ACCEPTED),
        ([R, X], State.CANCELLED),
        ([R, A, X, K], State.CANCEL_CONFIRMED),
        ([R, A, X, F], State.COMPLETED),
        ([R, A, X, D], State.DECLINED),
        ([R, F, F], State.COMPLETED),
    ],
)
def test_a_conversation_in_order_is_applied_whole(acts: list[Act], state: State) -> None:
    standing = Standing()
    for each in in_turn(*acts):
        assert standing.treat(each).verdict is Verdict.APPLIED, each
        standing = standing.after(each)
    assert standing.state is state


@pytest.mark.parametrize(
    ("before", "now", "verdict", "state"),
    [
        pytest.param([], said(A), Verdict.REFUSED, State.NEW, id="an answer to nothing"),
        pytest.param([said(R, 0), said(F, 9)], said(A, 1), Verdict.LATE, State.COMPLETED, id="accepted after outcome"),
        pytest.param([said(R, 0), said(X, 2)], said(A, 1), Verdict.LATE, State.CANCELLED, id="accepted after cancel"),
        pytest.param([said(R, 0), said(X, 2)], said(B, 3), Verdict.LATE, State.CANCELLED, id="booked after cancel"),
        pytest.param([said(R, 0), said(N, 9)], said(B, 1), Verdict.LATE, State.NO_SHOW, id="booked after its no-show"),
        pytest.param([said(R, 0), said(N, 2)], said(B, 9), Verdict.APPLIED, State.BOOKED, id="booked again"),
        pytest.param([said(R, 0), said(B, 9)], said(N, 2), Verdict.LATE, State.BOOKED, id="no-show of an earlier one"),
        pytest.param([said(R, 0), said(B, 9)], said(B, 2), Verdict.LATE, State.BOOKED, id="an appointment overtaken"),
        pytest.param([said(R, 0), said(D, 2)], said(A, 1), Verdict.LATE, State.DECLINED, id="accepted, then declined"),
        pytest.param([said(R, 0), said(D, 2)], said(A, 3), Verdict.REFUSED, State.DECLINED, id="declined, accepted"),
        pytest.param([said(R, 0), said(F, 2)], said(X, 3), Verdict.REFUSED, State.COMPLETED, id="cancelled too late"),
        pytest.param([said(R, 0), said(F, 2)], said(R, 3), Verdict.REFUSED, State.COMPLETED, id="an id used again"),
        pytest.param([said(R, 0)], said(K, 1), Verdict.REFUSED, State.REQUESTED, id="nobody cancelled"),
        pytest.param([said(R, 0), said(X, 1), said(K, 2)], said(F, 3), Verdict.LATE, State.CANCEL_CONFIRMED, id="seen"),
    ],
)
def test_what_comes_late_or_contradicts(before: list[Said], now: Said, verdict: Verdict, state: State) -> None:
    treated = standing_after(before).treat(now)
    assert (treated.verdict, treated.state) == (verdict, state)
    assert bool(treated.reason) == (verdict is not Verdict.APPLIED)


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        pytest.param([said(R), said(A, 1)], said(A, 1), Verdict.REPEATED, id="the same message"),
        pytest.param([said(R), said(A, 1, "a")], said(A, 2, "a"), Verdict.REPEATED, id="sent again as a new one"),
        pytest.param([said(R), said(A, 1), said(F, 2)], said(A, 1), Verdict.REPEATED, id="sent again much later"),
        pytest.param([said(R), said(B, 1, "x"), said(N, 2)], said(B, 3, "x"), Verdict.APPLIED, id="booked as before"),
        pytest.param([said(X)], said(X), Verdict.REFUSED, id="what was refused was not said"),
        pytest.param([said(X), said(R, 1)], said(X), Verdict.APPLIED, id="routed again when the request has come"),
        pytest.param([said(R), said(M, 1)], said(M, 2), Verdict.APPLIED, id="another note"),
    ],
)
def test_what_is_a_repeat(before: list[Said], now: Said, verdict: Verdict) -> None:
    assert standing_after(before).treat(now).verdict is verdict


def test_a_person_closes_what_is_stuck_and_an_outcome_completes_it_all_the_same() -> None:
    closed = standing_after(in_turn(R, A)).closed()
    assert closed.state is State.CLOSED
    assert closed.treat(said(B, 5)) == Treated(Verdict.LATE, State.CLOSED, "the referral is closed already")
    assert closed.after(said(F, 6)).state is State.COMPLETED
    assert standing_after(in_turn(R, D)).closed().state is State.DECLINED


ANYTHING = st.lists(st.builds(said, st.sampled_from(Act), st.integers(0, 5), st.sampled_from(["", "a", "b"])))


@given(ANYTHING)
def test_any_messages_in_any_order_leave_a_state_of_the_table_and_none_is_lost(came: list[Said]) -> None:
    standing = Standing()
    for each in came:
        treated = standing.treat(each)
        after = standing.after(each)
        assert treated.state is after.state
        if treated.verdict is Verdict.APPLIED:
            assert TABLE[standing.state][each.act].verdict is Verdict.APPLIED
            assert after.state is (TABLE[standing.state][each.act].to or standing.state)
            assert after.last[each.act.side] == each
        else:
            assert treated.reason
            assert after.state is standing.state
        # What is not for a person to look at, and no repeat, has gone on, and is known from then on.
        assert (each in after.known) == (treated.verdict is not Verdict.REFUSED) or treated.verdict is Verdict.REPEATED
        standing = after
    assert (standing.state is State.NEW) == (R not in {each.act for each in came})


@given(ANYTHING, ANYTHING, st.data())
def test_a_repeat_changes_nothing_wherever_it_comes(came: list[Said], more: list[Said], data: st.DataObject) -> None:
    standing = standing_after([said(R), *came])
    again = data.draw(st.sampled_from(sorted(standing.known)))
    assert standing.treat(again).verdict is Verdict.REPEATED
    assert standing.after(again) == standing
    assert standing_after([said(R), *came, again, *more]) == standing_after([said(R), *came, *more])


@given(ANYTHING)
def test_what_is_over_stays_over(came: list[Said]) -> None:
    standing = Standing()
    for each in came:
        after = standing.after(each)
        assert after.state.is_over or not standing.state.is_over
        assert after.state is standing.state or standing.state not in (State.COMPLETED, State.DECLINED)
        standing = after


@st.composite
def conversations(draw: st.DrawFn) -> list[Said]:
    """What two sides say that keep to the table, each message when the one before has come."""
    made = [said(R)]
    standing = standing_after(made)
    for hour in range(1, draw(st.integers(1, 8))):
        allowed = [act for act in Act if TABLE[standing.state][act].verdict is Verdict.APPLIED]
        made.append(said(draw(st.sampled_from(allowed)), hour))
        standing = standing.after(made[-1])
    return made


def comes_after(one: Said, other: Said) -> bool:
    """Whether `one` answers `other`, so that it can never come before that."""
    return other.at < one.at and (other.act is R or (other.act, one.act) == (X, K))


@settings(max_examples=400)
@given(conversations(), st.randoms(use_true_random=False))
def test_out_of_order_comes_to_the_same(conversation: list[Said], chance: random.Random) -> None:
    """Messages overtake each other, but for those that answer one another: the end is that of the right order."""
    left, came = list(conversation), []
    while left:
        free = [each for each in left if not any(comes_after(each, other) for other in left)]
        came.append(chance.choice(free))
        left.remove(came[-1])
    standing = Standing()
    for each in came:
        assert standing.treat(each).verdict is not Verdict.REPEATED
        standing = standing.after(each)
    assert standing.state is standing_after(conversation).state


def test_whose_act_it_is() -> None:
    assert {act for act in Act if act.side is Side.INITIATOR} == {R, C, X, Act.INQUIRE}
