"""A channel in front of a FHIR server: what the server answers is what its client is answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.ends import End
from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.routed import RouteAnswer
from engine.channel import BoundEnd, Channel, Route
from schemas.values import Address
from tests.channels.desk import Desk
from tests.channels.fhir.client import JSON, PATIENT, bundle, end, entry
from tests.engine.harness import SOON, Hand, at_work

ALL = ["create", "update", "patch", "delete", "transaction", "batch", "message", "document"]
MESSAGE = bundle("message", {"resource": {"resourceType": "MessageHeader", "id": "m1", "eventUri": "urn:x:a"}})


@asynccontextmanager
async def before_a_server(folder: Path, server: Desk, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a channel whose route leads to an end of ours that answers as a server does."""
    behind = end(server, folder, interactions=ALL, **{"answer": "created", **options})
    made: list[FhirInbound] = []

    def inbound(context: Any, **given: Any) -> FhirInbound:
        made.append(FhirInbound(context, **given))
        return made[-1]

    async with server.serving(behind):
        base = f"http://127.0.0.1:{behind.port}/fhir"
        route = Route("server", BoundEnd(End("fhir", outbound=FhirOutbound), {"base": base}), retry=SOON)
        given = {
            "listen": Address("127.0.0.1", 0),
            "answer": RouteAnswer(route="server", within=timedelta(seconds=20)),
            "interactions": ALL,
        }
        channel = Channel("adt", BoundEnd(End("fhir", inbound=inbound), given), routes=(route,))
        async with at_work(f"sqlite:///{folder}/journal.db", channel, Hand()):
            address = f"http://127.0.0.1:{made[0].port}/fhir/"
            async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
                yield client


async def test_a_create_an_update_and_a_transaction(tmp_path: Path) -> None:
    server = Desk()
    async with before_a_server(tmp_path, server) as client:
        created = await client.post("Patient", json=PATIENT)
        updated = await client.put("Patient/a", json={**PATIENT, "id": "a"})
        asked = bundle(
            "transaction", entry("POST", "Patient", PATIENT), entry("PUT", "Patient/b", {**PATIENT, "id": "b"})
        )
        several = await client.post("", json=asked)
        message = await client.post("$process-message", json=MESSAGE)
        base = str(client.base_url)
    first = server.messages[0]
    assert (created.status_code, created.json()["id"], created.headers["etag"]) == (201, first.id, 'W/"1"')
    assert created.headers["location"] == f"{base}Patient/{first.id}/_history/1"
    assert (updated.status_code, updated.json()) == (200, {**PATIENT, "id": "a"})
    assert [each["response"]["status"] for each in several.json()["entry"]] == ["201 Created", "200 OK"]
    assert message.json()["entry"][0]["resource"]["response"] == {"identifier": "m1", "code": "ok"}
    assert [each.get("fhir.interaction") for each in server.messages] == ["create", "update", "transaction", "message"]


async def test_conditions_patches_and_deletes_arrive_as_they_were_asked(tmp_path: Path) -> None:
    server = Desk()
    async with before_a_server(tmp_path, server) as client:
        answers = [
            await client.post("Patient", json=PATIENT, headers={"if-none-exist": "identifier=http://x|1"}),
            await client.put("Patient?identifier=http://x%7C2", json=PATIENT),
            await client.patch(
                "Patient/1",
                content=b'[{"op":"remove","path":"/active"}]',
                headers={"content-type": "application/json-patch+json"},
            ),
            await client.delete("Patient/1"),
        ]
    assert [answer.status_code for answer in answers] == [202] * 4
    created, updated, patched, deleted = server.messages
    assert created.get("fhir.condition") == "identifier=http://x|1"
    assert (updated.get("fhir.interaction"), updated.get("fhir.condition")) == ("update", "identifier=http://x%7C2")
    assert [json.loads(each.body)["entry"][0]["request"] for each in (patched, deleted)] == [
        {"method": "PATCH", "url": "Patient/1"},
        {"method": "DELETE", "url": "Patient/1"},
    ]


@pytest.mark.parametrize(
    ("options", "body", "status"),
    [
        ({"types": ["Observation"]}, PATIENT, 404),
        ({"validate": "structure"}, {**PATIENT, "gender": "x"}, 422),
        ({"limit": 60}, PATIENT, 413),
    ],
)
async def test_what_the_server_refuses_is_refused_as_it_says(
    tmp_path: Path, options: dict[str, Any], body: dict[str, Any], status: int
) -> None:
    async with before_a_server(tmp_path, Desk(), **options) as client:
        answer = await client.post("Patient", content=json.dumps(body), headers=JSON)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
