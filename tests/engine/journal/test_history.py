"""A message's whole history, by its own id, by that of a delivery, or by the beginning of either."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from engine.journal import Event, Journal, Status
from engine.journal.history import Fact, UnknownIdError, history
from tests.engine.journal.stored import START, delivery, received


async def test_everything_about_one_message_is_told(journal: Journal) -> None:
    routes = {"practice": Status.DEFERRED, "archive": Status.DELIVERED}
    id = await received(journal, routes=routes, terms=(("visit", "V1"),), detail="lab: not met: MSH-9.1: ORU")
    child = delivery(id, "practice")
    later = START + timedelta(seconds=5)
    await journal.record(
        (),
        (
            Event(child, START, "deferred", "connection refused"),
            Event(child, later, "deferred", "AE: busy", b"MSA|AE|1\r"),
            Event(id, later, "repeat", "acknowledged again, not routed twice"),
        ),
    )
    for asked in (id, child, str(uuid.UUID(id)), child[:20]):
        found = await history(journal, asked)
        assert found.asked == (id if asked.replace("-", "") == id else child)
        assert (found.message.id, found.message.channel, found.message.route) == (id, "adt", "")
        assert (found.message.type, found.message.control_id, found.message.patient_id) == ("ADT^A01", "1", "4711")
        assert found.message.received == START
        assert found.message.attributes == {"mllp.peer": "10.0.0.7"}
        assert found.message.status is Status.ROUTED
        assert found.message.detail == "lab: not met: MSH-9.1: ORU"
        assert found.message.events == (Fact(later, "repeat", "acknowledged again, not routed twice", b""),)
        assert found.terms == (("visit", "V1"),)
        assert [(each.route, each.status, each.open) for each in found.deliveries] == [
            ("practice", Status.DEFERRED, True),
            ("archive", Status.DELIVERED, False),
        ]
        practice, archive = found.deliveries
        assert practice.events == (
            Fact(START, "deferred", "connection refused", b""),
            Fact(later, "deferred", "AE: busy", b"MSA|AE|1\r"),
        )
        assert (practice.due, practice.attempts) == (START + timedelta(minutes=10), 1)
        assert (archive.reply, archive.settled, archive.same_body) == (b"MSA|AA|1\r", START, True)


async def test_a_received_message_goes_before_what_was_made_of_it(journal: Journal) -> None:
    id = await received(journal, routes={"practice": Status.DELIVERED, "archive": Status.DELIVERED})
    assert (await history(journal, id[:12])).asked == id


async def test_an_id_that_names_nothing_is_refused_with_a_hint(journal: Journal) -> None:
    await received(journal)
    await received(journal)
    for written in ("", "0", "xyz", "f" * 32, "0" * 40, "019'", "019%"):
        with pytest.raises(UnknownIdError, match=r"hie messages|write more"):
            await history(journal, written)
