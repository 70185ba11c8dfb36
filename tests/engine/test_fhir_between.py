"""The engine between a FHIR client and a FHIR server: the client is answered as if it had asked the server itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from channels.ends import End
from channels.fhir import FhirInbound, FhirOutbound
from channels.fhir.routed import RouteAnswer
from engine.channel import BoundEnd, Channel, Route
from schemas.values import Address
from tests.channels.fhir.server import Told, serving
from tests.engine.harness import SOON, Hand, at_work

PATIENT = {"resourceType": "Patient", "identifier": [{"system": "http://a", "value": "1"}]}
KEPT = {**PATIENT, "id": "9"}
WRONG = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid", "diagnostics": "no"}]}
PATCH = [{"op": "replace", "path": "/active", "value": True}]


def bundle(type: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def entry(resource: dict[str, Any]) -> dict[str, Any]:
    return {"resource": resource, "request": {"method": "POST", "url": "Patient"}}


HEADER = {"resourceType": "MessageHeader", "eventUri": "urn:x", "source": {"endpoint": "urn:y"}}
RESPONSE = {**HEADER, "response": {"identifier": "1", "code": "ok"}}
BATCH = bundle("batch", entry(PATIENT), entry(PATIENT))
FAILED_IN_PART = bundle(
    "batch-response", {"response": {"status": "201 Created"}}, {"response": {"status": "422", "outcome": WRONG}}
)


@pytest.mark.parametrize(
    ("asked", "body", "headers", "at_server", "told"),
    [
        (
            "POST Patient",
            PATIENT,
            {},
            "POST /fhir/Patient",
            (201, KEPT, {"Location": "BASE/Patient/9/_history/1", "ETag": 'W/"1"'}),
        ),
        ("POST Patient", PATIENT, {"If-None-Exist": "identifier=b"}, "POST /fhir/Patient", (200, KEPT, {})),
        ("POST Patient", PATIENT, {}, "POST /fhir/Patient", (422, WRONG, {})),
        ("PUT Patient/9", KEPT, {"If-Match": 'W/"1"'}, "PUT /fhir/Patient/9", (412, WRONG, {})),
        ("PUT Patient/9", KEPT, {}, "PUT /fhir/Patient/9", (200, KEPT, {"ETag": 'W/"2"'})),
        (
            "PUT Patient?identifier=a%7Cb",
            PATIENT,
            {},
            "PUT /fhir/Patient?identifier=a%7Cb",
            (201, KEPT, {"Location": "Patient/9"}),
        ),
        (
            "PATCH Patient/9",
            PATCH,
            {"Content-Type": "application/json-patch+json"},
            "PATCH /fhir/Patient/9",
            (200, KEPT, {}),
        ),
        ("DELETE Patient/9", None, {}, "DELETE /fhir/Patient/9", (204, None, {})),
        ("POST ", BATCH, {}, "POST /fhir", (200, FAILED_IN_PART, {})),
        (
            "POST ",
            {**BATCH, "type": "transaction"},
            {},
            "POST /fhir",
            (200, bundle("transaction-response", *[{"response": {"status": "201"}}] * 2), {}),
        ),
        ("POST ", {**BATCH, "type": "transaction"}, {}, "POST /fhir", (400, WRONG, {})),
        (
            "POST $process-message",
            bundle("message", {"resource": HEADER}),
            {},
            "POST /fhir/$process-message",
            (200, bundle("message", {"resource": RESPONSE}), {}),
        ),
    ],
)
async def test_what_is_asked_and_what_is_answered_goes_through(
    tmp_path: Path, asked: str, body: Any, headers: dict[str, str], at_server: str, told: Told
) -> None:
    made: list[FhirInbound] = []

    def listening(context: Any, **options: Any) -> FhirInbound:
        made.append(FhirInbound(context, **options))
        return made[-1]

    options = {
        "listen": Address("127.0.0.1", 0),
        "interactions": ("create", "update", "patch", "delete", "transaction", "batch", "message"),
        "answer": RouteAnswer(route="server", within=timedelta(seconds=20)),
    }
    with serving() as server:
        status, answer, answer_headers = told
        told_headers = {name: value.replace("BASE", server.base) for name, value in answer_headers.items()}
        server.answer = lambda _: (status, answer, told_headers)
        out = BoundEnd(End("fhir", outbound=FhirOutbound), {"base": server.base})
        inbound = BoundEnd(End("fhir", inbound=listening), options)
        channel = Channel("adt", inbound, routes=(Route("server", out, retry=SOON),))
        async with at_work(f"sqlite:///{tmp_path}/journal.db", channel, Hand()):
            base = f"http://127.0.0.1:{made[0].port}/fhir"
            async with httpx.AsyncClient(trust_env=False) as client:
                method, _, path = asked.partition(" ")
                content = None if body is None else orjson.dumps(body)
                reply = await client.request(method, f"{base}/{path}", content=content, headers=headers)
    assert reply.status_code == status
    assert (reply.json() if reply.content else None) == answer
    assert reply.headers.get("etag") == told_headers.get("ETag")
    if "Location" in told_headers:
        assert reply.headers["location"] == f"{base}/{told_headers['Location'].removeprefix(f'{server.base}/')}"
    [came] = server.requests
    assert f"{came.method} {came.path}" == at_server
    assert (came.json if came.body else None) == body
    for name, value in headers.items():
        assert came.headers[name.lower()] == value
