"""What the registry holds, as an operator asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from engine.journal.entry import microseconds, moment
from engine.registry.load import GONE
from engine.registry.reads import read_subscriber
from engine.registry.tables import changes, rosters, subscribers
from transforms.registry import Subscriber


@dataclass(frozen=True, slots=True)
class Held:
    """A roster (`panel/riverside`) or a file of the directory, as it was loaded last."""

    name: str
    entries: int
    loaded: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """All rosters and all subscribers."""

    rosters: list[Held]
    subscribers: list[Subscriber]


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed what in the registry."""

    at: datetime
    who: str
    what: str
    subject: str
    detail: str


def listing(connection: Connection) -> Listing:
    """The rosters and the subscribers, by name."""
    held = connection.execute(select(rosters).where(rosters.c.digest != GONE).order_by(rosters.c.name))
    named = connection.execute(select(subscribers.c.data).order_by(subscribers.c.name)).scalars()
    return Listing(
        [Held(row.name, row.entries, moment(row.loaded)) for row in held],
        [read_subscriber(data) for data in named],
    )


def sources(connection: Connection) -> list[str]:
    """The rosters and files of the directory that are loaded, by name."""
    return list(
        connection.execute(select(rosters.c.name).where(rosters.c.digest != GONE).order_by(rosters.c.name)).scalars()
    )


def changed(since: datetime | None, most: int, connection: Connection) -> list[Change]:
    """Up to `most` changes, the newest first."""
    query = select(changes).order_by(changes.c.seq.desc()).limit(most)
    if since is not None:
        query = query.where(changes.c.at >= microseconds(since))
    rows = connection.execute(query)
    return [Change(moment(row.at), row.who, row.what, row.subject, row.detail or "") for row in rows]
