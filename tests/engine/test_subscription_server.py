"""The subscription server over HTTP, with its book in a journal: what clients are answered."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.subscription import Subscription
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome
from sqlalchemy import insert

from channels.fhir import FhirInbound
from channels.fhir.access import AccessOptions
from channels.fhir.subscriptions.server import MOST
from engine.journal import Journal
from engine.registry.reads import subscriber_text
from engine.registry.subscriptions import JournalBook
from engine.registry.tables import subscribers
from schemas.fhir.topic import TOPIC
from schemas.fhir.xml import from_xml
from schemas.values import Address
from tests.channels.desk import NOW, Desk
from tests.channels.fhir.client import JSON, XML, bundle, entry, issue, serving
from tests.channels.fhir.subscriptions.wanted import filtered, whole
from transforms.registry import Subscriber

R5 = "application/fhir+json; fhirVersion=5.0"
CLIENTS = """\
clients:
  - {client: riverside, token_sha256: RIVERSIDE, scopes: [system/Subscription.cruds, system/Basic.rs]}
  - {client: reader, token_sha256: READER, scopes: [system/Subscription.rs]}
"""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The client `riverside`; that with the token `reader` may read alone."""
    journal = Journal(f"sqlite:///{tmp_path}/journal.db")
    await journal.open()
    rows = [
        {"name": name, "source": "test", "data": subscriber_text(Subscriber(name, delivery="subscription"))}
        for name in ("riverside", "reader")
    ]
    await journal.change(lambda connection: connection.execute(insert(subscribers), rows))
    text = CLIENTS
    for name in ("riverside", "reader"):
        text = text.replace(name.upper(), hashlib.sha256(name.encode()).hexdigest())
    (tmp_path / "clients.yaml").write_text(text)
    desk = Desk()
    book = JournalBook(journal, lambda: NOW, lambda _received, _notice: "")
    context = replace(desk.context(tmp_path), subscriptions=book)
    access = AccessOptions(clients=tmp_path / "clients.yaml")
    interactions = ("batch",)
    inbound = FhirInbound(
        context, listen=Address("127.0.0.1", 0), access=access, subscriptions=True, interactions=interactions
    )
    async with serving(desk, inbound) as found:
        found.headers["authorization"] = "Bearer riverside"
        yield found
    await journal.close()


async def made(client: httpx.AsyncClient, resource: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await client.post("Subscription", json=resource or whole())
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_what_is_created_is_answered_read_and_found(client: httpx.AsyncClient) -> None:
    answer = await client.post("Subscription", json=whole("status", "active"))
    found = answer.json()
    Subscription.model_validate(found)
    assert (answer.status_code, found["status"], found["meta"]["versionId"]) == (201, "requested", "1")
    assert answer.headers["location"].endswith(f"/Subscription/{found['id']}/_history/1")
    assert answer.headers["etag"] == 'W/"1"'
    read = await client.get(f"Subscription/{found['id']}")
    assert read.json() == found
    other = await made(client, whole("channel.endpoint", "https://ehr.example.org/other"))
    for query, ids in {
        "": {found["id"], other["id"]},
        "?status=requested": {found["id"], other["id"]},
        "?status=active,error": set(),
        "?url=https://ehr.example.org/other": {other["id"]},
        f"?_id={found['id']}": {found["id"]},
        f"?criteria={TOPIC}&status=requested&url=https://ehr.example.org/hook": {found["id"]},
    }.items():
        bundle = (await client.get(f"Subscription{query}")).json()
        Bundle.model_validate(bundle)
        assert {each["resource"]["id"] for each in bundle.get("entry", ())} == ids, query
        assert bundle["total"] == len(ids)
    posted = await client.post("Subscription/_search", data={"url": "https://ehr.example.org/other"})
    assert posted.json()["total"] == 1


@pytest.mark.parametrize(
    ("resource", "status", "place"),
    [
        (whole("criteria", "http://example.org/other"), 422, "Subscription.criteria"),
        (filtered("Encounter?status=finished"), 422, "Subscription.criteria.extension"),
        (whole("channel.type", "websocket"), 422, "Subscription.channel.type"),
        (whole("channel._payload"), 422, "Subscription.channel.payload.extension"),
        (whole("channel.payload", "text/plain"), 422, "Subscription.channel.payload"),
        (whole("channel.payload", "application/fhir+json; fhirVersion=5.0"), 422, "Subscription.channel.payload"),
        (whole("channel.endpoint", "https://10.0.0.1/"), 422, "Subscription.channel.endpoint"),
        (whole("status", "off"), 422, "Subscription.status"),
        (whole("reason"), 422, "Subscription.reason"),
        (whole("contact", "me"), 422, "Subscription.contact"),
        ({"resourceType": "Patient"}, 400, None),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_what_is_refused_says_where(
    client: httpx.AsyncClient, resource: dict[str, Any], status: int, place: str | None
) -> None:
    answer = await client.post("Subscription", json=resource)
    found = issue(answer)
    assert answer.status_code == status
    assert found.get("expression") == ([place] if place else None)
    assert (await client.get("Subscription")).json()["total"] == 0


async def test_requests_that_cannot_be(client: httpx.AsyncClient) -> None:
    id = (await made(client))["id"]
    body = whole("id", id)
    answers = {
        "no JSON": await client.post("Subscription", content=b"{", headers=JSON),
        "no body": await client.post("Subscription", headers=JSON),
        "R5": await client.post("Subscription", json=whole(), headers={"content-type": R5}),
        "text": await client.post("Subscription", content=b"x", headers={"content-type": "text/plain"}),
        "a condition": await client.post("Subscription", json=whole(), headers={"if-none-exist": "url=x"}),
        "too large": await client.post("Subscription", json=whole("reason", "x" * 70_000)),
        "another id": await client.put(f"Subscription/{id}", json=whole("id", "other")),
        "an old version": await client.put(f"Subscription/{id}", json=body, headers={"if-match": 'W/"9"'}),
        "one that is not there": await client.put("Subscription/x", json=whole("id", "x")),
        "a patch": await client.patch(f"Subscription/{id}", json=[]),
        "a history": await client.get(f"Subscription/{id}/_history"),
        "an operation": await client.post(f"Subscription/{id}/$resend"),
        "a number": await client.get(f"Subscription/{id}/$events?eventsSinceNumber=x"),
        "too many": await client.get(f"Subscription/{id}/$events?{'a=1&' * 1_001}"),
        "many ids": await client.get(f"Subscription?{'_id=1&' * 1_001}"),
        "many codes": await client.get(f"Basic?{'code=1&' * 1_001}"),
        "by id in the query": await client.delete("Subscription?_id=1"),
    }  # fmt: skip
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "no JSON": 400, "no body": 400, "R5": 415, "text": 415, "a condition": 412, "too large": 413, "another id": 400,
        "an old version": 412, "one that is not there": 404, "a patch": 405, "a history": 404, "an operation": 404,
        "a number": 400, "too many": 400, "many ids": 400, "many codes": 400, "by id in the query": 405,
    }  # fmt: skip
    assert all(answer.json()["resourceType"] == "OperationOutcome" for answer in answers.values())
    assert (await client.get(f"Subscription/{id}")).json()["meta"]["versionId"] == "1"


async def test_scopes_count(client: httpx.AsyncClient) -> None:
    id = (await made(client))["id"]
    client.headers["authorization"] = "Bearer reader"
    answers = [
        await client.post("Subscription", json=whole()),
        await client.put(f"Subscription/{id}", json=whole("id", id)),
        await client.delete(f"Subscription/{id}"),
        await client.get("Basic/encounter-events"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert (await client.get("Subscription")).json()["total"] == 0, "another's are not its own"
    client.headers["authorization"] = "Bearer wrong"
    assert (await client.get("Subscription")).status_code == 401


async def test_update_and_delete(client: httpx.AsyncClient) -> None:
    id = (await made(client))["id"]
    changed = await client.put(
        f"Subscription/{id}", json=whole("id", id) | {"reason": "new"}, headers={"if-match": 'W/"1"'}
    )
    assert (changed.status_code, changed.headers["etag"], changed.json()["reason"]) == (200, 'W/"2"', "new")
    assert (await client.delete(f"Subscription/{id}")).status_code == 204
    assert (await client.delete(f"Subscription/{id}")).status_code == 404


async def test_a_subscriber_has_so_many_at_most(client: httpx.AsyncClient) -> None:
    for _ in range(MOST):
        await made(client)
    answer = await client.post("Subscription", json=whole())
    assert (answer.status_code, issue(answer)["code"]) == (422, "too-costly")


async def test_operations_by_parameters_and_in_xml(client: httpx.AsyncClient) -> None:
    ids = [(await made(client))["id"] for _ in range(3)]
    said = [{"name": "id", "valueId": ids[0]}, {"name": "id", "valueId": ids[2]}]
    answer = await client.post("Subscription/$status", json={"resourceType": "Parameters", "parameter": said})
    parameters = [each["resource"]["parameter"][0] for each in answer.json()["entry"]]
    assert [each["valueReference"]["reference"].rpartition("/")[2] for each in parameters] == [ids[0], ids[2]]
    assert answer.json()["type"] == "searchset"
    assert (await client.get("Subscription/$status?status=active")).json()["total"] == 0
    events = await client.get(f"Subscription/{ids[0]}/$events", headers={"accept": XML["content-type"]})
    found = from_xml(events.content)
    assert (found["type"], found["entry"][0]["resource"]["resourceType"]) == ("history", "Parameters")
    Bundle.model_validate((await client.get(f"Subscription/{ids[0]}/$events")).json())


async def test_what_the_server_says_of_itself(client: httpx.AsyncClient) -> None:
    statement = (await client.get("metadata")).json()
    CapabilityStatement.model_validate(statement)
    resources = {each["type"]: each for each in statement["rest"][0]["resource"]}
    assert set(resources) == {"Subscription", "Basic", "Encounter"}, "nothing else is taken"
    subscription = resources["Subscription"]
    assert [each["valueCanonical"] for each in subscription["extension"]] == [TOPIC]
    assert {each["code"] for each in subscription["interaction"]} == {
        "read",
        "create",
        "update",
        "delete",
        "search-type",
    }
    assert {each["name"] for each in subscription["operation"]} == {"status", "events"}
    topic = (await client.get("Basic/encounter-events")).json()
    found = (await client.get("Basic?code=http://hl7.org/fhir/fhir-types|SubscriptionTopic")).json()
    assert [each["resource"] for each in found["entry"]] == [topic]
    assert (await client.get("Basic?code=other")).status_code == 405


async def test_one_in_a_batch_is_refused_there(client: httpx.AsyncClient) -> None:
    answer = await client.post("", json=bundle("batch", entry("POST", "Subscription", whole())))
    assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == ["422"]
    assert (await client.get("Subscription")).json()["total"] == 0


async def test_fhirpy_a_client_that_we_did_not_write_subscribes(client: httpx.AsyncClient) -> None:
    other = AsyncFHIRClient(str(client.base_url).rstrip("/"), authorization="Bearer riverside")
    subscription = other.resource("Subscription", **whole("resourceType"))
    await subscription.save()
    assert (subscription["status"], subscription["meta"]["versionId"]) == ("requested", "1")
    subscription["reason"] = "another"
    await subscription.save()
    found = await other.resources("Subscription").search(status="requested").fetch_all()
    assert [(each.id, each["reason"]) for each in found] == [(subscription.id, "another")]
    told = await subscription.execute("$status", method="GET")
    assert told["entry"][0]["resource"]["resourceType"] == "Parameters"
    wrong = other.resource("Subscription", **{**whole("resourceType"), "criteria": "http://example.org/other"})
    with pytest.raises(OperationOutcome):
        await wrong.save()
    await subscription.delete()
    assert await other.resources("Subscription").fetch_all() == []
