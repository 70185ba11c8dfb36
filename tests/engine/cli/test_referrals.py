"""`hie referrals` as an operator and a practice's person call it."""

from __future__ import annotations

import pytest

from engine.cli.referrals.list import _STATES
from engine.cli.referrals.show import _SAYS
from engine.journal import Journal, Status
from engine.registry.threads import CLOSED
from tests.engine.cli.conftest import Hie, Site
from tests.engine.registry.saying import day, say
from transforms.refer.referral import Act
from transforms.refer.state import State


async def fill(journal: Journal) -> None:
    await say(journal, 0, "request", "R1")
    await say(journal, 1, "accept", "R1", detail="MSA-1 AA")
    await say(journal, 2, "book", "R1", appointment=day(9).isoformat())
    await say(journal, 0, "request", "R2", status=Status.PENDING, detail="waits for the MDN")
    await say(journal, 3, "complete", "R3")
    await say(journal, 4, "request", "R4")
    await say(journal, 5, "complete", "R4")


@pytest.fixture
def referred(site: Site) -> Site:
    site.journal(fill)
    return site


def test_referrals_are_listed(hie: Hie, referred: Site) -> None:
    at = ("--site", referred.folder)
    lines = hie("referrals", "list", *at).out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["R3", "new"], ["R2", "requested"], ["R1", "booked"]]
    assert "Eastmere Practice" in lines[2]
    assert [each["id"] for each in hie("referrals", "list", "--all", *at, "--json").json] == ["R4", "R3", "R2", "R1"]
    assert [each["id"] for each in hie("referrals", "list", "--state", "completed", *at, "--json").json] == ["R4"]
    none = hie("referrals", "list", "--patient", "nobody", *at)
    assert (none.status, none.err) == (0, "there is no such referral\n")
    assert hie("referrals", "list", "--state", "lost", *at).status == 2


def test_a_nightly_job_notices_what_is_overdue(hie: Hie, referred: Site) -> None:
    at = ("--site", referred.folder)
    ran = hie("referrals", "list", "--overdue", *at)
    assert ran.status == 1
    assert "the appointment is over, and no outcome has come since 2026-03-1" in ran.out
    assert "the request has no answer" in ran.out
    assert "request: no receipt has come on refer/clinic (MDN)" in ran.out
    rules = {
        each["id"]: [late["rule"] for late in each["overdue"]]
        for each in hie("referrals", "list", "--overdue", *at, "--json").json
    }
    assert rules == {"R1": ["report"], "R2": ["answer", "delivery"]}
    terms = "referrals: {answer: 36500d, report: 36500d, delivery: 36500d}\n"
    (referred.folder / "hie.yaml").write_text(terms)
    ran = hie("referrals", "list", "--overdue", *at)
    assert (ran.status, ran.err) == (0, "nothing is overdue\n")


def test_the_whole_thread_is_printed_for_a_person(hie: Hie, referred: Site) -> None:
    out = hie("referrals", "show", "R1", "--site", referred.folder).out
    for words in (
        "R1 of urn:oid:2.999.1.15",
        "booked since 2026-03-0",
        "Eastmere Practice, ref practice.example:2575, patient urn:oid:2.999.1.5|P-17",
        "St. Anne Cardiology, 360x cards@stanne.example, patient urn:oid:2.999.2.5|88",
        "overdue",
        "initiator (Eastmere Practice) asks for it",
        "recipient (St. Anne Cardiology) books an appointment",
        "applied, then accepted",
        "-> refer/practice by mllp",
        ": MSA-1 AA",
    ):
        assert words in out, words
    told = hie("referrals", "show", "R1", "--site", referred.folder, "--json").json
    assert [each["act"] for each in told["events"]] == ["request", "accept", "book"]
    gone = hie("referrals", "show", "R9", "--site", referred.folder)
    assert (gone.status, "no referral has the id R9" in gone.err) == (1, True)


def test_a_person_closes_one(hie: Hie, referred: Site) -> None:
    at = ("--site", referred.folder)
    assert hie("referrals", "close", "R2", *at).status == 2
    assert hie("referrals", "close", "R2", "--reason", " ", *at).status == 2
    ran = hie("referrals", "close", "R2", "--reason", "the patient moved away", "--who", "ada", *at)
    assert (ran.status, ran.out) == (0, "closed: R2\n")
    out = hie("referrals", "show", "R2", *at).out
    assert "a person (ada) closes it" in out
    assert "closed: the patient moved away" in out
    assert "referral close" in hie("registry", "changes", *at).out
    assert hie("referrals", "close", "R2", "--reason", "again", *at).status == 1


def test_every_act_and_state_has_its_words() -> None:
    assert set(_SAYS) == {*Act, CLOSED}
    assert set(_STATES) == set(State)
