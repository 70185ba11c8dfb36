"""Search finds what an operator describes, newest first, and never reads a whole table for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from engine.journal import Journal, Status
from engine.journal import search as module
from engine.journal.search import Page, Search, search
from engine.journal.summary import Deliveries
from engine.journal.tables import SOUGHT
from tests.engine.journal.stored import START, received


async def all_pages(journal: Journal, wanted: Search, limit: int = 50) -> list[str]:
    """The ids of all that is wanted, page by page."""
    ids: list[str] = []
    page = Page((), None)
    while True:
        page = await search(journal, wanted, limit=limit, before=page.before)
        assert len(page.rows) <= limit
        ids += [row.id for row in page.rows]
        if page.before is None:
            return ids


@pytest.fixture
async def messages(journal: Journal) -> dict[str, str]:
    """A small journal: names to ids, in the order of arrival."""
    made = {
        "admitted": {"type": "ADT^A01", "control_id": "C1", "patient_id": "P1"},
        "filtered": {"type": "ADT^A08", "control_id": "C2", "patient_id": "P2", "status": Status.FILTERED},
        "failed": {"type": "ADT^A40", "control_id": "C3", "patient_id": "P1", "status": Status.FAILED},
        "rejected": {"type": "", "control_id": "", "patient_id": "", "status": Status.REJECTED},
        "lab": {"channel": "lab", "type": "ORU^R01", "control_id": "C1", "terms": (("visit", "V1"), ("order", "O%"))},
        "odd": {"channel": "lab", "type": "ADTX", "control_id": "C5", "terms": (("visit", "V1"),)},
        "new": {"type": "ADT^A01", "control_id": "C6", "patient_id": "P3", "status": Status.RECEIVED},
    }
    routes = {
        "admitted": {"practice": Status.DELIVERED, "archive": Status.DELIVERED},
        "lab": {"practice": Status.FAILED, "archive": Status.QUEUED},
        "odd": {"archive": Status.DEFERRED},
    }
    return {
        name: await received(journal, minute, routes=routes.get(name), **facts)  # type: ignore[arg-type]
        for minute, (name, facts) in enumerate(made.items())
    }


DESCRIBED = [
    (Search(), "new odd lab rejected failed filtered admitted"),
    (Search(channel="lab"), "odd lab"),
    (Search(channel="nowhere"), ""),
    (Search(type="ADT"), "new failed filtered admitted"),
    (Search(type="ADT^A01"), "new admitted"),
    (Search(type="ADT^A0_"), ""),
    (Search(type="ADTX"), "odd"),
    (Search(type="MDM"), ""),
    (Search(control_id="C1"), "lab admitted"),
    (Search(control_id="C1", channel="adt"), "admitted"),
    (Search(patient_id="P1"), "failed admitted"),
    (Search(patient_id="P1", type="ADT^A40"), "failed"),
    (Search(patient_id="P1", status=Status.DELIVERED), "admitted"),
    (Search(terms=(("visit", "V1"),)), "odd lab"),
    (Search(terms=(("visit", "V1"), ("order", "O%"))), "lab"),
    (Search(terms=(("visit", "V1"),), channel="lab", route="practice"), "lab"),
    (Search(terms=(("order", "O_"),)), ""),
    (Search(status=Status.REJECTED), "rejected"),
    (Search(status=Status.FILTERED), "filtered"),
    (Search(status=Status.FAILED), "lab failed"),
    (Search(status=Status.FAILED, channel="adt"), "failed"),
    (Search(status=Status.FAILED, type="ORU"), "lab"),
    (Search(status=Status.DEFERRED), "odd"),
    (Search(status=Status.QUEUED), "lab"),
    (Search(status=Status.RECEIVED), "new"),
    (Search(status=Status.RECEIVED, channel="lab"), ""),
    (Search(status=Status.DELIVERED), "admitted"),
    (Search(status=Status.DELIVERED, channel="lab"), ""),
    (Search(status=Status.ROUTED), "odd lab admitted"),
    (Search(route="practice"), "lab admitted"),
    (Search(route="lab/practice"), "lab"),
    (Search(route="practice", channel="adt"), "admitted"),
    (Search(route="lab/practice", channel="adt"), ""),
    (Search(route="practice", status=Status.FAILED), "lab"),
    (Search(route="archive", status=Status.FAILED), ""),
    (Search(route="practice", type="ADT"), "admitted"),
    (Search(since=START + timedelta(minutes=5)), "new odd"),
    (Search(until=START + timedelta(minutes=1)), "admitted"),
    (Search(since=START + timedelta(minutes=1), until=START + timedelta(minutes=3)), "failed filtered"),
    (Search(status=Status.QUEUED, until=START + timedelta(minutes=4)), ""),
    (Search(route="archive", since=START + timedelta(minutes=4)), "odd lab"),
    (Search(terms=(("visit", "V1"),), until=START + timedelta(minutes=5)), "lab"),
]


async def test_what_is_described_is_found(journal: Journal, messages: dict[str, str]) -> None:
    names = {id: name for name, id in messages.items()}
    for wanted, expected in DESCRIBED:
        for limit in (50, 1):
            assert [names[id] for id in await all_pages(journal, wanted, limit)] == expected.split(), wanted


async def test_a_type_of_fhir_is_found_with_and_without_its_kind(journal: Journal) -> None:
    message, other = [
        await received(journal, minute, type=type) for minute, type in enumerate(("Bundle/message", "BundleX"))
    ]
    assert await all_pages(journal, Search(type="Bundle")) == [message]
    assert await all_pages(journal, Search(type="Bundle/message")) == [message]
    assert await all_pages(journal, Search(type="Bundle", patient_id="P1")) == []
    assert await all_pages(journal, Search(type="BundleX")) == [other]


async def test_a_row_says_what_became_of_the_message(journal: Journal, messages: dict[str, str]) -> None:
    page = await search(journal, Search(control_id="C1", channel="lab"))
    (row,) = page.rows
    assert (row.id, row.channel, row.type, row.patient_id) == (messages["lab"], "lab", "ORU^R01", "4711")
    assert row.received == START + timedelta(minutes=4)
    assert row.status is Status.ROUTED
    assert row.deliveries == (
        Deliveries("archive", Status.QUEUED, 1, 0),
        Deliveries("practice", Status.FAILED, 1, 1),
    )


async def test_pages_come_without_gaps_or_repeats(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_EXAMINED", 5)  # so that a question ends before its page is full
    states = (Status.DELIVERED, Status.FAILED, Status.QUEUED)
    made: list[tuple[str, str, set[Status]]] = []
    for number in range(24):
        routes = {"practice": states[number % 3], "archive": states[number % 2]}
        type = "ADT^A01" if number % 5 else "ORU^R01"
        # Several in one millisecond, so that ids alone keep them apart.
        id = await received(journal, number // 4, type=type, terms=(("visit", "V1"),), routes=routes)
        made.append((id, type, set(routes.values())))
    for wanted in (
        Search(),
        Search(channel="adt"),
        Search(type="ADT"),
        Search(patient_id="4711"),
        Search(route="practice"),
        Search(status=Status.FAILED),
        Search(status=Status.QUEUED),
        Search(status=Status.DELIVERED),
        Search(terms=(("visit", "V1"),)),
    ):
        expected = [
            id
            for id, type, states_of in made
            if type.startswith(wanted.type) and (wanted.status is None or wanted.status in states_of)
        ]
        for limit in (1, 7, 1000):
            found = await all_pages(journal, wanted, limit)
            assert sorted(found) == sorted(expected), (wanted, limit)
            times = [id[:12] for id in found]
            assert times == sorted(times, reverse=True), (wanted, limit)


EVERY_KIND = [
    Search(),
    Search(since=START, until=START + timedelta(days=1)),
    Search(channel="adt"),
    Search(route="practice"),
    Search(channel="adt", route="practice", status=Status.DELIVERED),
    Search(type="ADT"),
    Search(type="ADT^A01", status=Status.DELIVERED),
    Search(control_id="C1", channel="adt", type="ADT", status=Status.FAILED),
    Search(patient_id="P1", channel="adt", route="practice"),
    Search(terms=(("visit", "V1"), ("order", "O1")), channel="lab", type="ORU", status=Status.FAILED),
    *(Search(status=status) for status in Status),
    *(Search(status=status, channel="lab", type="ADT") for status in Status),
]


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[Journal, list[tuple[str, object]]]]:
    """A journal on SQLite, and every statement that it is asked."""
    journal = Journal(f"sqlite:///{tmp_path}/journal.db")
    await journal.open()
    await received(journal, routes={"practice": Status.DELIVERED})
    await received(journal, channel="lab", routes={"practice": Status.FAILED})
    statements: list[tuple[str, object]] = []
    event.listen(
        journal._reading,
        "before_cursor_execute",
        lambda _c, _cursor, statement, parameters, _x, _m: statements.append((statement, parameters)),
    )
    yield journal, statements
    await journal.close()


async def plan_of(journal: Journal, statement: str, parameters: object) -> list[str]:
    """The steps by which SQLite answers `statement`."""
    return await journal.read(
        lambda connection: [
            str(row[3])
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
        ]
    )


async def test_no_search_scans_a_table_or_sorts_what_it_walks(
    asked: tuple[Journal, list[tuple[str, object]]],
) -> None:
    journal, statements = asked
    newest = await search(journal, Search())
    for wanted in EVERY_KIND:
        await search(journal, wanted, before=newest.rows[0].id)
    seen = dict(statements)
    assert len(seen) > len(EVERY_KIND)
    for statement, parameters in seen.items():
        plan = await plan_of(journal, statement, parameters)
        for step in plan:
            # From the newest on, without a bound: in the order of the index, and ended by the limit.
            newest_on = step.startswith("SCAN messages USING") and step.endswith("INDEX messages_id")
            assert newest_on or not re.match(r"SCAN (messages|terms|events|child|root|term)\b", step), (statement, plan)
        if "GROUP BY" not in statement:
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan, (statement, plan)
        for step in plan:
            # A look into the children of one message, or at one message, uses nothing but its own index.
            if " child " in step:
                assert "messages_parent" in step, (statement, plan)
            if " root " in step:
                assert "messages_id" in step, (statement, plan)
    for status in SOUGHT:
        statements.clear()
        await search(journal, Search(status=status))
        first = await plan_of(journal, *statements[1])  # after BEGIN
        assert first == ["SEARCH messages USING COVERING INDEX messages_sought (status=?)"]
