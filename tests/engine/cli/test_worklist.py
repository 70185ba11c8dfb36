"""`hie worklist` as an operator calls it."""

from __future__ import annotations

import re

import pytest

from engine.journal.history import history
from engine.journal.journal import Journal
from tests.engine.cli.conftest import Hie, Site
from tests.engine.test_worklist import BODY, also, doubtful, more


@pytest.fixture
def listed(site: Site) -> Site:
    async def fill(journal: Journal) -> None:
        site.ids["received"], site.ids["item"] = await doubtful(journal)

    site.journal(fill)
    return site


def test_a_doubtful_match_is_listed_shown_and_settled(hie: Hie, listed: Site) -> None:
    at = ("--site", listed.folder)
    (question,) = hie("worklist", "list", *at, "--json").json
    assert (question["id"], [each["id"] for each in question["items"]]) == (listed.ids["item"], [listed.ids["item"]])
    assert "adt/doubtful" in hie("worklist", "list", *at).out
    seen = hie("worklist", "show", listed.ids["item"], *at).out
    assert "MEMBER 17 OF riverside" in seen
    assert "john smith" in seen
    records = hie("worklist", "show", listed.ids["item"], *at, "--json").json["records"]
    assert {"what": "birth date", "patient": "19700312", "member": "19700312"} in records
    assert {"what": "identifier", "patient": "STANNE 4711", "member": ""} in records
    ran = hie("worklist", "settle", listed.ids["item"], "--same", "--who", "ada", *at, "--json")
    assert (ran.status, ran.json["settled"]["routed_again"]) == (0, [listed.ids["received"]])
    assert hie("worklist", "list", *at).err == "nothing waits for a person\n"
    told = listed.journal(lambda journal: history(journal, listed.ids["received"]))
    assert (told.message.status, told.message.open) == ("received", True)
    again = hie("worklist", "settle", listed.ids["item"], "--done", *at)
    assert (again.status, "settled already" in again.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ((), 2, "say what it is"),
        (("--done", "--reason", "x"), 0, ""),
    ],
)
def test_what_is_meant_must_be_said(hie: Hie, listed: Site, arguments: tuple[str, ...], status: int, told: str) -> None:
    ran = hie("worklist", "settle", listed.ids["item"], *arguments, "--site", listed.folder)
    assert (ran.status, told in ran.err) == (status, True)


def test_all_messages_with_one_question_are_one_line_and_settled_together(hie: Hie, listed: Site) -> None:
    async def fill(journal: Journal) -> None:
        for body in (BODY.replace(b"Smith^John", b"Smith^Jon"), BODY):
            await more(journal, body)
        listed.ids["told"], _ = await more(journal, BODY)
        await also(journal, listed.ids["told"], waits=False)

    listed.journal(fill)
    at = ("--site", listed.folder)
    _, line = hie("worklist", "list", *at).out.splitlines()
    assert line.endswith(listed.ids["item"])
    assert re.search(r"  4  +adt/doubtful +ADT\^A01 ", line)
    seen = hie("worklist", "show", listed.ids["item"], *at)
    assert "one of 4 with this question" in seen.out
    assert "differ in: name\n" in seen.out
    assert hie("worklist", "show", listed.ids["item"], *at, "--json").json["differs"] == ["name"]
    ran = hie("worklist", "settle", listed.ids["item"], "--same", *at)
    assert ran.out == "settled: same, 4 messages with this question; 3 received messages are routed again\n"
    assert ran.err == (
        f"the received message is not routed again, for others were told of it too: hie replay {listed.ids['told']}\n"
    )
    assert hie("worklist", "list", *at).err == "nothing waits for a person\n"
