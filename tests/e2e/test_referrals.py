"""Referrals through a whole engine and the shipped channels: each of the nine pairs of forms closes the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.ids import utc_now
from tests.e2e.harness import Places
from tests.e2e.referring import CLINICS, CONSULT, FORMS, LETTER, Referral, Scene, scene
from transforms.refer import Act, Appointment, Attached, Identifier
from transforms.refer.ref import write_ref
from transforms.refer.v2.written import Ends

NOTE = (Attached(CONSULT, "text/xml"), Attached(LETTER, "application/pdf"))
PAIRS = [(initiator, recipient) for initiator in FORMS for recipient in FORMS]


def appointment() -> Appointment:
    return Appointment(Identifier("A-5", "urn:oid:2.999.8.20"), utc_now().replace(microsecond=0) + timedelta(days=7))


@pytest.fixture
async def at_work(tmp_path: Path, embedded: Places, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with scene(tmp_path, embedded, monkeypatch) as made:
        yield made


async def close_the_loop(referral: Referral) -> None:
    """From the request to the outcome; every message in the other side's own form, documents byte for byte."""
    asked = await referral.requested()
    assert asked.documents == (LETTER,)
    assert asked.patients[0] == "P-17"
    accepted = await referral.answers(Act.ACCEPT)
    assert accepted.patients == ("P-17", "S-88")
    await referral.answers(Act.BOOK, appointment=appointment())
    done = await referral.answers(Act.COMPLETE, documents=NOTE)
    assert done.documents == (CONSULT, LETTER)
    assert [each.act for each in referral.got(referral.practice)] == ["accept", "book", "complete"]
    assert [each.act for each in referral.got(referral.clinic)] == ["request"]


async def test_each_of_the_nine_pairs_closes_the_loop(at_work: Scene) -> None:
    referrals = [Referral(at_work, f"R-{number}", *pair) for number, pair in enumerate(PAIRS)]
    ended = await asyncio.gather(*map(close_the_loop, referrals), return_exceptions=True)
    wrong = {
        f"{each.initiator} to {each.recipient}": error for each, error in zip(referrals, ended, strict=True) if error
    }
    assert wrong == {}
    await at_work.settled()  # mails by their notices (MDN)
    assert at_work.hisp.answered == len(at_work.hisp.hub.taken) >= 12
    listed = await at_work.hie("referrals", "list", "--all")
    assert {each["id"]: each["state"] for each in listed} == {each.id: "completed" for each in referrals}
    log = at_work.engine.log.read_text()
    assert "QXOKONJO" not in log
    assert "Traceback" not in log


async def declined(referral: Referral) -> str:
    await referral.requested()
    await referral.answers(Act.DECLINE, explanation="No capacity")
    return "declined"


async def cancelled(referral: Referral) -> str:
    await referral.requested()
    await referral.answers(Act.ACCEPT)
    await referral.asks(Act.CANCEL)
    await referral.answers(Act.CONFIRM_CANCEL)
    return "cancel_confirmed"


async def missed(referral: Referral) -> str:
    await referral.requested()
    booked = appointment()
    await referral.answers(Act.BOOK, appointment=booked)
    await referral.answers(Act.NO_SHOW, appointment=booked)
    return "no_show"


async def overtaken(referral: Referral) -> str:
    """The outcome is faster than the acceptance, and both come twice."""
    await referral.requested()
    accept = referral.said(Act.ACCEPT)
    await referral.answers(Act.COMPLETE, documents=NOTE)
    for _ in range(2):
        await referral.scene.says(accept, referral.recipient, referral.clinic)
    await referral.scene.gets(referral.practice, referral.id, Act.ACCEPT)
    again = referral.said(Act.INTERIM)
    await referral.scene.says(again, referral.recipient, referral.clinic)
    await referral.scene.gets(referral.practice, referral.id, Act.INTERIM)
    assert [each.act for each in referral.got(referral.practice)] == ["complete", "accept", "interim"]
    return "completed"


async def test_other_endings_and_what_comes_twice_or_late(at_work: Scene) -> None:
    ways = (declined, cancelled, missed, overtaken)
    pairs = (("ref", "360x"), ("fhir", "ref"), ("360x", "fhir"), ("fhir", "360x"))
    referrals = [Referral(at_work, f"E-{way.__name__}", *pair) for way, pair in zip(ways, pairs, strict=True)]
    expected = await asyncio.gather(*(way(each) for way, each in zip(ways, referrals, strict=True)))
    await at_work.settled()
    listed = await at_work.hie("referrals", "list", "--all")
    assert {each["id"]: each["state"] for each in listed} == {
        each.id: state for each, state in zip(referrals, expected, strict=True)
    }


async def test_a_document_alone_that_answers_our_mail_is_the_outcome(at_work: Scene) -> None:
    referral = Referral(at_work, "D-1", "fhir", "360x")
    asked = await referral.requested()
    assert asked.text == "A patient is referred to you."
    await at_work.replies(CLINICS["360x"], asked.message_id, CONSULT)
    done = await at_work.gets(referral.practice, "D-1", Act.COMPLETE)
    assert done.documents == (CONSULT,)


async def test_whom_nobody_knows_waits_for_a_person_and_goes_on(at_work: Scene) -> None:
    directory = at_work.site.folder / "registry/providers.csv"
    known = directory.read_text()
    directory.write_text(known.replace("9992033313,", "9500003337,"))
    await at_work.engine.reload()
    referral = Referral(at_work, "W-1", "ref", "360x")
    await at_work.says(referral.said(Act.REQUEST), referral.initiator, referral.practice)
    async with asyncio.timeout(30):
        while not (items := await at_work.hie("worklist", "list")):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    assert [each["reason"] for each in items] == ["the NPI is not in the directory"]

    directory.write_text(known)
    await at_work.engine.reload()
    await at_work.hie("worklist", "settle", items[0]["id"], "--done", "--replay")
    asked = await at_work.gets(referral.clinic, "W-1", Act.REQUEST)
    assert len(asked.documents) == 1  # the Referral Note
    await at_work.replies(referral.clinic, asked.message_id, CONSULT)
    done = await at_work.gets(referral.practice, "W-1", Act.COMPLETE)
    assert done.documents == (CONSULT,)


async def test_an_answer_at_once_in_place_of_the_ack_counts(at_work: Scene) -> None:
    referral = Referral(at_work, "A-1", "fhir", "ref")
    declined = referral.said(Act.DECLINE, explanation="No capacity")

    def answer(request: bytes) -> bytes:
        control_id = request.split(b"|", 10)[9].decode()
        ends = Ends(sending_facility="RIVERSIDE")
        return write_ref(declined, ends=ends, answers=control_id).message.encode()

    at_work.riverside.says_more = answer
    await referral.requested()
    await at_work.gets(referral.practice, "A-1", Act.DECLINE)
    await at_work.settled()
    assert [each.act for each in referral.got(referral.practice)] == ["decline"]


async def test_nothing_is_lost_or_said_twice_when_the_engine_is_killed(at_work: Scene) -> None:
    """Killed right after an acknowledgment, at each turn."""
    referrals = [Referral(at_work, f"K-{initiator}", initiator, "360x") for initiator in ("ref", "fhir")]
    turns = [
        ("asks", Act.REQUEST, {"documents": NOTE}),
        ("answers", Act.ACCEPT, {}),
        ("answers", Act.COMPLETE, {"documents": NOTE}),
    ]
    for turn, act, facts in turns:
        for each in referrals:
            side = (each.initiator, each.practice) if turn == "asks" else (each.recipient, each.clinic)
            await at_work.says(each.said(act, **facts), *side)
        at_work.engine.kill()
        await at_work.engine.start()
        for each in referrals:
            got = await at_work.gets(each.clinic if turn == "asks" else each.practice, each.id, act)
            assert got.documents == (tuple(one.body for one in NOTE) if facts else ())
    await at_work.settled()
    for each in referrals:
        assert [one.act for one in each.got(each.practice)] == ["accept", "complete"]
        assert [one.act for one in each.got(each.clinic)] == ["request"]
