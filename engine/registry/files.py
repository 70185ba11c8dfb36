"""The registry that a site's files describe: rosters in `panels/`, the rest in `registry/`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, create_engine, delete, insert
from sqlalchemy.pool import StaticPool

from engine.journal.tables import notices
from engine.registry.directory import read_directory
from engine.registry.directory_load import DirectoryLoading
from engine.registry.load import Step
from engine.registry.reads import OPT_OUT, PANEL, DatabaseRegistry, subscriber_text
from engine.registry.roster_load import RosterLoading
from engine.registry.rosters import read_roster
from engine.registry.rows import digest_of
from engine.registry.subscribing import FILE, read_subscribers
from engine.registry.tables import metadata, subscribers
from transforms.registry import Registry

PANELS = "panels"
OPT_OUTS = "registry/optouts"
PROVIDERS = "registry/providers"


class RosterFile(NamedTuple):
    """A roster, and the file of the site that has it (`panels/riverside.csv`)."""

    roster: str
    where: str


def roster_files(site: Path) -> list[RosterFile]:
    """The rosters of the site: the panels, who opted out of everything (`registry/optouts.csv`), and who opted out of
    one subscriber's notices (`registry/optouts/riverside.csv`)."""
    found = [RosterFile(f"{PANEL}{path.stem}", f"{PANELS}/{path.name}") for path in (site / PANELS).glob("*.csv")]
    if (site / f"{OPT_OUTS}.csv").exists():
        found.append(RosterFile(OPT_OUT, f"{OPT_OUTS}.csv"))
    found += [
        RosterFile(f"{OPT_OUT}{path.stem}", f"{OPT_OUTS}/{path.name}") for path in (site / OPT_OUTS).glob("*.csv")
    ]
    return sorted(found)


def directory_files(site: Path) -> list[str]:
    """The files of the provider directory: `registry/providers.csv`, and those in `registry/providers/`."""
    found = [f"{PROVIDERS}/{path.name}" for path in (site / PROVIDERS).glob("*.csv")]
    return sorted([*found, *([f"{PROVIDERS}.csv"] if (site / f"{PROVIDERS}.csv").exists() else ())])


class SubscribersLoading:
    """The loading of the site's subscribers, in one transaction."""

    source = FILE
    read = 0
    loaded = None

    def __init__(self, site: Path) -> None:
        self._site = site

    def steps(self) -> Iterator[Step]:
        """Its one step."""
        yield self._load

    def _load(self, connection: Connection) -> None:
        made, _ = read_subscribers(self._site)
        connection.execute(delete(subscribers).where(subscribers.c.source == FILE))
        rows = [{"name": each.name, "source": FILE, "data": subscriber_text(each)} for each in made]
        if rows:
            connection.execute(insert(subscribers), rows)


Work = SubscribersLoading | DirectoryLoading | RosterLoading


def loading(site: Path, now: datetime) -> Iterator[Work]:
    """The work that brings the registry to what the site's files say: that of the subscribers, the directory, then the
    rosters.

    Raises `RosterError` and `OSError` for a file that cannot be read.
    """
    yield SubscribersLoading(site)
    for where in directory_files(site):
        yield DirectoryLoading(where, digest_of(site / where), read_directory(site / where, where), now)
    for roster, where in roster_files(site):
        yield RosterLoading(roster, digest_of(site / where), read_roster(site / where, where), now)


def registry_of(site: Path) -> Registry:
    """What the site's files say, in memory: for checks and trials, where no engine runs."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        metadata.create_all(connection)
        notices.create(connection)
        for work in loading(site, datetime.now(UTC)):
            for step in work.steps():
                step(connection)
    return DatabaseRegistry(engine)
