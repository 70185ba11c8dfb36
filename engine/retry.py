"""What an outcome leads to: settled, or due again at a time. Pure; the clock and chance are passed in."""

from __future__ import annotations

from datetime import datetime, timedelta

from channels.ends import Outcome, OutcomeCode
from engine.channel import Retry
from engine.journal import State, Status

_SETTLED = {OutcomeCode.DELIVERED: Status.DELIVERED, OutcomeCode.REFUSED: Status.REFUSED}


def backoff(retry: Retry, attempts: int, chance: float) -> timedelta:
    """How long to wait after `attempts` attempts: `first`, doubled each time up to `most`.

    `chance` in [0, 1) takes off up to a fifth: it spreads the retries of many messages that failed at one moment.
    """
    doubled = retry.first * 2 ** min(attempts - 1, 30) if attempts > 0 else retry.first
    return min(doubled, retry.most) * (1 - chance / 5)


def next_state(
    id: str, outcome: Outcome, retry: Retry, attempts: int, first_attempt: datetime, now: datetime, wait: timedelta
) -> State:
    """The state after attempt number `attempts` of message `id` ended at `now` with `outcome`.

    `wait` is the `backoff` until another attempt, should there be one; the partner's own wish may lengthen it. What is
    pending until a time of the end's own has that, and is given up by the end alone.
    """
    settled = _SETTLED.get(outcome.code)
    if settled is not None:
        return State(id, settled, False, now, None, attempts, first_attempt, outcome.detail, outcome.reply)
    if outcome.code is OutcomeCode.PENDING and outcome.until is not None:
        return State(
            id, Status.PENDING, True, now, outcome.until, attempts, first_attempt, outcome.detail, outcome.reply
        )
    if now - first_attempt >= retry.give_up_after:
        detail = f"given up after {attempts} attempts; the last: {outcome.detail or outcome.code.value}"
        return State(id, Status.FAILED, False, now, None, attempts, first_attempt, detail, outcome.reply)
    if outcome.retry_after is not None:
        wait = max(wait, min(outcome.retry_after, retry.most))
    due = min(now + wait, first_attempt + retry.give_up_after)
    status = Status.PENDING if outcome.code is OutcomeCode.PENDING else Status.DEFERRED
    return State(id, status, True, now, due, attempts, first_attempt, outcome.detail, outcome.reply)
