"""Patches, deletes and documents: what has no resource of its own is journaled as the transaction that says it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from schemas.fhir.xml import to_xml
from tests.channels.desk import Desk
from tests.channels.fhir.client import JSON, XML, bundle, end, issue, serving

OPERATIONS = [{"op": "replace", "path": "/active", "value": False}]
FHIRPATH = {
    "resourceType": "Parameters",
    "parameter": [{"name": "operation", "part": [{"name": "type", "valueCode": "delete"}]}],
}
JSON_PATCH = {"content-type": "application/json-patch+json"}
DOCUMENT = bundle("document", {"resource": {"resourceType": "Composition", "status": "final"}})


@pytest.mark.parametrize(
    ("path", "headers", "request_"),
    [
        ("Patient/1", {}, {"method": "DELETE", "url": "Patient/1"}),
        ("Patient/1", {"if-match": 'W/"2"'}, {"method": "DELETE", "url": "Patient/1", "ifMatch": 'W/"2"'}),
        ("Patient?identifier=http://x%7C1", {}, {"method": "DELETE", "url": "Patient?identifier=http://x%7C1"}),
    ],
)
@pytest.mark.parametrize("answers", ["accepted", "created"])
async def test_a_delete(
    tmp_path: Path, path: str, headers: dict[str, str], request_: dict[str, str], answers: str
) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, interactions=["delete"], answer=answers)) as client:
        answer = await client.delete(path, headers=headers)
    assert answer.status_code == 202
    [message] = desk.messages
    Bundle.model_validate(message.fhir)
    assert (message.fhir["type"], message.fhir["entry"]) == ("transaction", [{"request": request_}])
    assert message.get("fhir.interaction") == "delete"
    assert (message.get("fhir.id") == "1") == ("/" in path.partition("?")[0])


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        (JSON_PATCH, json.dumps(OPERATIONS).encode(), "Binary"),
        (JSON, json.dumps(FHIRPATH).encode(), "Parameters"),
        (XML, to_xml(FHIRPATH), "Parameters"),
    ],
)
async def test_a_patch(tmp_path: Path, headers: dict[str, str], body: bytes, kind: str) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, interactions=["patch"], answer="created")) as client:
        answer = await client.patch("Patient/1", content=body, headers=headers)
        metadata = await client.get("metadata")
    assert answer.status_code == 202
    [message] = desk.messages
    Bundle.model_validate(message.fhir)
    assert message.get("fhir.xml") == ("true" if headers is XML else "")
    [entry] = message.fhir["entry"]
    assert entry["request"] == {"method": "PATCH", "url": "Patient/1"}
    assert entry["resource"]["resourceType"] == kind
    if kind == "Binary":
        assert entry["resource"]["contentType"] == "application/json-patch+json"
        assert base64.b64decode(entry["resource"]["data"]) == body
    else:
        assert entry["resource"] == FHIRPATH
    assert "application/json-patch+json" in metadata.json()["patchFormat"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (JSON_PATCH, b"[]", 400),
        (JSON_PATCH, b"{}", 400),
        (JSON_PATCH, b"[7]", 400),
        (JSON_PATCH, b"[", 400),
        (JSON_PATCH, b'[{"op":"add","path":"/a"}]', 400),
        (JSON_PATCH, b'[{"op":"delete","path":"/a"}]', 400),
        (JSON_PATCH, b'[{"op":["add"],"path":"/a","value":1}]', 400),
        (JSON_PATCH, b'[{"op":"move","path":"/a"}]', 400),
        (JSON, b'{"resourceType":"Patient"}', 400),
        (JSON, b"", 400),
        ({"content-type": "application/xml-patch+xml"}, b"<diff/>", 415),
        ({}, b"[]", 415),
    ],
)
async def test_what_is_no_patch(tmp_path: Path, headers: dict[str, str], body: bytes, status: int) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, interactions=["patch"])) as client:
        answer = await client.patch("Patient/1", content=body, headers=headers)
    assert (answer.status_code, issue(answer)["severity"]) == (status, "error")


@pytest.mark.parametrize(
    ("interactions", "body", "status", "interaction"),
    [
        (["document"], DOCUMENT, 202, "document"),
        (["create", "document"], DOCUMENT, 202, "document"),
        (["create", "document"], bundle("collection"), 202, "create"),
        (["document"], bundle("collection"), 422, ""),
    ],
)
async def test_documents(
    tmp_path: Path, interactions: list[str], body: dict[str, Any], status: int, interaction: str
) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, interactions=interactions)) as client:
        answer = await client.post("Bundle", json=body)
    assert answer.status_code == status
    assert [message.get("fhir.interaction") for message in desk.messages] == [interaction] * (status == 202)


async def test_a_channel_for_documents_takes_no_other_resource(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(desk, end(desk, tmp_path, interactions=["document"], answer="created")) as client:
        created = await client.post("Bundle", json=DOCUMENT)
        refused = await client.post("Patient", json={"resourceType": "Patient"})
    assert (created.status_code, refused.status_code) == (201, 405)
    assert created.json()["id"] == desk.messages[0].id
