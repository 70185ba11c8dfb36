"""The status of what was accepted, and the answer of a named route."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.ends import Fate, Receipt, ReceiptCode, RouteFate
from channels.fhir.replies import Answer, written
from channels.fhir.routed import RouteAnswer
from schemas.fhir import dumps
from schemas.fhir.outcome import outcome
from tests.channels.desk import Desk
from tests.channels.fhir.client import PATIENT, bundle, end, entry, serving

ROUTE = RouteAnswer(route="server", within=timedelta(seconds=5))
FIRST = "2".rjust(32, "0")  # the desk's second id; its first is the request's


def fate(status: str, *routes: tuple[str, str, bool], **attributes: str) -> Fate:
    return Fate(status, attributes, tuple(RouteFate(*each) for each in routes))


@pytest.mark.parametrize(
    ("known", "status", "severities", "says"),
    [
        (fate("received"), 202, ["information"], "waits"),
        (fate("routed", ("a", "queued", False)), 202, ["information"] * 2, "a: waits"),
        (
            fate("routed", ("a", "delivered", True), ("b", "deferred", False)),
            202,
            ["information"] * 2 + ["warning"],
            "b:",
        ),
        (fate("routed", ("a", "delivered", True)), 200, ["information"] * 2, "a: is delivered"),
        (fate("routed", ("a", "refused", True)), 200, ["information", "error"], "a: was refused"),
        (fate("filtered"), 200, ["information"], "no route"),
        (fate("failed"), 200, ["error"], "could not"),
    ],
)
async def test_the_status_of_what_was_accepted(
    tmp_path: Path, known: Fate, status: int, severities: list[str], says: str
) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, {"0a": known})) as client:
        answer = await client.get("_status/0a")
    assert answer.status_code == status
    assert [each["severity"] for each in answer.json()["issue"]] == severities
    assert says in answer.text
    assert ("x-progress" in answer.headers) == (status == 202)


async def test_the_status_is_told_to_none_but_who_sent_it(tmp_path: Path) -> None:
    desk = Desk()
    theirs = Fate("received", {"fhir.client": "CN=lab"})
    async with serving(desk, end(desk, tmp_path, {"0a": theirs})) as client:
        answer = await client.get("_status/0a")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("reply", "status", "headers", "body"),
    [
        (
            Answer(201, {**PATIENT, "id": "77"}, "http://server/x/Patient/77/_history/1", 'W/"1"', "Sat, 01 Mar 2025"),
            201,
            {"location": "{base}Patient/77/_history/1", "etag": 'W/"1"', "last-modified": "Sat, 01 Mar 2025"},
            {**PATIENT, "id": "77"},
        ),
        (Answer(422, outcome("error", "invalid", "No.")), 422, {}, outcome("error", "invalid", "No.")),
        (Answer(204), 204, {}, None),
    ],
)
async def test_the_answer_of_a_route_is_the_answer(
    tmp_path: Path, reply: Answer, status: int, headers: dict[str, str], body: dict[str, Any] | None
) -> None:
    desk = Desk()
    fates = {FIRST: Fate("routed", {}, (RouteFate("server", "delivered", True, written(reply)),))}
    async with serving(desk, end(desk, tmp_path, fates, answer=ROUTE)) as client:
        answer = await client.post("Patient", json=PATIENT)
        base = str(client.base_url)
    assert answer.status_code == status
    assert (answer.json() if answer.content else None) == body
    assert {name: answer.headers.get(name) for name in headers} == {
        name: value.replace("{base}", base) for name, value in headers.items()
    }


@pytest.mark.parametrize(
    ("status", "reply", "answered", "says"),
    [
        ("delivered", b"", 200, "Delivered by server."),
        ("delivered", b"MSA|AA|1\r", 200, "Delivered by server."),
        ("refused", b"", 422, "could not deliver"),
        ("refused", dumps(outcome("error", "invalid", "No such code.")), 422, "No such code."),
        ("refused", b"{", 422, "could not deliver"),
        ("failed", b"", 422, "could not deliver"),
    ],
)
async def test_a_route_whose_partner_does_not_speak_fhir(
    tmp_path: Path, status: str, reply: bytes, answered: int, says: str
) -> None:
    desk = Desk()
    fates = {FIRST: Fate("routed", {}, (RouteFate("server", status, True, reply),))}
    async with serving(desk, end(desk, tmp_path, fates, answer=ROUTE)) as client:
        answer = await client.post("Patient", json=PATIENT)
    assert answer.status_code == answered
    assert says in answer.text


@pytest.mark.parametrize(
    "known",
    [
        fate("received"),
        fate("routed", ("server", "deferred", False)),
        fate("routed", ("other", "delivered", True)),
        fate("filtered"),
        None,
    ],
)
async def test_a_route_that_does_not_answer_in_time(tmp_path: Path, known: Fate | None) -> None:
    desk = Desk()
    soon = RouteAnswer(route="server", within=timedelta(milliseconds=50))
    fates = {} if known is None else {FIRST: known}
    async with serving(desk, end(desk, tmp_path, fates, answer=soon)) as client:
        answer = await client.post("Patient", json=PATIENT)
        assert answer.headers["content-location"] == f"{client.base_url}_status/{FIRST}"
    assert answer.status_code == 202


async def test_a_route_s_answer_to_a_batch_has_what_was_refused_in_its_place(tmp_path: Path) -> None:
    desk = Desk()
    server = {"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": "201"}}]}
    fates = {FIRST: Fate("routed", {}, (RouteFate("server", "delivered", True, written(Answer(200, server))),))}
    asked = bundle("batch", entry("POST", "Nothing", PATIENT), entry("POST", "Patient", PATIENT))
    async with serving(desk, end(desk, tmp_path, fates, answer=ROUTE)) as client:
        answer = await client.post("", json=asked)
    assert [each["response"]["status"] for each in answer.json()["entry"]] == ["404 Not Found", "201"]


async def test_reads_within_a_transaction_go_to_the_route(tmp_path: Path) -> None:
    desk = Desk()
    server = {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"resource": PATIENT}]}
    fates = {FIRST: Fate("routed", {}, (RouteFate("server", "delivered", True, written(Answer(200, server))),))}
    async with serving(desk, end(desk, tmp_path, fates, answer=ROUTE)) as client:
        answer = await client.post("", json=bundle("transaction", entry("GET", "Patient/1")))
    assert (answer.status_code, answer.json()) == (200, server)


async def test_who_waits_for_a_route_is_answered_when_the_end_stops(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path, answer=RouteAnswer(route="server", within=timedelta(hours=1)))
    async with serving(desk, inbound) as client:
        listening = asyncio.Event()
        own = end(desk, tmp_path, answer=inbound.answer)
        task = asyncio.create_task(own.serve(desk.accept, listening.set))
        await listening.wait()
        asking = asyncio.create_task(client.post(f"http://127.0.0.1:{own.port}/fhir/Patient", json=PATIENT))
        await desk.received(1)
        task.cancel()
        answer = await asyncio.wait_for(asking, 10)
        await asyncio.wait({task}, timeout=10)
    assert (answer.status_code, task.cancelled()) == (202, True)


async def test_a_journal_that_is_away_is_503_for_a_status(tmp_path: Path) -> None:
    desk = Desk()
    inbound = end(desk, tmp_path)

    async def away(_id: str) -> Fate | None:
        raise OSError("the disk is full")

    object.__setattr__(inbound.context, "fate", away)
    async with serving(desk, inbound) as client:
        answer = await client.get("_status/0a")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


async def test_a_repeat_has_the_status_of_the_first(tmp_path: Path) -> None:
    desk = Desk(lambda _: Receipt(ReceiptCode.ACCEPTED, "a repeat of 0a", first="0a"))
    async with serving(desk, end(desk, tmp_path)) as client:
        answer = await client.post("Patient", json=PATIENT)
        assert answer.headers["content-location"] == f"{client.base_url}_status/0a"
