"""What a FHIR client is told of its message, by an engine at work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from channels.ends import End, Outcome, OutcomeCode
from channels.fhir import FhirInbound
from channels.fhir.replies import Answer, written
from channels.fhir.routed import RouteAnswer
from engine.channel import BoundEnd, Channel
from engine.fates import fate_of
from engine.journal import Journal, JournalError
from schemas.message import Message
from schemas.values import Address
from tests.engine.harness import DEFERRED, DELIVERED, REFUSED, Hand, Script, at_work, route

PATIENT = {"resourceType": "Patient"}
CREATED = Outcome(OutcomeCode.DELIVERED, "201", written(Answer(201, {**PATIENT, "id": "9"}, "Patient/9")))


class Listening:
    """Makes the end, and keeps it for its port."""

    def __init__(self) -> None:
        self.made: list[FhirInbound] = []

    def __call__(self, context: object, **options: object) -> FhirInbound:
        self.made.append(FhirInbound(context, **options))  # type: ignore[arg-type]
        return self.made[-1]


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        (lambda _message, _attempt: CREATED, 201),
        (lambda _message, attempt: DEFERRED if attempt == 1 else CREATED, 201),
        (lambda _message, _attempt: DELIVERED, 200),
        (lambda _message, _attempt: REFUSED, 422),
        (lambda _message, _attempt: DEFERRED, 202),
    ],
)
async def test_the_answer_of_a_route_and_the_status(
    tmp_path: Path, answers: Callable[[Message, int], Outcome], status: int
) -> None:
    ends = Listening()
    options = {
        "listen": Address("127.0.0.1", 0),
        "answer": RouteAnswer(route="server", within=timedelta(seconds=1 if status == 202 else 20)),
    }
    inbound = BoundEnd(End("fhir", inbound=ends), options)
    channel = Channel("adt", inbound, routes=(route(Script(), "other"), route(Script(answers), "server")))
    async with at_work(f"sqlite:///{tmp_path}/journal.db", channel, Hand()) as stand:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ends.made[0].port}/fhir/", trust_env=False) as client:
            answer = await client.post("Patient", json=PATIENT, timeout=30)
            assert answer.status_code == status
            if status == 201:
                assert answer.headers["location"] == f"{client.base_url}Patient/9"
                assert answer.json() == {**PATIENT, "id": "9"}
            if status == 202:
                asked = await client.get(answer.headers["content-location"])
                assert (asked.status_code, asked.headers["retry-after"]) == (202, "5")
                assert "server: could not be delivered yet" in asked.text
        assert await fate_of(stand.journal, "adt", "0" * 32) is None


async def test_a_message_of_another_channel_is_nobody_s_business(tmp_path: Path) -> None:
    hand = Hand()
    channel = Channel("adt", BoundEnd(End("hand", inbound=hand)), routes=(route(Script(), "out"),))
    async with at_work(f"sqlite:///{tmp_path}/journal.db", channel, hand) as stand:
        ids: list[str] = []
        accept = hand.accept
        assert accept is not None

        async def remember(message: Message) -> object:
            ids.append(message.id)
            return await accept(message)

        hand.accept = remember  # type: ignore[assignment]
        await hand.send(b'{"resourceType":"Patient"}', "fhir")
        found = await fate_of(stand.journal, "adt", ids[0])
        assert found is not None
        assert await fate_of(stand.journal, "lab", ids[0]) is None


async def test_a_journal_that_cannot_be_asked_raises() -> None:
    class Away(Journal):
        async def read(self, question: object) -> NoReturn:
            raise JournalError("the disk is full", "free space")

    with pytest.raises(OSError, match="the disk is full"):
        await fate_of(Away("sqlite://"), "adt", "0" * 32)
