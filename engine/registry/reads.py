"""The registry as steps read it, from the database, at once: each answer is a few look-ups by index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any, NamedTuple

import orjson
from pydantic import TypeAdapter
from sqlalchemy import (
    Boolean,
    CompoundSelect,
    Engine,
    Select,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from engine.journal.database import is_operational
from engine.journal.entry import key_text, microseconds, moment
from engine.journal.tables import Status, messages, notices, referral_acts
from engine.registry.persons import from_text
from engine.registry.tables import links, member_keys, members, provider_terms, providers, subscribers, subscriptions
from engine.registry.threads import NOTED, noted_of_row, referral_of_key
from schemas.fhir.topic import read_filter
from schemas.ids import Clock, utc_now
from transforms.matching import Person, blocking, normal
from transforms.refer.facts import identifier_text, line_of
from transforms.refer.referral import Identifier
from transforms.refer.thread import MOST_SAID, Thread
from transforms.registry import Membership, Provider, RegistryError, Subscriber, Subscription, Told

PANEL, OPT_OUT = "panel/", "optout/"
_MOST_OF_A_KEY = 300
"""Members under one key: more share a placeholder and not a person, and each real one has other keys."""

_KEYS_AT_ONCE = 16
"""Keys in one statement: a patient has some seven."""

_SUBSCRIBER = TypeAdapter(Subscriber)
_PROVIDER = TypeAdapter(Provider)
_THEN = (
    members.c.roster >= bindparam("kind"),
    members.c.roster < bindparam("end"),
    members.c.since.is_(None) | (members.c.since <= bindparam("since")),
    members.c.until.is_(None) | (members.c.until > bindparam("until")),
)
_SUBSCRIPTIONS = (
    select(subscriptions.c.id, subscriptions.c.filters)
    .where(
        subscriptions.c.subscriber == bindparam("subscriber"),
        subscriptions.c.status != "off",
        subscriptions.c.started <= bindparam("at"),
        subscriptions.c.ends.is_(None) | (subscriptions.c.ends > bindparam("at")),
    )
    .order_by(subscriptions.c.id)
)
_TOLD = (
    select(
        *(notices.c.received_as, notices.c.kind, notices.c.event, notices.c.digest, notices.c.at),
        func.coalesce(messages.c.status, notices.c.outcome),
    )
    .select_from(notices.outerjoin(messages, messages.c.id == func.coalesce(notices.c.told_in, notices.c.message)))
    .where(
        notices.c.subscriber == bindparam("subscriber"),
        notices.c.key == bindparam("key"),
        notices.c.received_as != bindparam("received_as"),
    )
    .order_by(notices.c.at, notices.c.message)
)
_LOST = (Status.REFUSED.value, Status.FAILED.value)
_OF_NPI = select(providers.c.data).where(providers.c.npi == bindparam("npi"))
_REFERRAL = (
    select(*(referral_acts.c[name] for name in NOTED))
    .where(
        referral_acts.c.referral == bindparam("referral"),
        referral_acts.c.received_as != bindparam("received_as"),
    )
    .order_by(referral_acts.c.seq)
    .limit(MOST_SAID)
)
_MOST_THREADS = 100


class _Subscribers(NamedTuple):
    """Every subscriber, by its panel and by its NPI."""

    of_panel: dict[str, list[Subscriber]]
    of_npi: dict[str, list[Subscriber]]


class DatabaseRegistry:
    """The registry in the database behind `engine`. Calls raise `RegistryError` where it does not answer.

    For the one thread that routes: the look-ups of a message are put to the driver itself, on one connection, since
    SQLAlchemy would take longer than the database.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self._engine = engine
        self._clock = clock
        self._connection: PoolProxiedConnection | None = None
        self._subscribers: _Subscribers | None = None
        self._of_shape: dict[tuple[int, int], _Prepared] = {}
        self._told = _Prepared(_TOLD, engine)
        self._of_npi = _Prepared(_OF_NPI, engine)
        self._referral = _Prepared(_REFERRAL, engine)
        self._of_subscriber = _Prepared(_SUBSCRIPTIONS, engine)

    def subscribers(self, panel: str) -> Sequence[Subscriber]:
        """Who is told about the members of `panel`."""
        return self._known().of_panel.get(panel, ())

    def subscribed(self, npi: str) -> Sequence[Subscriber]:
        """The subscribers that have this NPI."""
        return self._known().of_npi.get(npi, ()) if npi else ()

    def members(self, person: Person, on: date) -> Sequence[Membership]:
        """Who of all panels, on that day, might be `person`."""
        return self._sharing_a_key(person, on, on, PANEL)

    def opted_out(self, person: Person, on: date) -> Sequence[Membership]:
        """Who of those that want nothing told, on that day or since, might be `person`."""
        return self._sharing_a_key(person, max(on, self._clock().date()), on, OPT_OUT)

    def provider(self, npi: str) -> Provider | None:
        """The directory's entry for an NPI."""
        rows = self._look_up(self._of_npi, {"npi": npi})
        return _PROVIDER.validate_json(rows[0][0]) if rows else None

    def providers(self, specialty: str = "", place: str = "", name: str = "") -> Sequence[Provider]:
        """Entries by specialty, city or postal code, and name; none where no term says anything."""
        query = select(providers.c.data).order_by(providers.c.npi)
        terms = [
            *(f"s|{word}" for word in normal.words(specialty)),
            *(f"p|{word}" for word in normal.words(place)),
            *(f"n|{word}" for word in normal.words(name)),
        ]
        if not terms:
            return ()
        for term in terms:
            query = query.where(providers.c.npi.in_(select(provider_terms.c.npi).where(provider_terms.c.term == term)))
        return [_PROVIDER.validate_json(data) for (data,) in self._all(query.limit(100))]

    def told(self, subscriber: str, key: str, message: str) -> Sequence[Told]:
        """What `subscriber` was told under `key` by other received messages than `message`, the earliest first."""
        given = {"subscriber": subscriber, "key": key, "received_as": message}
        rows = self._look_up(self._told, given)
        return [Told(row[0], row[1], row[2], row[3], moment(row[4]), row[5] in _LOST) for row in rows]

    def _known(self) -> _Subscribers:
        if self._subscribers is None:
            found = _Subscribers({}, {})
            for (data,) in self._all(select(subscribers.c.data).order_by(subscribers.c.name)):
                subscriber = read_subscriber(data)
                found.of_panel.setdefault(subscriber.panel or subscriber.name, []).append(subscriber)
                found.of_npi.setdefault(subscriber.npi, []).append(subscriber)
            self._subscribers = found
        return self._subscribers

    def referral(self, referral: Identifier, message: str) -> Thread:
        """What was said in that referral by other received messages than `message`."""
        given = {"referral": key_text(identifier_text(referral)), "received_as": message}
        found = map(noted_of_row, self._look_up(self._referral, given))
        return Thread(referral, tuple(each for each in found if each is not None))

    def referral_of(self, delivery: str) -> Thread | None:
        """The thread of which the delivery with that message id is part."""
        rows = self._all(select(referral_acts.c.referral).where(referral_acts.c.message == delivery))
        return self.referral(referral_of_key(rows[0].referral), "") if rows else None

    def referrals_about(self, patient: Identifier, address: str) -> Sequence[Thread]:
        """The threads about that patient in which `address` is a party; the newest first."""
        of_patient = referral_acts.c.patient == key_text(line_of(patient))
        query = select(referral_acts.c.referral).where(of_patient).group_by(referral_acts.c.referral)
        newest = query.order_by(func.max(referral_acts.c.seq).desc()).limit(_MOST_THREADS)
        threads = [self.referral(referral_of_key(key), "") for (key,) in self._all(newest)]
        return [thread for thread in threads if thread.is_party(address)]

    def subscriptions(self, subscriber: str, at: datetime) -> Sequence[Subscription]:
        """The FHIR subscriptions of `subscriber` that are told of what happens `at` that time."""
        rows = self._look_up(self._of_subscriber, {"subscriber": subscriber, "at": microseconds(at)})
        return [Subscription(row[0], tuple(map(read_filter, orjson.loads(row[1])))) for row in rows]

    def _sharing_a_key(self, person: Person, since: date, until: date, kind: str) -> list[Membership]:
        """Who might be `person` of the rosters of that kind: members `since` that day at the latest, and not ended by
        the day `until`."""
        rows = self._rows_sharing(
            sorted(blocking.keys(person)),
            sorted(person.identifiers),
            {"since": _number(since), "until": _number(until), "kind": kind, "end": f"{kind}\x7f"},
        )
        if not rows:
            return []
        found: dict[int, Membership] = {}
        decided: dict[int, set[bool]] = {}
        for _, seq, roster, member, text, same in rows:
            if seq not in found:
                found[seq] = Membership(roster.removeprefix(kind), member, from_text(text))
            if same is not None:
                decided.setdefault(seq, set()).add(bool(same))
        for seq, said in decided.items():
            # Two decisions that contradict each other, about two numbers of one patient, are none.
            found[seq] = found[seq]._replace(same=said.pop() if len(said) == 1 else None)
        return list(found.values())

    def _rows_sharing(
        self, keys: Sequence[int], identifiers: Sequence[tuple[str, str]], which: Mapping[str, object]
    ) -> list[Any]:
        """The rows of `_sharing`, some keys at a time where a message gives its patient very many."""
        rows: list[Any] = []
        for first in range(0, max(len(keys), len(identifiers)), _KEYS_AT_ONCE):
            some, others = keys[first : first + _KEYS_AT_ONCE], identifiers[first : first + _KEYS_AT_ONCE]
            given = dict(which)
            given.update((f"key_{n}", key) for n, key in enumerate(some))
            given.update((f"identifier_{n}", link_text(*pair)) for n, pair in enumerate(others))
            shape = (len(some), len(others))
            query = self._of_shape.get(shape)
            if query is None:
                query = self._of_shape[shape] = _Prepared(_sharing(*shape), self._engine)
            found = self._look_up(query, given)
            if len(found) > _MOST_OF_A_KEY:
                counts = Counter(row[0] for row in found)
                found = [row for row in found if counts[row[0]] <= _MOST_OF_A_KEY]
            rows += found
        return rows

    def _look_up(self, query: _Prepared, given: Mapping[str, object]) -> Sequence[Any]:
        try:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
                if self._engine.dialect.name == "postgresql":
                    self._connection.driver_connection.autocommit = True  # type: ignore[union-attr]
            cursor = self._connection.cursor()
            try:
                cursor.execute(query.text, query.arguments(given))
                return cursor.fetchall()
            finally:
                cursor.close()
        except Exception as error:
            if not is_operational(error) and not isinstance(error, SQLAlchemyError):
                raise
            if self._connection is not None:
                self._connection.invalidate()
                self._connection = None
            raise RegistryError(f"the registry cannot be read ({type(error).__name__})") from None

    def _all(self, query: Any) -> Sequence[Any]:
        rows: list[Any] = []
        self._ask(lambda connection: rows.extend(connection.execute(query)))
        return rows

    def _ask(self, question: Any) -> None:
        try:
            with self._engine.connect() as connection:
                question(connection)
        except SQLAlchemyError as error:
            raise RegistryError(f"the registry cannot be read ({type(error).__name__})") from None


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _sharing(keys: int, identifiers: int) -> CompoundSelect[Any]:
    """Who is filed under one of so many keys, or was linked to one of so many identifiers, by a number for each: in one
    statement, since each costs more than what it looks up."""
    member = (members.c.seq, members.c.roster, members.c.member, members.c.person)
    parts = [
        select(literal_column(str(n)).label("place"), *member, cast(null(), Boolean).label("same"))
        .join(member_keys, member_keys.c.member == members.c.seq)
        .where(member_keys.c.key == bindparam(f"key_{n}"), *_THEN)
        .limit(literal_column(str(_MOST_OF_A_KEY + 1)))
        for n in range(keys)
    ]
    parts += [
        select(literal_column(str(keys + n)).label("place"), *member, links.c.same)
        .join(links, (links.c.roster == members.c.roster) & (links.c.member == members.c.member))
        .where(links.c.identifier == bindparam(f"identifier_{n}"), *_THEN)
        .limit(literal_column(str(_MOST_OF_A_KEY)))
        for n in range(identifiers)
    ]
    return union_all(*(select(part.subquery()) for part in parts))


class _Prepared:
    """A query as its text for the driver, and the order in which that takes its arguments."""

    def __init__(self, query: Select[Any] | CompoundSelect[Any], engine: Engine) -> None:
        compiled = query.compile(dialect=engine.dialect)
        self.text = str(compiled)
        names = compiled.positiontup or []
        # Of one name the getter gives the value itself, and of several a tuple.
        self._in_order = itemgetter(*names) if len(names) > 1 else lambda given: tuple(given[name] for name in names)
        self._constants = compiled.params

    def arguments(self, given: Mapping[str, object]) -> tuple[object, ...]:
        """The arguments in the order of the text."""
        return self._in_order({**self._constants, **given})


def link_text(system: str, value: str) -> str:
    """A patient's identifier as a person's decision is kept under it."""
    return f"{system}|{value}"


def subscriber_text(subscriber: Subscriber) -> str:
    """`subscriber` as the registry keeps it."""
    return _SUBSCRIBER.dump_json(subscriber, exclude_defaults=True).decode()


def read_subscriber(text: str) -> Subscriber:
    """The subscriber that `subscriber_text` wrote."""
    return _SUBSCRIBER.validate_json(text)


def provider_text(provider: Provider) -> str:
    """`provider` as the registry keeps it."""
    plain = replace(provider, endpoints=dict(provider.endpoints))
    return orjson.dumps(_PROVIDER.dump_python(plain, exclude_defaults=True, mode="json")).decode()


def read_provider(text: str) -> Provider:
    """The provider that `provider_text` wrote."""
    return _PROVIDER.validate_json(text)


def terms_of(provider: Provider) -> set[str]:
    """Under which terms `provider` is found."""
    return {
        *(f"s|{word}" for specialty in provider.specialties for word in normal.words(specialty)),
        *(f"p|{word}" for place in (provider.city, provider.postal_code[:5]) for word in normal.words(place)),
        *(f"n|{word}" for word in normal.words(provider.name)),
    }
