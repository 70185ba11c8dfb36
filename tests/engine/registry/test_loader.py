"""The site's files as they change under a running engine: who leaves, and who must not, on either database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.journal import Journal
from engine.registry.files import ending, loading
from engine.registry.listing import changed, listing
from engine.registry.load import GONE, confirm
from engine.registry.loader import Loader, load
from engine.registry.reads import DatabaseRegistry
from engine.registry.roster_load import RosterLoading
from engine.registry.rosters import Member
from engine.registry.rows import RosterError, digest_of
from engine.registry.site import SiteRegistry
from tests.engine.registry.test_registry import HEADING, NOW, PETER, ROSALIND, TODAY, ids, write
from transforms.matching import Person
from transforms.registry import RegistryError

FIRST = "0,Oxenham,Rosalind,1970-03-12,F\n"
RIVERSIDE, HILLSIDE = "panels/riverside.csv", "panels/hillside.csv"
DIRECTORY = "registry/providers.csv"
OPT_OUTS = "registry/optouts.csv"


def roster(size: int) -> str:
    """Rosalind and others."""
    return HEADING + FIRST + "".join(f"{n},Family{n},Given{n},19620101,M\n" for n in range(1, size))


class Site:
    """A site's folder, and what loads it."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self.journal = journal
        self.now = NOW
        self.loader = Loader(journal, lambda: self.now)

    async def take_up(self, later: timedelta = timedelta(0), may_vanish: int = 50) -> None:
        """Load what has changed."""
        self.now += later
        await self.loader.take_up(self.folder, may_vanish)

    async def entries(self) -> dict[str, int]:
        """How many are loaded of what."""
        return {each.name: each.entries for each in (await self.journal.read(listing)).rosters}

    async def acts(self) -> list[str]:
        """What was done, the earliest first."""
        return [each.what for each in reversed(await self.journal.read(partial(changed, None, 100)))]

    def knows(self, person: Person, on: datetime | None = None) -> list[tuple[str, str]]:
        """Which rosters have `person` on that day."""
        return ids(DatabaseRegistry(self.journal.reading), person, (on or self.now).date())

    def opted_out(self, person: Person) -> list[str]:
        """By which lists `person` has opted out, as steps are told."""
        registry = SiteRegistry(lambda: DatabaseRegistry(self.journal.reading, lambda: self.now))
        registry.faulty_opt_outs = self.loader.faulty_opt_outs
        return [each.panel for each in registry.opted_out(person, self.now.date())]


@pytest.fixture
async def site(journal_url: str, tmp_path: Path) -> AsyncIterator[Site]:
    journal = Journal(journal_url)
    await journal.open()
    yield Site(tmp_path / "site", journal)
    await journal.close()


@pytest.mark.parametrize(
    ("before", "after", "may_vanish", "stays"),
    [
        (60, 0, 50, True),
        (3, 0, 50, True),
        (60, 29, 50, True),
        (60, 30, 50, False),
        (60, 55, 5, False),
        (30, 11, 50, False),
        (60, 0, 100, False),
    ],
)
async def test_no_more_than_a_share_leaves_at_once(
    site: Site, before: int, after: int, may_vanish: int, stays: bool
) -> None:
    write(site.folder, RIVERSIDE, roster(before))
    await site.take_up()
    text = roster(after + 1).replace(FIRST, "") if after else HEADING
    write(site.folder, RIVERSIDE, text)
    await site.take_up(timedelta(days=1), may_vanish)
    await site.take_up(timedelta(days=1), may_vanish)
    assert bool(site.knows(ROSALIND)) is stays
    assert await site.acts() == (["load", "refuse"] if stays else ["load", "load"])
    if stays:
        digest = digest_of(site.folder / RIVERSIDE)
        assert not await site.loader.is_due()
        await site.journal.change(partial(confirm, "panel/riverside", digest, "ada", site.now))
        assert await site.loader.is_due(), "though no file has changed"
        await site.take_up(may_vanish=may_vanish)
        assert site.knows(ROSALIND) == []
        assert await site.acts() == ["load", "refuse", "confirm", "load"]


async def test_a_confirmation_is_for_the_file_as_it_was(site: Site) -> None:
    write(site.folder, RIVERSIDE, roster(60))
    await site.take_up()
    await site.journal.change(partial(confirm, "panel/riverside", "another digest", "ada", site.now))
    write(site.folder, RIVERSIDE, HEADING)
    await site.take_up()
    assert site.knows(ROSALIND) == [("riverside", "0")]


async def test_a_directory_does_not_vanish_either(site: Site) -> None:
    heading = "npi,name\n"
    write(site.folder, DIRECTORY, heading + "1234567893,Ada\n1245319599,Clinic\n")
    await site.take_up()
    write(site.folder, DIRECTORY, heading)
    await site.take_up()
    assert DatabaseRegistry(site.journal.reading).provider("1234567893") is not None
    assert await site.acts() == ["load", "refuse"]


async def test_who_was_in_a_file_that_is_gone_for_a_minute_ends_that_day(site: Site) -> None:
    for name in (RIVERSIDE, HILLSIDE):
        write(site.folder, name, roster(2))
    write(site.folder, DIRECTORY, "npi,name\n1234567893,Ada\n")
    write(site.folder, "registry/subscribers.yaml", "")
    await site.take_up()
    for name in (RIVERSIDE, DIRECTORY):
        (site.folder / name).unlink()
    await site.take_up(timedelta(days=1))
    assert site.knows(ROSALIND) == [("hillside", "0"), ("riverside", "0")]
    assert not await site.loader.is_due(), "a file that is replaced is gone for a moment"
    site.now += timedelta(minutes=1)
    assert await site.loader.is_due()
    await site.take_up()
    assert not await site.loader.is_due()
    assert site.knows(ROSALIND) == [("hillside", "0")]
    assert site.knows(ROSALIND, NOW) == [("hillside", "0"), ("riverside", "0")], "an earlier day knows its members"
    assert DatabaseRegistry(site.journal.reading).provider("1234567893") is None
    assert await site.entries() == {"panel/hillside": 2}
    assert (await site.acts())[3:] == ["remove", "remove"]
    write(site.folder, RIVERSIDE, roster(2))
    await site.take_up(timedelta(days=1))
    assert site.knows(ROSALIND) == [("hillside", "0"), ("riverside", "0")]
    assert site.knows(ROSALIND, site.now - timedelta(days=1)) == [("hillside", "0")], "meanwhile she was no member"


async def test_a_file_that_comes_back_at_once_was_never_gone(site: Site) -> None:
    for name in (RIVERSIDE, HILLSIDE):
        write(site.folder, name, roster(2))
    await site.take_up()
    (site.folder / RIVERSIDE).unlink()
    await site.take_up()
    write(site.folder, RIVERSIDE, roster(2))
    await site.take_up(timedelta(minutes=2))
    assert not await site.loader.is_due()
    assert site.knows(ROSALIND) == [("hillside", "0"), ("riverside", "0")]


@pytest.mark.parametrize("left", ["an empty folder", "no folder", "no site", "a hidden file"])
async def test_nobody_leaves_with_a_folder_that_is_empty_or_gone(
    site: Site, left: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(site.folder, RIVERSIDE, roster(2))
    await site.take_up()
    (site.folder / RIVERSIDE).unlink()
    if left == "a hidden file":
        write(site.folder, "panels/.lost+found", "")
    elif left != "an empty folder":
        (site.folder / "panels").rmdir()
    if left == "no site":
        site.folder.rmdir()
    for _ in range(3):
        await site.take_up(timedelta(minutes=2))
    assert site.knows(ROSALIND) == [("riverside", "0")]
    assert "hie registry remove" in caplog.text
    assert not await site.loader.is_due()
    await site.journal.change(partial(confirm, "panel/riverside", GONE, "ada", site.now))
    assert await site.loader.is_due()
    await site.take_up()
    assert site.knows(ROSALIND) == []


async def test_who_opted_out_stays_so_where_the_file_is_gone(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for name in (OPT_OUTS, "registry/subscribers.yaml"):
        write(site.folder, name, roster(2) if name == OPT_OUTS else "riverside: {delivery: direct}\n")
    await site.take_up()
    (site.folder / OPT_OUTS).unlink()
    for _ in range(3):
        await site.take_up(timedelta(minutes=2))
    assert site.opted_out(ROSALIND) == [""]
    assert "hie registry remove" in caplog.text
    await site.journal.change(partial(confirm, "optout/", GONE, "ada", site.now))
    await site.take_up(timedelta(days=1))
    assert site.opted_out(ROSALIND) == []


async def test_nobody_is_told_of_anybody_while_it_is_not_known_who_opted_out(site: Site) -> None:
    write(site.folder, OPT_OUTS, roster(2) + "9,Ward,Peter,1.1.1962,M\n")
    await site.take_up()
    with pytest.raises(RegistryError, match=r"who opted out: registry/optouts\.csv:4: birth_date"):
        site.opted_out(ROSALIND)
    assert not await site.loader.is_due()
    site.now += timedelta(minutes=1)
    assert await site.loader.is_due(), "it may have been made readable, which changes no file"
    write(site.folder, OPT_OUTS, roster(2) + "9,Ward,Peter,1962-01-01,M\n")
    await site.take_up()
    assert site.opted_out(ROSALIND) == site.opted_out(PETER) == [""]
    write(site.folder, OPT_OUTS, HEADING)
    await site.take_up(timedelta(days=1))
    assert site.opted_out(PETER) == [""], "nobody leaves by an empty file, and who opted out is known"


async def test_one_file_at_fault_keeps_no_other_from_being_loaded(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    write(site.folder, HILLSIDE, "no roster\n")
    write(site.folder, RIVERSIDE, roster(2))
    await site.take_up()
    assert site.knows(ROSALIND) == [("riverside", "0")]
    assert "panel/hillside stays as it was: panels/hillside.csv:1: " in caplog.text


async def test_nobody_leaves_by_a_file_that_changes_while_it_is_read(site: Site) -> None:
    write(site.folder, RIVERSIDE, roster(3))
    await site.take_up()
    (work,) = (each for each in loading(site.folder, site.now) if isinstance(each, RosterLoading))
    digests = iter(["one", "another"])
    late = RosterLoading(work.source, lambda: next(digests), [Member("9", PETER, None, None)], site.now)
    with pytest.raises(RosterError, match="changed while it was read"):
        await load(site.journal, late)
    assert site.knows(ROSALIND) == [("riverside", "0")]


async def test_a_load_ends_between_two_transactions_when_the_engine_stops(site: Site) -> None:
    write(site.folder, RIVERSIDE, roster(500))
    taking = asyncio.create_task(site.take_up())
    await asyncio.sleep(0)
    site.loader.is_stopping = True
    await taking
    assert await site.entries() == {}
    site.loader.is_stopping = False
    await site.take_up()
    assert await site.entries() == {"panel/riverside": 500}


async def test_two_engines_that_load_one_roster_at_once_load_it_once(postgresql_database: str, tmp_path: Path) -> None:
    write(tmp_path, RIVERSIDE, roster(900))
    journals = [Journal(postgresql_database) for _ in range(2)]
    for journal in journals:
        await journal.open()
    await asyncio.gather(*(Loader(journal, lambda: NOW).take_up(tmp_path, 50) for journal in journals))
    assert ids(DatabaseRegistry(journals[0].reading), ROSALIND, TODAY) == [("riverside", "0")]
    with suppress(RosterError):
        await load(journals[0], ending("panel/riverside", NOW))
    assert ids(DatabaseRegistry(journals[0].reading), ROSALIND, TODAY) == []
    for journal in journals:
        await journal.close()
