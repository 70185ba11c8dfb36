"""All that the registry knows of one roster, subscriber or provider, as an operator asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from engine.journal.entry import moment
from engine.journal.tables import notices
from engine.registry.listing import Change
from engine.registry.load import GONE
from engine.registry.persons import from_text
from engine.registry.reads import OPT_OUT, PANEL, read_provider, read_subscriber
from engine.registry.tables import changes, links, members, providers, rosters, subscribers
from transforms.matching import Person
from transforms.registry import Provider, Subscriber

_CHANGES = 10


@dataclass(frozen=True, slots=True)
class Roster:
    """A roster or a file of the directory: how many entries its file has, when it was loaded last, and how many are
    members (or providers) today, were once, and will be."""

    name: str
    entries: int
    loaded: datetime
    members: int
    former: int
    coming: int
    subscribers: list[str]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscriber, how many notices it had and when the latest came in."""

    subscriber: Subscriber
    notices: int
    latest: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A provider, and the file that has it."""

    provider: Provider
    source: str
    subscribers: list[str]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One entry of a member: its days, as 20261125, and who was said to be it or not (`system|value`)."""

    roster: str
    member: str
    person: Person
    since: int | None
    until: int | None
    same: list[str]
    different: list[str]


@dataclass(frozen=True, slots=True)
class About:
    """What goes by one name."""

    rosters: list[Roster] = field(default_factory=list)
    subscribers: list[Subscribed] = field(default_factory=list)
    providers: list[Listed] = field(default_factory=list)
    members: list[Enrolled] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing goes by the name."""
        return not (self.rosters or self.subscribers or self.providers)


def about(name: str, member: str, now: datetime, connection: Connection) -> About:
    """What the registry knows of `name`: a roster (`panel/riverside` or `riverside`), a subscriber, an NPI, or a file
    of the directory. Of members only the one with the id `member` is given, where one is asked for."""
    told = [each for each in _subscribers(connection) if name in (each.name, each.npi)]
    names = {name, f"{PANEL}{name}", f"{OPT_OUT}{name}", *(f"{PANEL}{each.panel or each.name}" for each in told)}
    held = connection.execute(select(rosters).where(rosters.c.name.in_(names), rosters.c.digest != GONE)).all()
    found = [_roster(row, now, connection) for row in held]
    directory = select(providers.c.data, providers.c.source).where(providers.c.npi == name)
    listed = [_listed(row.data, row.source, connection) for row in connection.execute(directory)]
    return About(
        found,
        [_subscribed(each, connection) for each in told],
        listed,
        [each for roster in found for each in _members(roster.name, member, connection)] if member else [],
        _changes({*names, *(each.source for each in listed)}, connection),
    )


def _subscribers(connection: Connection) -> list[Subscriber]:
    query = select(subscribers.c.data).order_by(subscribers.c.name)
    return [read_subscriber(data) for data in connection.execute(query).scalars()]


def _roster(row: Any, now: datetime, connection: Connection) -> Roster:
    name: str = row.name
    if not name.startswith((PANEL, OPT_OUT)):
        count = select(func.count()).where(providers.c.source == name)
        return Roster(name, row.entries, moment(row.loaded), connection.execute(count).scalar_one(), 0, 0, [])
    today = int(f"{now.astimezone(UTC):%Y%m%d}")
    is_former = members.c.until <= today
    is_coming = members.c.since > today
    query = select(
        func.count(),
        func.count().filter(is_former),
        func.count().filter(is_coming, members.c.until.is_(None) | (members.c.until > today)),
    ).where(members.c.roster == name)
    every, former, coming = connection.execute(query).one()
    whose = [each.name for each in _subscribers(connection) if name == f"{PANEL}{each.panel or each.name}"]
    return Roster(name, row.entries, moment(row.loaded), every - former - coming, former, coming, whose)


def _subscribed(subscriber: Subscriber, connection: Connection) -> Subscribed:
    query = select(func.count(), func.max(notices.c.at)).where(notices.c.subscriber == subscriber.name)
    count, latest = connection.execute(query).one()
    return Subscribed(subscriber, count, None if latest is None else moment(latest))


def _listed(data: str, source: str, connection: Connection) -> Listed:
    provider = read_provider(data)
    return Listed(provider, source, [each.name for each in _subscribers(connection) if each.npi == provider.npi])


def _members(roster: str, member: str, connection: Connection) -> list[Enrolled]:
    decided: dict[bool, list[str]] = {True: [], False: []}
    of_member = (links.c.roster == roster) & (links.c.member == member)
    for row in connection.execute(select(links.c.identifier, links.c.same).where(of_member)):
        decided[bool(row.same)].append(row.identifier)
    rows = connection.execute(
        select(members).where(members.c.roster == roster, members.c.member == member).order_by(members.c.seq)
    )
    return [
        Enrolled(roster, member, from_text(row.person), row.since, row.until, decided[True], decided[False])
        for row in rows
    ]


def _changes(subjects: set[str], connection: Connection) -> list[Change]:
    query = select(changes).where(changes.c.subject.in_(subjects)).order_by(changes.c.seq.desc()).limit(_CHANGES)
    return [
        Change(moment(row.at), row.who, row.what, row.subject, row.detail or "") for row in connection.execute(query)
    ]
