"""When a delivery is tried again, and when the engine gives it to the operator."""

from datetime import UTC, datetime, timedelta

import pytest

from channels.ends import Outcome, OutcomeCode
from engine.channel import Retry
from engine.journal import Status
from engine.retry import backoff, next_state

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RETRY = Retry(timedelta(seconds=10), timedelta(minutes=2), timedelta(hours=1))


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 120), (6, 120), (10_000, 120)]
)
def test_backoff_doubles_up_to_most(attempts: int, seconds: int) -> None:
    assert backoff(RETRY, attempts, 0.0) == timedelta(seconds=seconds)
    assert timedelta(seconds=seconds * 0.8) <= backoff(RETRY, attempts, 0.999) < timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("code", "status", "is_open"),
    [
        (OutcomeCode.DELIVERED, Status.DELIVERED, False),
        (OutcomeCode.REFUSED, Status.REFUSED, False),
        (OutcomeCode.DEFERRED, Status.DEFERRED, True),
        (OutcomeCode.PENDING, Status.PENDING, True),
    ],
)
def test_what_an_outcome_leads_to(code: OutcomeCode, status: Status, is_open: bool) -> None:
    state = next_state("m", Outcome(code, "why", b"reply"), RETRY, 1, NOW, NOW, timedelta(seconds=10))
    assert (state.status, state.open, state.detail, state.reply) == (status, is_open, "why", b"reply")
    assert state.due == (NOW + timedelta(seconds=10) if is_open else None)


def test_after_give_up_a_delivery_is_failed_and_says_after_how_many_attempts() -> None:
    first = NOW - timedelta(hours=1)
    state = next_state("m", Outcome(OutcomeCode.DEFERRED, "AE"), RETRY, 7, first, NOW, timedelta(seconds=10))
    assert (state.status, state.open, state.due) == (Status.FAILED, False, None)
    assert state.detail == "given up after 7 attempts; the last: AE"


def test_the_last_attempt_is_not_later_than_give_up() -> None:
    first = NOW - timedelta(minutes=59)
    state = next_state("m", Outcome(OutcomeCode.DEFERRED), RETRY, 7, first, NOW, timedelta(minutes=2))
    assert state.due == first + timedelta(hours=1)


@pytest.mark.parametrize(("asked", "waited"), [(5, 10), (60, 60), (7200, 120)])
def test_the_partners_own_wish_is_obeyed_within_the_routes_limit(asked: int, waited: int) -> None:
    outcome = Outcome(OutcomeCode.DEFERRED, "503", retry_after=timedelta(seconds=asked))
    state = next_state("m", outcome, RETRY, 1, NOW, NOW, timedelta(seconds=10))
    assert state.due == NOW + timedelta(seconds=waited)


def test_a_time_of_the_ends_own_is_kept_whatever_the_retries_say() -> None:
    until = NOW + timedelta(days=3)
    outcome = Outcome(OutcomeCode.PENDING, "waits for its notice", until=until)
    state = next_state("m", outcome, RETRY, 1, NOW - timedelta(hours=2), NOW, timedelta(seconds=10))
    assert (state.status, state.open, state.due) == (Status.PENDING, True, until)
