"""The work list: what an end holds for a person, what the person decides, and that it is obeyed from then on."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from channels.ends import OutcomeCode
from channels.worklist import ON_THE_LIST, WorklistOutbound
from engine.journal import Entry, Journal, Keys, State, Status
from engine.journal.history import history
from engine.journal.tables import messages
from engine.registry.reads import DatabaseRegistry
from engine.registry.roster_load import RosterLoading
from engine.registry.rosters import Member
from engine.registry.tables import changes, links, subscribers
from engine.worklist import Decided, WorklistError, settle, show, waiting
from schemas.finding import Finding, Severity
from schemas.ids import derived_id, new_id
from schemas.message import HL7V2, Message
from tests.channels.desk import NOW as DESK_NOW
from tests.channels.desk import Desk
from transforms.matching import Name, Person
from transforms.notify.panel import match_panel

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
BODY = (
    b"MSH|^~\\&|ADT1|STANNE|||20261125||ADT^A01|M1|P|2.5.1\r"
    b"PID|1||4711^^^STANNE||Smith^John||19700312|M\rPV1|1|I|||||||||||||||||V1\r"
)
MEMBER = Person(names=(Name.of("Smith", ["John"]),), birth_date="19700312", sex="M")


async def doubtful(journal: Journal) -> tuple[str, str]:
    """Journal a message whose patient may be a member of riverside, as routed to the work list; both ids."""
    await journal.change(
        lambda c: c.execute(insert(subscribers).values(name="riverside", source="test", data='{"name": "riverside"}'))
    )
    for step in RosterLoading("panel/riverside", lambda: "d", [Member("17", MEMBER, None, None)], NOW).steps():
        await journal.change(step)
    message = Message(new_id(NOW), "adt", HL7V2, BODY, NOW)
    (matched,) = match_panel(message, registry=DatabaseRegistry(journal.reading))
    assert matched.get("match.verdict") == "review"
    child = replace(matched, id=derived_id(message.id, "doubtful/0"), parent=message.id)
    keys = Keys("ADT^A01", "M1", "4711")
    outcome = await WorklistOutbound(Desk().context(Path())).deliver(child)
    await journal.append(
        [
            Entry(message, "adt", Status.ROUTED, False, keys, settled=NOW),
            Entry(child, "adt/doubtful", Status.QUEUED, True, keys, body_of=message.id),
        ]
    )
    await journal.record([State(child.id, Status.PENDING, True, NOW, outcome.until, 1, NOW, outcome.detail)])
    return message.id, child.id


@pytest.mark.parametrize(
    ("decided", "verdicts", "status"),
    [
        ("same", ["match"], Status.DELIVERED),
        ("different", [], Status.DELIVERED),
        ("done", ["review"], Status.DELIVERED),
        ("dismissed", ["review"], Status.REFUSED),
    ],
)
async def test_what_a_person_decides_is_obeyed_and_audited(
    journal_url: str, decided: Decided, verdicts: list[str], status: Status
) -> None:
    journal = Journal(journal_url)
    await journal.open()
    received, id = await doubtful(journal)
    (question,) = await waiting(journal, 10)
    (item,) = question.items
    assert (question.id, question.count, question.first, question.last) == (id, 1, NOW, NOW)
    assert (item.id, item.parent, item.queue, item.panel, item.member) == (
        id,
        received,
        "adt/doubtful",
        "riverside",
        "17",
    )
    assert "is between 14 and 24" in item.reason
    shown = await show(journal, id[:-4])
    assert (shown.candidate, shown.message.body) == (MEMBER, BODY)
    settled = await settle(journal, id, decided, "ada", "called the ward", NOW)
    assert settled.routed_again == ((received,) if decided == "same" else ())
    assert await waiting(journal, 10) == []
    (record,) = (await history(journal, received)).deliveries
    assert (record.status, record.open, record.detail) == (status, False, f"settled by ada: {decided}: called the ward")
    *_, row = await journal.read(lambda c: c.execute(select(changes).order_by(changes.c.seq)).all())
    assert (row.who, row.what, row.subject) == ("ada", f"worklist {decided}", "panel/riverside 17")
    assert "4711" not in row.detail
    registry = DatabaseRegistry(journal.reading)
    # The next day the hospital sends the same patient with another name: the number is what was decided about.
    later = Message(new_id(NOW), "adt", HL7V2, BODY.replace(b"Smith^John", b"Smith^Jon"), NOW)
    same = Message(new_id(NOW), "adt", HL7V2, BODY, NOW)
    assert [each.get("match.verdict") for each in match_panel(same, registry=registry)] == verdicts
    if decided == "same":
        assert [each.get("subscriber.id") for each in match_panel(later, registry=registry)] == ["riverside"]
    other = Message(new_id(NOW), "adt", HL7V2, BODY.replace(b"4711", b"4712"), NOW)
    assert [each.get("match.verdict") for each in match_panel(other, registry=registry)] == ["review"]
    with pytest.raises(WorklistError, match="settled already"):
        await settle(journal, id, "done", "ada", "", NOW)
    await journal.close()


async def test_a_later_decision_replaces_an_earlier_one(journal_url: str) -> None:
    journal = Journal(journal_url)
    await journal.open()
    _, first = await doubtful(journal)
    await settle(journal, first, "different", "ada", "", NOW)
    again = Message(new_id(NOW), "adt", HL7V2, BODY, NOW)
    facts = {"match.verdict": "review", "match.panel": "riverside", "match.member": "17"}
    child = replace(again.derive("x", attributes=facts), parent=again.id)
    other = replace(again.derive("y"), parent=again.id)
    await journal.append(
        [
            Entry(again, "adt", Status.ROUTED, False, settled=NOW),
            Entry(child, "adt/doubtful", Status.QUEUED, True, body_of=again.id),
            Entry(other, "adt/archive", Status.QUEUED, True, body_of=again.id),
        ]
    )
    await journal.record([State(child.id, Status.PENDING, True, NOW, None, 1, NOW, f"{ON_THE_LIST}x")])
    settled = await settle(journal, child.id, "same", "ada", "", NOW)
    assert (settled.routed_again, settled.left) == ((), (again.id,))
    (found,) = match_panel(again, registry=DatabaseRegistry(journal.reading))
    assert found.get("match.rule") == "a person decided that this is the member"
    with pytest.raises(WorklistError, match="not on the work list"):
        await settle(journal, other.id, "done", "ada", "", NOW)
    await journal.close()


async def more(journal: Journal, body: bytes, *, waits: bool = True, panel: str = "riverside") -> tuple[str, str]:
    """Journal a further message with a doubtful patient, as on the work list or as about to be; both ids."""
    message = Message(new_id(LATER), "adt", HL7V2, body, LATER)
    facts = {"match.verdict": "review", "match.panel": panel, "match.member": "17"}
    child = replace(message.derive("x", attributes=facts), parent=message.id)
    await journal.append(
        [
            Entry(message, "adt", Status.ROUTED, False, settled=NOW),
            Entry(child, "adt/doubtful", Status.QUEUED, True, body_of=message.id),
        ]
    )
    if waits:
        await journal.record([State(child.id, Status.PENDING, True, NOW, None, 1, NOW, f"{ON_THE_LIST}x")])
    return message.id, child.id


async def also(journal: Journal, of: str, *, waits: bool) -> str:
    """Journal something else that was made of the message `of`, on the work list for another reason or delivered."""
    (row,) = await journal.read(lambda c: c.execute(select(messages).where(messages.c.id == of)).all())
    message = Message(of, "adt", HL7V2, row.body, NOW)
    child = replace(message.derive("other"), parent=of)
    await journal.append([Entry(child, "adt/archive", Status.QUEUED, True, body_of=of)])
    status, detail = (Status.PENDING, f"{ON_THE_LIST}y") if waits else (Status.DELIVERED, "")
    await journal.record([State(child.id, status, waits, NOW, None, 1, NOW, detail)])
    return child.id


@pytest.mark.parametrize("decided", ["same", "different", "done", "dismissed"])
async def test_a_question_is_asked_once_and_one_answer_settles_all_of_it(journal_url: str, decided: Decided) -> None:
    journal = Journal(journal_url)
    await journal.open()
    first, id = await doubtful(journal)
    moved = BODY.replace(b"PV1|", b"ZZZ|x\rPV1|").replace(b"||M\r", b"||M|||^^Eastmere\r")
    routed = [first]
    routed += [(await more(journal, body))[0] for body in (moved, BODY.replace(b"Smith^John", b"Smith^Jon"), BODY)]
    others = [
        (await more(journal, BODY.replace(b"4711", b"4712")))[1],
        (await more(journal, BODY, panel="lakeside"))[1],
        (await more(journal, BODY.replace(b"4711^^^STANNE", b"4711")))[1],  # nobody's number: whose is the next one?
        (await more(journal, BODY.replace(b"4711^^^STANNE", b"4711")))[1],
        (await more(journal, BODY.replace(b"4711", b"4711^^^STANNE~88")))[1],
    ]
    later = await more(journal, BODY, waits=False)
    asked = await waiting(journal, 100)
    assert [(each.id, each.count) for each in asked] == [(id, 4), *((each, 1) for each in others)]
    assert [each.parent for each in asked[0].items] == routed
    assert (asked[0].first, asked[0].last) == (NOW, LATER)
    assert [each.id for each in await waiting(journal, 2)] == [id, others[0]]
    shown = await show(journal, asked[0].items[2].id)
    assert (shown.question, len(shown.patients)) == (asked[0], 2)

    # Any of them may be named, and what comes on the list while a person looks is answered too.
    await journal.record([State(later[1], Status.PENDING, True, NOW, None, 1, NOW, f"{ON_THE_LIST}x")])
    settled = await settle(journal, asked[0].items[2].id, decided, "ada", "", NOW)
    routed.append(later[0])
    assert [each.parent for each in settled.items] == routed
    assert settled.routed_again == (tuple(routed) if decided == "same" else ())
    assert [each.id for each in await waiting(journal, 100)] == others
    (due,) = (await journal.due(["adt"], NOW + timedelta(seconds=1), 100)).values() if decided == "same" else ([],)
    assert [each.message.id for each in due] == list(settled.routed_again)
    *_, row = await journal.read(lambda c: c.execute(select(changes).order_by(changes.c.seq)).all())
    assert row.detail == f"message {asked[0].items[2].id} and 4 more"
    await journal.close()


@pytest.mark.parametrize("again", [False, True])
async def test_what_told_others_too_is_routed_again_only_if_that_is_said(journal_url: str, again: bool) -> None:
    journal = Journal(journal_url)
    await journal.open()
    first, id = await doubtful(journal)
    second, third = [(await more(journal, BODY))[0] for _ in range(2)]
    await also(journal, second, waits=False)
    other = await also(journal, third, waits=True)
    settled = await settle(journal, id, "same", "ada", "", NOW, again=again)
    told = (settled.routed_again, settled.left)
    assert told == (((first, second, third), ()) if again else ((first,), (second, third)))
    assert [each.id for each in await waiting(journal, 100)] == [other]
    await journal.close()


async def test_two_who_answer_at_once_do_not_both(journal_url: str) -> None:
    journal = Journal(journal_url)
    await journal.open()
    first, id = await doubtful(journal)
    second, other = await more(journal, BODY)
    answers = await asyncio.gather(
        settle(journal, id, "same", "ada", "", NOW),
        settle(journal, other, "different", "bob", "", NOW),
        return_exceptions=True,
    )
    (refused,) = [each for each in answers if isinstance(each, WorklistError)]
    assert re.search("settled already|by somebody else", str(refused))
    (settled,) = [each for each in answers if not isinstance(each, BaseException)]
    assert [each.parent for each in settled.items] == [first, second]
    rows = await journal.read(lambda c: c.execute(select(links.c.same)).all())
    assert [row.same for row in rows] == [bool(settled.routed_again)]
    await journal.close()


@pytest.mark.parametrize(
    ("reason", "attributes", "what", "expected"),
    [
        ("an unknown {kind.of}", {"kind.of": "code"}, "", "an unknown code"),
        ("", {"match.rule": "the score"}, "a finding", "the score"),
        ("", {}, "a finding", "a finding"),
        ("", {}, "", "a person has to look at it"),
    ],
)
async def test_the_end_says_why_a_person_has_to_look(
    reason: str, attributes: dict[str, str], what: str, expected: str
) -> None:
    findings = (Finding("X", "PID", what, "", Severity.WARNING),) if what else ()
    message = Message(new_id(NOW), "adt", HL7V2, BODY, NOW, attributes=attributes, findings=findings)
    end = WorklistOutbound(Desk().context(Path()), reason=reason)
    outcome = await end.deliver(message)
    await end.close()
    assert (outcome.code, outcome.detail) == (OutcomeCode.PENDING, ON_THE_LIST + expected)
    assert outcome.until is not None
    assert (outcome.until - DESK_NOW).days >= 300
