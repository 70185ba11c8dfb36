"""`hie settle`: what waits in a queue that is gone is listed, and given up only when that is said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.journal import Journal, Status
from engine.journal.history import history
from engine.journal.settle import settle, waits_in
from schemas.ids import utc_now
from tests.engine.cli.conftest import Hie, Site
from tests.engine.journal.stored import delivery, received

CHANNEL = """\
channel: adt
inbound:
  file: {folder: in}
routes:
  - route: practice
    outbound:
      file: {folder: out}
"""


@pytest.fixture
def waiting(site: Site) -> Site:
    """A site of which the route adt/ward and the channel old are gone while messages wait there."""
    (site.folder / "channels" / "adt.yaml").write_text(CHANNEL)
    (site.folder / "hie.yaml").write_text("health: none\n")

    async def fill(journal: Journal) -> None:
        routes = {"practice": Status.QUEUED, "ward": Status.QUEUED}
        for number in range(3):
            site.ids[f"queued{number}"] = await received(journal, 10 + number, routes=routes)
        site.ids["deferred"] = await received(journal, 20, routes={"ward": Status.DEFERRED})
        site.ids["unrouted"] = await received(journal, 21, channel="old", status=Status.RECEIVED)
        site.ids["done"] = await received(journal, 22, channel="old", routes={"x": Status.DELIVERED})

    site.journal(fill)
    return site


def states(hie: Hie, site: Site, name: str) -> list[str]:
    """The state of a message and of its deliveries."""
    told = hie("show", site.ids[name], "--site", site.folder, "--json").json
    return [told["message"]["status"], *(f"{each['route']} {each['status']}" for each in told["deliveries"])]


def test_without_yes_what_would_be_given_up_is_listed_and_nothing_changes(hie: Hie, waiting: Site) -> None:
    ran = hie("settle", "--site", waiting.folder)
    assert ran.status == 0
    lines = [line.split() for line in ran.out.splitlines()]
    assert [line[:2] for line in lines[1:]] == [["adt/ward", "4"], ["old", "1"]]
    assert "hie settle adt/ward old --yes" in ran.err
    assert hie("settle", "--site", waiting.folder, "--json").json["settled"] is False
    assert states(hie, waiting, "queued0") == ["routed", "practice queued", "ward queued"]
    assert [each["messages"] for each in hie("settle", "old", "--site", waiting.folder, "--json").json["queues"]] == [1]


def test_what_is_given_up_is_failed_with_what_it_was_and_nothing_else_is_touched(hie: Hie, waiting: Site) -> None:
    ran = hie("settle", "adt/ward", "--yes", "--site", waiting.folder, "--json")
    assert (ran.status, ran.json["settled"]) == (0, True)
    assert [(each["queue"], each["messages"]) for each in ran.json["queues"]] == [("adt/ward", 4)]
    assert states(hie, waiting, "queued0") == ["routed", "practice queued", "ward failed"]
    assert states(hie, waiting, "unrouted") == ["received"]
    assert states(hie, waiting, "done") == ["routed", "x delivered"]
    told = hie("show", delivery(waiting.ids["deferred"], "ward"), "--site", waiting.folder).out
    assert "given up by an operator: no channel had the queue any more" in told
    assert "settle      at " in told
    assert "was deferred at" in told
    found = hie("messages", "--status", "failed", "--route", "adt/ward", "--site", waiting.folder, "--json").json
    assert len(found["messages"]) == 4
    again = hie("settle", "adt/ward", "--yes", "--site", waiting.folder)
    assert (again.status, again.out) == (0, "")
    assert "nothing waits" in again.err
    hie("settle", "old", "--yes", "--site", waiting.folder)
    assert states(hie, waiting, "unrouted") == ["failed"]
    # Retention, which never takes what waits, now takes what is old enough.
    hie("prune", waiting.folder, "--older-than", "0s")
    gone = hie("show", waiting.ids["unrouted"], "--site", waiting.folder)
    assert "no message has an id that begins with" in gone.err


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("--yes", 2, "name the queues that are to be given up"),
        ("adt/practice --yes", 1, "is a queue of the site's channels"),
        ("adt", 1, "is a queue of the site's channels"),
        ("adt/nowhere --yes", 0, "nothing waits"),
    ],
)
def test_what_is_worked_is_never_given_up(hie: Hie, waiting: Site, arguments: str, status: int, told: str) -> None:
    ran = hie("settle", *arguments.split(), "--site", waiting.folder)
    assert ran.status == status
    assert told in ran.err
    assert states(hie, waiting, "queued0") == ["routed", "practice queued", "ward queued"]


def test_a_channel_file_that_is_wrong_does_not_make_its_queues_look_gone(hie: Hie, waiting: Site) -> None:
    (waiting.folder / "channels" / "adt.yaml").write_text(CHANNEL.replace("folder: out", "flodder: out"))
    ran = hie("settle", "adt/ward", "--yes", "--site", waiting.folder)
    assert ran.status == 1
    assert "cannot be told from those that are gone" in ran.err
    assert states(hie, waiting, "queued0") == ["routed", "practice queued", "ward queued"]


def test_many_are_given_up_on_either_database(tmp_path: Path, postgresql_database: str) -> None:
    async def go(url: str) -> None:
        journal = Journal(url)
        await journal.open()
        made = (received(journal, number, routes={"gone": Status.QUEUED}) for number in range(450))
        ids = await asyncio.gather(*made)
        waits = await waits_in(journal, "adt/gone")
        assert waits is not None
        assert waits.messages == 450
        assert await settle(journal, "adt/gone", utc_now()) == 450
        assert await waits_in(journal, "adt/gone") is None
        (last,) = (await history(journal, ids[-1])).deliveries
        assert (last.status, last.open, last.due) == (Status.FAILED, False, None)
        await journal.close()

    for url in (f"sqlite:///{tmp_path}/journal.db", postgresql_database):
        asyncio.run(go(url))
