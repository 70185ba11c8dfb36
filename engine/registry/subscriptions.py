"""The site's book of FHIR subscriptions, in the journal's database; see `channels.subscriptions.Book`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Select, delete, func, insert, select, update

from channels.fhir.subscriptions.wanted import wanted_of
from channels.subscriptions import Change, Happened, Practice, Sending, Subscribed, Told
from engine.journal import Journal, JournalError
from engine.journal.entry import SUBSCRIPTION, clean, microseconds, moment
from engine.journal.tables import messages, notices, subscription_events
from engine.journal.waiting import read_message
from engine.registry.reads import read_subscriber
from engine.registry.tables import changes, subscribers, subscriptions
from schemas.ids import Clock, derived_id
from schemas.message import Message
from transforms.registry import RegistryError, Subscriber

T = TypeVar("T")
Refused = Callable[[Message, Message], str]
"""Why a message that was received may not be told of any more to the subscriber of the one that was made of it; ""
where it may. May raise `RegistryError`."""

DELIVERY = "subscription"
"""What a subscriber that subscribes by FHIR has under `delivery`."""
_GONE = Practice("")
_EVER = moment(0)
_TIMES = ("updated", "started", "ends", "due", "failing")
_COUNT = (
    select(func.coalesce(func.max(subscription_events.c.number), 0))
    .where(subscription_events.c.subscription == subscriptions.c.id)
    .scalar_subquery()
)
_WHOLE = select(subscriptions, _COUNT.label("events"), subscribers.c.data).outerjoin(
    subscribers, subscribers.c.name == subscriptions.c.subscriber
)


_EVENT = select(subscription_events, notices.c.kind, notices.c.event).outerjoin(
    notices, notices.c.message == subscription_events.c.message
)


class JournalBook:
    """The book in the database of `journal`; `refused` is asked about each message before its patient is told of."""

    def __init__(self, journal: Journal, clock: Clock, refused: Refused) -> None:
        self._journal = journal
        self._clock = clock
        self._refused = refused

    async def practice(self, client: str) -> Practice | None:
        """The subscriber that the FHIR client of that name subscribes for."""
        return await _asked(self._journal.read(partial(_practice, client)))

    async def add(self, subscribed: Subscribed, most: int) -> bool:
        """Keep a new one, unless its subscriber has `most` already."""
        return await _asked(self._journal.change(partial(_add, subscribed, most, self._clock())))

    async def of(self, subscriber: str) -> list[Told]:
        """All of a subscriber, the oldest first."""
        query = _WHOLE.where(subscriptions.c.subscriber == subscriber).order_by(subscriptions.c.id)
        return await _asked(self._journal.read(partial(_all, query)))

    async def change(self, id: str, change: Change) -> Subscribed | None:
        """Replace the subscription `id` by what `change` makes of it, in a transaction of its own."""
        return await _asked(self._journal.change(partial(_change, id, change, self._clock())))

    async def due(self, until: datetime, most: int) -> list[Told]:
        """Up to `most` that are due, and not due again before `until`."""
        now = microseconds(self._clock())
        query = _WHOLE.where(subscriptions.c.due <= now).order_by(subscriptions.c.due).limit(most)
        if not await _asked(self._journal.read(partial(_all, query.limit(1)))):
            return []
        return await _asked(self._journal.change(partial(_take_due, query, until)))

    async def sending(self, message: str) -> Sending | None:
        """What is to be sent with that message; None where its subscription is no more."""
        found = await _asked(self._journal.read(partial(_sending, message)))
        if found is None:
            return None
        sending, itself, received = found
        return sending._replace(refused=self._why_not(itself, received, sending.told.practice))

    async def latest(self, subscriber: str, focus: str) -> tuple[Told, Happened] | None:
        """The last event of all subscriptions of a subscriber that is about `focus`, as far as it may hear of that."""
        row = await _asked(self._journal.read(partial(_latest, subscriber, focus)))
        if row is None:
            return None
        found = await self.sending(row)
        return None if found is None or found.refused else (found.told, found.event)

    async def events(self, id: str, numbers: range, most: int) -> list[Happened]:
        """Up to `most` events with these numbers; without the body where its subscriber may not hear of it now."""
        rows = await _asked(self._journal.read(partial(_events, id, numbers, most)))
        found = []
        for event, itself, received, practice in rows:
            may = itself is not None and not self._why_not(itself, received, practice)
            found.append(event if may else event._replace(body=b""))
            await asyncio.sleep(0)  # others get their turn: each is a few look-ups
        return found

    def _why_not(self, itself: Message, received: Message | None, practice: Practice) -> str:
        if not practice.name:
            return "its subscriber subscribes by FHIR no more"
        if received is None:
            return "what came in is not in the journal any more"
        try:
            return self._refused(received, itself)
        except RegistryError as error:
            raise OSError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Listed:
    """A subscription as an operator sees it: `waiting` counts the events that are not settled yet, `failures` those in
    a row since `failing`."""

    id: str
    subscriber: str
    status: str
    events: int
    waiting: int
    content: str
    filters: tuple[str, ...]
    endpoint: str
    verified: bool
    started: datetime | None
    ends: datetime | None
    failures: int
    failing: datetime | None
    error: str
    detail: str


def listed(connection: Connection) -> list[Listed]:
    """All subscriptions of the site, the oldest first."""
    opened = (
        select(subscription_events.c.subscription, func.count())
        .join(messages, messages.c.id == subscription_events.c.message)
        .where(messages.c.open)
        .group_by(subscription_events.c.subscription)
    )
    waiting = {row[0]: row[1] for row in connection.execute(opened)}
    found = []
    for told in _all(_WHOLE.order_by(subscriptions.c.id), connection):
        its = told.subscription
        wanted = wanted_of(its)
        found.append(
            Listed(
                *(its.id, its.subscriber, its.status, told.events, waiting.get(its.id, 0), wanted.content, its.filters),
                *(wanted.endpoint, its.verified, its.started, its.ends, its.failures, its.failing),
                *(its.error, its.detail),
            )
        )
    return found


def example(subscriber: Subscriber, now: datetime) -> dict[str, Any]:
    """The row of a subscription to everything, which `subscriber` is taken to have where no engine runs."""
    id = derived_id("0" * 32, subscriber.name)
    return _row(Subscribed(id, subscriber.name, "", "{}", (), now, "active", verified=True, started=_EVER))


def _practice(client: str, connection: Connection) -> Practice | None:
    for (data,) in connection.execute(select(subscribers.c.data).order_by(subscribers.c.name)):
        found = read_subscriber(data)
        if (found.client or found.name) == client and found.delivery == DELIVERY:
            return Practice(found.name, found.address)
    return None


def _add(subscribed: Subscribed, most: int, now: datetime, connection: Connection) -> bool:
    of_it = select(func.count()).where(subscriptions.c.subscriber == subscribed.subscriber)
    if connection.execute(of_it).scalar_one() >= most:
        return False
    connection.execute(insert(subscriptions).values(_row(subscribed)))
    _note(connection, now, subscribed, subscribed.subscriber, "made")
    return True


def _all(query: Select[Any], connection: Connection) -> list[Told]:
    return [_told(row) for row in connection.execute(query)]


def _change(id: str, change: Change, now: datetime, connection: Connection) -> Subscribed | None:
    connection.execute(select(subscriptions.c.id).where(subscriptions.c.id == id).with_for_update())
    row = connection.execute(_WHOLE.where(subscriptions.c.id == id)).first()
    if row is None:
        return None
    told = _told(row)
    before, changed = told.subscription, change(told)
    if changed is None:
        _note(connection, now, before, before.subscriber, "deleted")
        connection.execute(delete(subscriptions).where(subscriptions.c.id == id))
        connection.execute(delete(subscription_events).where(subscription_events.c.subscription == id))
    else:
        if changed.version != before.version:
            _note(connection, now, changed, changed.subscriber, "changed")
        elif changed.status != before.status:
            _note(connection, now, changed, "engine", changed.status)
        connection.execute(update(subscriptions).where(subscriptions.c.id == id).values(_row(changed)))
    return changed


def _note(connection: Connection, now: datetime, its: Subscribed, who: str, what: str) -> None:
    """Have `hie registry changes` say what became of a subscription."""
    row = {"at": microseconds(now), "who": clean(who), "what": f"subscription {what}", "subject": its.subscriber}
    detail = f"{its.id}: {its.detail}" if its.detail else its.id
    connection.execute(insert(changes).values(**row, detail=clean(detail)))


def _take_due(query: Select[Any], until: datetime, connection: Connection) -> list[Told]:
    found = _all(query.with_for_update(skip_locked=True, of=subscriptions), connection)
    later = update(subscriptions).where(subscriptions.c.id.in_([each.subscription.id for each in found]))
    if found:
        connection.execute(later.values(due=microseconds(until)))
    return found


def _sending(id: str, connection: Connection) -> tuple[Sending, Message, Message | None] | None:
    itself = read_message(connection, id)
    if itself is None:
        return None
    event = connection.execute(_EVENT.where(subscription_events.c.message == id)).first()
    row = connection.execute(_WHOLE.where(subscriptions.c.id == itself.attributes.get(SUBSCRIPTION, ""))).first()
    if event is None or row is None:
        return None
    happened = Happened(event.number, moment(event.at), id, event.kind or "", event.event or "", itself.body)
    return Sending(_told(row), happened), itself, _received(itself, connection)


def _latest(subscriber: str, focus: str, connection: Connection) -> str | None:
    its = subscription_events.c
    query = (
        select(its.message)
        .join(subscriptions, subscriptions.c.id == its.subscription)
        .where(its.focus == focus, subscriptions.c.subscriber == subscriber)
        .order_by(its.at.desc(), its.message.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()


def _events(
    id: str, numbers: range, most: int, connection: Connection
) -> list[tuple[Happened, Message | None, Message | None, Practice]]:
    row = connection.execute(_WHOLE.where(subscriptions.c.id == id)).first()
    if row is None:
        return []
    practice = _told(row).practice
    query = (
        _EVENT.where(
            subscription_events.c.subscription == id,
            subscription_events.c.number >= numbers.start,
            subscription_events.c.number < numbers.stop,
        )
        .order_by(subscription_events.c.number)
        .limit(most)
    )
    found = []
    for event in connection.execute(query).all():
        itself = read_message(connection, event.message)
        body = b"" if itself is None else itself.body
        happened = Happened(event.number, moment(event.at), event.message, event.kind or "", event.event or "", body)
        found.append((happened, itself, None if itself is None else _received(itself, connection), practice))
    return found


def _received(message: Message, connection: Connection) -> Message | None:
    return None if message.parent is None else read_message(connection, message.parent)


def _told(row: Any) -> Told:
    given = {name: getattr(row, name) for name in _row_names()}
    given |= {name: None if given[name] is None else moment(given[name]) for name in _TIMES}
    given["filters"] = tuple(orjson.loads(row.filters))
    subscriber = None if row.data is None else read_subscriber(row.data)
    serves = subscriber is not None and subscriber.delivery == DELIVERY
    practice = Practice(subscriber.name, subscriber.address) if subscriber is not None and serves else _GONE
    return Told(Subscribed(**given), practice, row.events)


def _row_names() -> tuple[str, ...]:
    return tuple(column.name for column in subscriptions.c)


def _row(subscribed: Subscribed) -> dict[str, Any]:
    row = {name: getattr(subscribed, name) for name in _row_names()}
    row |= {name: None if row[name] is None else microseconds(row[name]) for name in _TIMES}
    row |= {name: clean(row[name]) for name in ("resource", "error", "detail", "base")}
    return {**row, "filters": orjson.dumps(subscribed.filters).decode()}


async def _asked(work: Awaitable[T]) -> T:
    try:
        return await work
    except JournalError as error:
        raise OSError(error.reason) from None
