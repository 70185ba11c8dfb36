"""`hie notified`: the evidence for a survey, on either database, also when the messages are gone."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from engine.journal import Entry, Journal, Keys, State, Status
from engine.journal.notified import Asked, notified
from engine.journal.retention import prune
from schemas.ids import derived_id, new_id
from schemas.message import HL7V2, Message
from tests.engine.cli.conftest import Hie, Site
from tests.engine.journal.stored import BODY, START

NEW, UPDATE = "new", "update"


async def tell(
    journal: Journal, day: int, subscriber: str, patient: str, status: Status, kind: str = NEW, detail: str = "AA"
) -> str:
    """Journal a message of that day that told `subscriber` of `patient`, with what became of it; the delivery's id."""
    at = START + timedelta(days=day)
    message = Message(new_id(at), "adt", HL7V2, BODY, at)
    facts = {
        **{"subscriber.id": subscriber, "subscriber.member": "m1", "notice.key": "STANNE V1 arrival"},
        **{"notice.event": "admit", "notice.kind": kind, "notice.digest": "d", "notice.patient": patient},
        "notice.sender": "STANNE",
    }
    child = Message(derived_id(message.id, "tell/0"), "adt", HL7V2, BODY, at, message.id, facts)
    keys = Keys("ADT^A01", "1", patient)
    await journal.append(
        [
            Entry(message, "adt", Status.ROUTED, False, keys, settled=at),
            Entry(child, "adt/tell", Status.QUEUED, True, body_of=message.id, end="direct"),
        ]
    )
    if status is not Status.QUEUED:
        is_open = status is Status.DEFERRED
        await journal.record([State(child.id, status, is_open, at + timedelta(seconds=2), None, 1, at, detail)])
    return child.id


async def fill(journal: Journal) -> None:
    await tell(journal, 0, "riverside", "4711", Status.DELIVERED)
    await tell(journal, 1, "hillside", "4711", Status.REFUSED, detail="=no such mailbox")
    await tell(journal, 2, "riverside", "4712", Status.QUEUED)
    await tell(journal, 3, "riverside", "4711", Status.DEFERRED, UPDATE, "connection refused")


async def rows(journal: Journal, asked: Asked) -> list[tuple[str, str, str, str, str]]:
    """What is told of the notices that are asked for."""
    return [(n.subscriber, n.patient_id, n.kind, n.outcome, n.detail) async for n in notified(journal, asked)]


FIRST = ("riverside", "4711", NEW, "delivered", "AA")
SECOND = ("hillside", "4711", NEW, "refused", "=no such mailbox")
THIRD = ("riverside", "4712", NEW, "queued", "")
FOURTH = ("riverside", "4711", UPDATE, "deferred", "connection refused")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked(), [FIRST, SECOND, THIRD, FOURTH]),
        (Asked(patient="4711"), [FIRST, SECOND, FOURTH]),
        (Asked(subscriber="riverside"), [FIRST, THIRD, FOURTH]),
        (Asked(since=START + timedelta(days=1)), [SECOND, THIRD, FOURTH]),
        (Asked(since=START + timedelta(days=1), until=START + timedelta(days=2)), [SECOND]),
        (Asked(patient="4713"), []),
    ],
)
async def test_notices_are_found_with_what_became_of_them(
    journal_url: str, asked: Asked, expected: list[tuple[str, ...]]
) -> None:
    journal = Journal(journal_url)
    await journal.open()
    await fill(journal)
    assert await rows(journal, asked) == expected
    await journal.close()


async def test_the_outcome_stays_when_the_message_is_pruned(journal_url: str) -> None:
    journal = Journal(journal_url)
    await journal.open()
    await fill(journal)
    before = [notice async for notice in notified(journal, Asked())]
    pruned = [each async for each in prune(journal, lambda _channel: timedelta(0), START + timedelta(days=9))]
    assert pruned[-1].messages == 2, "what waits stays"
    assert [notice async for notice in notified(journal, Asked())] == before
    await journal.close()


async def test_more_than_are_read_at_once_are_all_told_once(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.journal.notified._AT_ONCE", 3)
    journal = Journal(journal_url)
    await journal.open()
    made = [await tell(journal, number // 4, "riverside", "4711", Status.DELIVERED) for number in range(12)]
    found = [notice.message async for notice in notified(journal, Asked())]
    assert sorted(found) == sorted(made)
    await journal.close()


def test_an_operator_exports_them(hie: Hie, site: Site) -> None:
    site.journal(fill)
    at = ("--site", site.folder)
    table = hie("notified", *at).out.splitlines()
    assert (len(table), table[1].split()[2:4]) == (5, ["riverside", "m1"])
    told = hie("notified", "--patient", "4711", "--subscriber", "hillside", *at, "--json").json
    assert [(each["event"], each["outcome"], each["route"], each["end"]) for each in told] == [
        ("admit", "refused", "adt/tell", "direct")
    ]
    assert told[0]["received"] == "2026-03-02T08:00:00+00:00"
    written = list(csv.DictReader(io.StringIO(hie("notified", "--csv", "--from", "2026-03-01T21:00", *at).out)))
    assert [each["outcome"] for each in written] == ["refused", "queued", "deferred"]
    assert written[0]["detail"] == "'=no such mailbox", "no spreadsheet runs what a partner wrote"
    assert written[1]["outcome_at"] == ""
    nothing = hie("notified", "--patient", "nobody", *at)
    assert (nothing.status, nothing.out) == (0, "")
    assert hie("notified", "--csv", "--json", *at).status == 2
