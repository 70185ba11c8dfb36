"""The registry that a site's files describe: rosters in `panels/`, the rest in `registry/`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, create_engine, delete, insert, select
from sqlalchemy.pool import StaticPool

from engine.journal.tables import messages, notices, referral_acts
from engine.registry.directory import read_directory
from engine.registry.directory_fhir import read_fhir_directory
from engine.registry.directory_load import DirectoryLoading
from engine.registry.load import GONE, MAY_VANISH, Steps
from engine.registry.nppes_endpoints import is_endpoint_file
from engine.registry.reads import OPT_OUT, PANEL, DatabaseRegistry, read_subscriber, subscriber_text
from engine.registry.roster_group import read_group
from engine.registry.roster_hl7 import read_hl7_roster
from engine.registry.roster_load import RosterLoading
from engine.registry.rosters import Member, read_roster
from engine.registry.rows import RosterError, digest_of
from engine.registry.subscribing import FILE, read_subscribers
from engine.registry.subscriptions import DELIVERY, example
from engine.registry.tables import metadata, subscribers, subscriptions
from transforms.registry import Provider, Registry

PANELS = "panels"
OPT_OUTS = "registry/optouts"
PROVIDERS = "registry/providers"
READERS: dict[str, Callable[[Path, str, int | None], Iterator[Member]]] = {
    ".csv": read_roster,
    ".hl7": read_hl7_roster,
    ".json": read_group,
}
"""The forms of a roster by their file's suffix."""


class RosterFile(NamedTuple):
    """A roster, and the file of the site that has it (`panels/riverside.csv`)."""

    roster: str
    where: str


def roster_files(site: Path) -> list[RosterFile]:
    """The rosters of the site: the panels, who opted out of everything (`registry/optouts.csv`), and who opted out of
    one subscriber's notices (`registry/optouts/riverside.csv`); each in one of the forms of READERS."""
    found = [RosterFile(f"{PANEL}{path.stem}", f"{PANELS}/{path.name}") for path in _rosters_in(site / PANELS)]
    found += [
        RosterFile(OPT_OUT, f"{OPT_OUTS}{form}") for form in sorted(READERS) if (site / f"{OPT_OUTS}{form}").exists()
    ]
    found += [RosterFile(f"{OPT_OUT}{path.stem}", f"{OPT_OUTS}/{path.name}") for path in _rosters_in(site / OPT_OUTS)]
    return sorted(found)


def _rosters_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*") if path.suffix in READERS and not path.name.startswith("."))


def members_of(site: Path, file: RosterFile, most: int | None = None) -> Iterator[Member]:
    """The members in a roster's file, `most` of them or all; raises `RosterError` at the place at fault."""
    others = [each.where for each in roster_files(site) if each.roster == file.roster and each != file]
    if others:
        raise RosterError(f"{file.where}: {others[0]} is the same roster; keep one of them")
    yield from islice(READERS[Path(file.where).suffix](site / file.where, file.where, most), most)


class DirectoryFile(NamedTuple):
    """A file of the provider directory, and those of NPPES's endpoints that go with it."""

    where: str
    endpoints: tuple[str, ...] = ()


def directory_files(site: Path) -> list[DirectoryFile]:
    """The files of the provider directory: `registry/providers.csv`, and those in `registry/providers/`; each CSV or
    FHIR."""
    forms = (".csv", ".json")
    found = [f"{PROVIDERS}/{path.name}" for path in (site / PROVIDERS).glob("*") if path.suffix in forms]
    found += [f"{PROVIDERS}{form}" for form in forms if (site / f"{PROVIDERS}{form}").exists()]
    ends = {where for where in found if where.endswith(".csv") and is_endpoint_file(site / where, where)}
    of_csv = tuple(sorted(ends))
    return [DirectoryFile(where, of_csv if where.endswith(".csv") else ()) for where in sorted(set(found) - ends)]


def providers_of(site: Path, file: DirectoryFile, most: int | None = None) -> Iterator[Provider]:
    """The providers in a file of the directory, those of its first `most` lines or resources, or all; without NPPES's
    endpoints unless all are asked for. Raises `RosterError` at the place at fault."""
    path = site / file.where
    if path.suffix == ".json":
        return read_fhir_directory(path, file.where, most)
    endpoints = [(site / where, where) for where in file.endpoints] if most is None else []
    return read_directory(path, file.where, most, endpoints)


class SubscribersLoading:
    """The loading of the site's subscribers, in one transaction."""

    source = FILE
    read = 0
    loaded = None

    def __init__(self, site: Path) -> None:
        self._site = site

    def steps(self) -> Steps:
        """Its one step."""
        yield self._load

    def _load(self, connection: Connection) -> None:
        made, _ = read_subscribers(self._site)
        connection.execute(delete(subscribers).where(subscribers.c.source == FILE))
        rows = [{"name": each.name, "source": FILE, "data": subscriber_text(each)} for each in made]
        if rows:
            connection.execute(insert(subscribers), rows)


Work = SubscribersLoading | DirectoryLoading | RosterLoading


def loading(site: Path, now: datetime, *, may_vanish: int = MAY_VANISH) -> Iterator[Work]:
    """The work that brings the registry to what the site's files say: that of the subscribers, the directory, then the
    rosters. Its steps raise `RosterError` and `OSError` for a file that cannot be read."""
    yield SubscribersLoading(site)
    for directory in directory_files(site):
        paths = [site / where for where in (directory.where, *directory.endpoints)]
        digest = partial(digest_of, *paths)
        yield DirectoryLoading(directory.where, digest, providers_of(site, directory), now, may_vanish=may_vanish)
    for file in roster_files(site):
        digest = partial(digest_of, site / file.where)
        yield RosterLoading(file.roster, digest, members_of(site, file), now, may_vanish=may_vanish)


def ending(source: str, now: datetime) -> Work:
    """The work that lets all leave who came from the file of `source`, which is there no more."""
    if source.startswith((PANEL, OPT_OUT)):
        return RosterLoading(source, lambda: GONE, (), now)
    return DirectoryLoading(source, lambda: GONE, (), now)


def folder_of(source: str) -> str:
    """The folder of the site in which the file of `source` stands, or stood."""
    if source == OPT_OUT:
        return str(Path(OPT_OUTS).parent)
    for kind, folder in ((PANEL, PANELS), (OPT_OUT, OPT_OUTS)):
        if source.startswith(kind):
            return folder
    return str(Path(source).parent)


def registry_of(site: Path) -> Registry:
    """What the site's files say, in memory: for checks and trials, where no engine runs."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        metadata.create_all(connection)
        messages.create(connection)
        notices.create(connection)
        referral_acts.create(connection)
        for work in loading(site, datetime.now(UTC)):
            for step in work.steps():
                step(connection)
        for (data,) in connection.execute(select(subscribers.c.data)).all():
            subscriber = read_subscriber(data)
            if subscriber.delivery == DELIVERY:
                connection.execute(insert(subscriptions).values(example(subscriber, datetime.now(UTC))))
    return DatabaseRegistry(engine)
