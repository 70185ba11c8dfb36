"""The end that notifies: what becomes of each delivery, and what it does by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.ends import OutcomeCode
from channels.fhir.subscriptions import SubscriptionOutbound
from channels.subscriptions import Change, Happened, Practice, Sending, Subscribed, Told
from schemas.message import FHIR, Message
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.server import FhirServer, serving
from tests.channels.fhir.subscriptions.test_notification import BODY, FOCUS
from tests.channels.fhir.subscriptions.wanted import whole

MESSAGE = Message("f" * 32, "adt", FHIR, BODY, NOW, "e" * 32, {"subscription.id": "1"})


@dataclass
class FakeBook:
    """Keeps subscriptions in memory; `broken` has it answer nothing."""

    kept: dict[str, Told] = field(default_factory=dict)
    refused: str = ""
    broken: bool = False

    async def sending(self, message: str) -> Sending | None:
        if self.broken:
            raise OSError("the journal is away")
        told = self.kept.get("1")
        return None if told is None else Sending(told, Happened(7, NOW, message, "new", "admit", BODY), self.refused)

    async def change(self, id: str, change: Change) -> Subscribed | None:
        if id not in self.kept:
            return None
        changed = change(self.kept[id])
        assert changed is not None
        self.kept[id] = self.kept[id]._replace(subscription=changed)
        return changed

    async def due(self, until: datetime, most: int) -> list[Told]:
        times = {id: each.subscription.due for id, each in self.kept.items()}
        found = [each for id, each in self.kept.items() if (times[id] or until) <= NOW]
        for each in found:
            self.kept[each.subscription.id] = each._replace(subscription=replace(each.subscription, due=until))
        return found


def told(server: FhirServer, id: str = "1", path: str = "hook", **more: Any) -> Told:
    resource = json.dumps(whole("channel.endpoint", f"{server.base}/{path}"))
    made = Subscribed(id, "riverside", "https://hie.example/fhir", resource, (), NOW, "active", verified=True)
    return Told(replace(made, **more), Practice("riverside", server.base), 7)


def end(book: FakeBook, folder: Path, **options: Any) -> SubscriptionOutbound:
    context = replace(Desk().context(folder), subscriptions=book)  # type: ignore[arg-type]
    return SubscriptionOutbound(context, **options)


@contextmanager
def answering(status: int, **headers: str) -> Iterator[FhirServer]:
    with serving() as server:
        server.answer = lambda _: (status, b"Willowby", headers)
        yield server


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, OutcomeCode.DELIVERED) for status in (200, 201, 202, 204)),
        *((status, OutcomeCode.DEFERRED) for status in (302, 401, 403, 404, 405, 408, 410, 429, 500, 503)),
        *((status, OutcomeCode.REFUSED) for status in (400, 413, 415, 422)),
    ],
)
async def test_what_an_endpoint_answers_is_the_outcome(tmp_path: Path, status: int, code: OutcomeCode) -> None:
    with answering(status) as server:
        book = FakeBook({"1": told(server)})
        outbound = end(book, tmp_path)
        outcome = await outbound.deliver(MESSAGE)
        await outbound.close()
        assert len(server.requests) == 1
    assert (outcome.code, outcome.unreachable) == (code, False), "its route waits for no one endpoint"
    assert "Willowby" not in outcome.detail
    assert book.kept["1"].subscription.failures == (code is not OutcomeCode.DELIVERED)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"status": "off", "detail": "turned off by its client"}, OutcomeCode.REFUSED, "turned off"),
        ({"ends": NOW - timedelta(seconds=1)}, OutcomeCode.REFUSED, "its end has come"),
        ({"status": "requested", "verified": False}, OutcomeCode.DEFERRED, "handshake"),
        ({"status": "error", "verified": False}, OutcomeCode.DEFERRED, "handshake"),
    ],
)
async def test_nothing_is_sent_to_what_is_off_or_not_verified(
    tmp_path: Path, change: dict[str, Any], code: OutcomeCode, says: str
) -> None:
    with answering(200) as server:
        outcome = await end(FakeBook({"1": told(server, **change)}), tmp_path).deliver(MESSAGE)
        assert server.connections == 0
    assert outcome.code is code
    assert says in outcome.detail


async def test_nothing_is_sent_of_whom_the_subscriber_may_not_hear(tmp_path: Path) -> None:
    with answering(200) as server:
        book = FakeBook({"1": told(server)}, refused="the patient has opted out")
        outcome = await end(book, tmp_path).deliver(MESSAGE)
        assert server.connections == 0
    assert (outcome.code, outcome.detail) == (OutcomeCode.REFUSED, "the patient has opted out")


async def test_a_book_that_cannot_be_asked_has_the_message_wait(tmp_path: Path) -> None:
    outcome = await end(FakeBook(broken=True), tmp_path).deliver(MESSAGE)
    assert outcome.code is OutcomeCode.DEFERRED
    gone = await end(FakeBook(), tmp_path).deliver(MESSAGE)
    assert (gone.code, gone.detail) == (OutcomeCode.REFUSED, "the subscription was deleted")
    other = await end(FakeBook(), tmp_path).deliver(replace(MESSAGE, attributes={}))
    assert "match_subscriptions" in other.detail


async def test_a_repeat_is_the_same_notification(tmp_path: Path) -> None:
    with answering(200) as server:
        outbound = end(FakeBook({"1": told(server)}), tmp_path)
        await outbound.deliver(MESSAGE)
        await outbound.deliver(MESSAGE)
        await outbound.close()
        first, second = server.requests
    assert first.body == second.body
    assert FOCUS in first.body.decode()
    assert first.headers["x-request-id"] == MESSAGE.id


async def test_a_slow_endpoint_holds_up_nobody_elses_handshake(tmp_path: Path) -> None:
    async def wait(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    silent = await asyncio.start_server(wait, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with answering(200) as server:
        resource = json.dumps(whole("channel.endpoint", f"http://127.0.0.1:{port}/"))
        slow = told(server, due=NOW, status="requested", verified=False, resource=resource)
        book = FakeBook({"1": slow._replace(practice=Practice("riverside", f"http://127.0.0.1:{port}/"))})
        outbound = end(book, tmp_path, timeout=timedelta(minutes=1))
        work = asyncio.create_task(outbound.work())
        async with asyncio.timeout(20):
            while book.kept["1"].subscription.due == NOW:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        quick = [told(server, str(n), due=NOW, status="requested", verified=False) for n in range(2, 8)]
        book.kept |= {each.subscription.id: each for each in quick}
        async with asyncio.timeout(20):
            while [each.subscription.status for each in book.kept.values()].count("active") < len(quick):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert book.kept["1"].subscription.status == "requested"
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await outbound.close()
    silent.close()


async def test_what_was_changed_while_it_was_tried_stays_as_it_was_changed(tmp_path: Path) -> None:
    """A handshake says nothing of a way that its client has replaced meanwhile."""
    with serving() as server:
        first = told(server, due=NOW, status="requested", verified=False)
        book = FakeBook({"1": first})

        def answer(_: object) -> tuple[int, None, dict[str, str]]:
            book.kept["1"] = first._replace(subscription=replace(first.subscription, version=2))
            return 200, None, {}

        server.answer = answer  # type: ignore[assignment]
        outbound = end(book, tmp_path)
        await outbound._attend(first)
        await outbound.close()
    assert (book.kept["1"].subscription.status, book.kept["1"].subscription.verified) == ("requested", False)
