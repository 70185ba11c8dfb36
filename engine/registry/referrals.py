"""The referrals that the registry knows: found, shown whole, closed by a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, func, insert, or_, select

from engine.config.settings import Referrals
from engine.journal import Journal
from engine.journal.entry import clean, key_text, microseconds, moment
from engine.journal.tables import Status, messages, referral_acts
from engine.registry.overdue import overdue
from engine.registry.referral import Delivery, Event, Referral, SideShown
from engine.registry.tables import changes
from engine.registry.threads import CLOSED, NOTED, noted_of_row, referral_of_key
from schemas.ids import new_id
from transforms.refer.facts import identifier_text
from transforms.refer.referral import Act, Identifier, Side
from transforms.refer.state import State, Verdict
from transforms.refer.thread import Thread

_AT_ONCE = 200
UNKNOWN = "unknown"
"""The outcome of a delivery whose message is gone without one."""

_acts = referral_acts.c
_OVER = tuple(state.value for state in State if state.is_over)
_GOES_ON = (Verdict.APPLIED.value, Verdict.LATE.value)
_OUTCOME = func.coalesce(messages.c.status, _acts.outcome)


class ReferralError(Exception):
    """No referral, or more than one, is meant, or it cannot be closed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which referrals are meant: those that are not over unless `all` or a `state` is said; of a `patient`, by the id
    alone or as `system|value`; only what is `overdue`, which may be over."""

    all: bool = False
    state: str = ""
    patient: str = ""
    overdue: bool = False
    most: int = 50


async def found(journal: Journal, asked: Asked, terms: Referrals, now: datetime) -> list[Referral]:
    """The referrals that are meant, the one of which something came last first; raises `JournalError`."""
    keys = await journal.read(partial(_keys, asked))
    listed: list[Referral] = []
    for some in (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)):
        made = await journal.read(partial(_all, some))
        for referral in map(made.__getitem__, some):
            due = overdue(referral, terms, now)
            if _is_meant(asked, referral, bool(due)):
                listed.append(replace(referral, overdue=due))
            if len(listed) == asked.most:
                return listed
    return listed


async def shown(journal: Journal, written: str, terms: Referrals, now: datetime) -> Referral:
    """The referral with that id (`id`, or `authority|id`); raises `ReferralError`, `JournalError`."""
    referral = await journal.read(partial(_one, written))
    return replace(referral, overdue=overdue(referral, terms, now))


async def close(journal: Journal, written: str, who: str, why: str, now: datetime) -> Referral:
    """Have the referral be closed, with who did it and why in its thread and in the registry's changes. Raises
    `ReferralError`, `JournalError`."""
    return await journal.change(partial(_close, written, who, why, now))


def _is_meant(asked: Asked, referral: Referral, is_overdue: bool) -> bool:
    """Whether it is meant by where it stands: where two engines worked on it at once, that is not as it was noted."""
    if asked.overdue and not is_overdue:
        return False
    if asked.state:
        return referral.state == asked.state
    return asked.all or asked.overdue or not State(referral.state).is_over


def _keys(asked: Asked, connection: Connection) -> Sequence[str]:
    """The referrals that may be meant, the one of which something came last first."""
    last = select(_acts.referral, func.max(_acts.seq).label("seq")).group_by(_acts.referral).subquery()
    query = select(_acts.referral).join(last, last.c.seq == _acts.seq).order_by(_acts.seq.desc())
    return connection.execute(query.where(*_meant(asked, last))).scalars().all()


def _all(keys: Sequence[str], connection: Connection) -> dict[str, Referral]:
    return dict(_referrals(connection, keys))


def _meant(asked: Asked, last: Subquery) -> Iterator[ColumnElement[bool]]:
    if asked.state:
        yield _acts.state == asked.state
    elif asked.overdue:
        yield or_(_acts.state.not_in(_OVER), last.c.referral.in_(_undelivered()))
    elif not asked.all:
        yield _acts.state.not_in(_OVER)
    if asked.patient:
        of_patient = select(_acts.referral).where(_ends_in(_acts.patient, asked.patient))
        yield last.c.referral.in_(of_patient)


def _undelivered() -> Select[Any]:
    """The referrals of which some message has not arrived."""
    joined = referral_acts.outerjoin(messages, messages.c.id == _acts.message)
    of_a_message = (_acts.verdict.in_(_GOES_ON), _acts.act != CLOSED)
    return (
        select(_acts.referral)
        .select_from(joined)
        .where(*of_a_message, _OUTCOME.is_distinct_from(Status.DELIVERED.value))
    )


def _ends_in(column: ColumnElement[str], written: str) -> ColumnElement[bool]:
    """Whether an identifier (`system|value`) is the one that is `written`, with or without its system."""
    key = key_text(written)
    return or_(column == key, column.endswith(f"|{key}", autoescape=True))


def _one(written: str, connection: Connection) -> Referral:
    keys = select(_acts.referral).distinct().limit(20)
    found = connection.execute(keys.where(_acts.referral == key_text(written))).scalars().all()
    found = found or connection.execute(keys.where(_ends_in(_acts.referral, written))).scalars().all()
    if not found:
        raise ReferralError(f"no referral has the id {written}; `hie referrals list --all` has them")
    if len(found) > 1:
        raise ReferralError(f"several referrals have the id {written}: name one as {' or '.join(sorted(found))}")
    return next(referral for _, referral in _referrals(connection, found))


def _close(written: str, who: str, why: str, now: datetime, connection: Connection) -> Referral:
    referral = _one(written, connection)
    if State(referral.state).is_over:
        raise ReferralError(f"the referral is {referral.state} already: there is nothing to close")
    id, at, key = new_id(now), microseconds(now), identifier_text(Identifier(referral.id, referral.authority))
    nothing = ("control_id", "form", "sender", "to_form", "to_address", "patients", "filler", "npi", "digest")
    row = {"message": id, "received_as": id, "at": at, "queue": "", "referral": key, "act": CLOSED, "written": at}
    row |= {"verdict": Verdict.APPLIED.value, "state": State.CLOSED.value, "reason": clean(why), "party": clean(who)}
    row |= {"patient": key_text(referral.initiator.patient)}
    connection.execute(insert(referral_acts).values(**dict.fromkeys(nothing, ""), **row))
    change = {"at": at, "who": clean(who), "what": "referral close", "subject": key, "detail": clean(why)}
    connection.execute(insert(changes).values(**change))
    return _one(key, connection)


def _referrals(connection: Connection, keys: Sequence[str]) -> Iterator[tuple[str, Referral]]:
    """The referrals with these keys."""
    outcome = (_OUTCOME, func.coalesce(messages.c.settled, _acts.outcome_at))
    detail = func.coalesce(messages.c.detail, _acts.detail)
    query = (
        select(referral_acts, *(each.label(f"now_{n}") for n, each in enumerate((*outcome, detail))))
        .select_from(referral_acts.outerjoin(messages, messages.c.id == _acts.message))
        .where(_acts.referral.in_(keys))
        .order_by(_acts.referral, _acts.seq)
    )
    for key, rows in groupby(connection.execute(query), key=lambda row: str(row.referral)):
        yield key, _referral(key, list(rows))


def _referral(key: str, rows: Sequence[Any]) -> Referral:
    id, authority = referral = referral_of_key(key)
    said = (noted_of_row([getattr(row, name) for name in NOTED]) for row in rows)
    thread = Thread(referral, tuple(each for each in said if each is not None))
    events = tuple(_events(rows))
    state = thread.state
    return Referral(
        id,
        authority,
        state.value,
        _since(events),
        _side(thread, Side.INITIATOR),
        _side(thread, Side.RECIPIENT),
        identifier_text(thread.filler) if thread.filler is not None else "",
        thread.appointment,
        events,
    )


def _since(events: Sequence[Event]) -> datetime:
    """When the message came by which the referral stands where it does."""
    since, state = events[0].received, ""
    for each in events:
        if each.verdict == Verdict.APPLIED and each.state != state:
            since, state = each.received, each.state
    return since


def _side(thread: Thread, side: Side) -> SideShown:
    patient, contact = thread.patient(side), thread.contact(side)
    return SideShown(thread.party(side), *contact, identifier_text(patient) if patient is not None else "")


def _events(rows: Iterable[Any]) -> Iterator[Event]:
    """What was said, each with the deliveries that were made of it."""
    made: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        made.setdefault((row.received_as, row.act, row.digest, row.verdict), []).append(row)
    for group in made.values():
        row = group[0]
        yield Event(
            received=moment(row.at),
            written=moment(row.written),
            act=row.act,
            side=Act(row.act).side.value if row.act in set(Act) else "",
            verdict=row.verdict,
            state=row.state,
            reason=row.reason,
            party=row.party,
            form=row.form,
            sender=row.sender,
            control_id=row.control_id,
            message=row.received_as,
            deliveries=() if row.act == CLOSED else tuple(map(_delivery, group)),
        )


def _delivery(row: Any) -> Delivery:
    since = row.now_1
    return Delivery(
        message=row.message,
        route=row.queue,
        end=row.end or "",
        form=row.to_form,
        address=row.to_address,
        outcome=row.now_0 or UNKNOWN,
        outcome_at=None if since is None else moment(since),
        detail=row.now_2 or "",
    )
