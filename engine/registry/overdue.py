"""What of a referral should have happened by now, by the site's own terms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.config.settings import Referrals
from engine.journal.tables import Status
from engine.registry.referral import Event, Overdue, Referral
from transforms.refer.state import State, Verdict

_UNDER_WAY = (Status.QUEUED.value, Status.PENDING.value, Status.DEFERRED.value)
_ON_A_LIST = "worklist"


def overdue(referral: Referral, terms: Referrals, now: datetime) -> tuple[Overdue, ...]:
    """What is overdue in `referral` at `now`: what a side owes by where it stands, then what did not arrive."""
    return (*_owed(referral, terms, now), *_missing(referral, terms.delivery, now))


def _owed(referral: Referral, terms: Referrals, now: datetime) -> Iterator[Overdue]:
    since = referral.since
    match referral.state:
        case State.REQUESTED:
            rule, term, what = "answer", terms.answer, "the request has no answer"
        case State.ACCEPTED:
            rule, term, what = "booking", terms.booking, "it is accepted, and no appointment is booked"
        case State.BOOKED:
            rule, term, what = "report", terms.report, "the appointment is over, and no outcome has come"
            since = referral.appointment or since
        case State.NO_SHOW:
            rule, term, what = "no_show", terms.no_show, "the patient did not come, and nothing has come since"
        case State.CANCELLED:
            rule, term, what = "confirm", terms.confirm, "it is cancelled, and that is not confirmed"
        case _:
            return
    if now - since >= term:
        yield Overdue(rule, since, what)


def _missing(referral: Referral, term: timedelta, now: datetime) -> Iterator[Overdue]:
    for event in referral.events:
        if event.verdict not in (Verdict.APPLIED.value, Verdict.LATE.value):
            continue
        for what in _not_arrived(event, now - event.received >= term):
            yield Overdue("delivery", event.received, f"{event.act}: {what}")


def _not_arrived(event: Event, is_late: bool) -> Iterator[str]:
    """What did not arrive of the deliveries of one message; one that was made again counts by its best."""
    routes = dict.fromkeys(each.route for each in event.deliveries)
    for route in routes:
        ours = [each for each in event.deliveries if each.route == route]
        if any(each.outcome == Status.DELIVERED.value for each in ours):
            continue
        last = ours[-1]
        if last.outcome not in _UNDER_WAY:
            yield f"it was not delivered on {route} ({last.outcome})"
        elif is_late and last.end == _ON_A_LIST:
            yield f"it waits for a person on {route}"
        elif is_late and last.outcome == Status.PENDING.value:
            yield f"no receipt has come on {route} (MDN)" if last.end == "direct" else f"no receipt has come on {route}"
        elif is_late:
            yield f"it is not delivered yet on {route} ({last.outcome})"
