"""fhirpy, a client that we did not write, at work with the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome
from pydantic import SecretStr

from channels.fhir.access import AccessOptions
from tests.channels.desk import Desk
from tests.channels.fhir.client import bundle, end, entry

ALL = ("create", "update", "patch", "delete", "transaction", "message")
NAME = [{"family": "Testperson"}]


@asynccontextmanager
async def fhirpy(desk: Desk, folder: Path, **options: Any) -> AsyncIterator[AsyncFHIRClient]:
    inbound = end(desk, folder, access=AccessOptions(token=SecretStr("s3cret")), interactions=ALL, **options)
    async with desk.serving(inbound):
        yield AsyncFHIRClient(f"http://127.0.0.1:{inbound.port}/fhir", authorization="Bearer s3cret")


async def test_it_saves_and_updates(tmp_path: Path) -> None:
    desk = Desk()
    async with fhirpy(desk, tmp_path, answer="created") as client:
        patient = client.resource("Patient", name=NAME)
        await patient.save()
        assert patient.id == desk.messages[0].id
        patient["active"] = True
        await patient.save()
    assert [message.get("fhir.interaction") for message in desk.messages] == ["create", "update"]
    assert desk.messages[1].get("Patient.id") == patient.id
    assert desk.messages[1].get("Patient.active") == "true"


async def test_it_sends_a_transaction(tmp_path: Path) -> None:
    desk = Desk()
    async with fhirpy(desk, tmp_path, answer="created") as client:
        patient = {"resourceType": "Patient", "name": NAME}
        asked = bundle(
            "transaction", entry("POST", "Patient", patient), entry("PUT", "Patient/b", {**patient, "id": "b"})
        )
        response = client.resource("Bundle", **asked)
        await response.save()
    assert (response["type"], [each["response"]["status"] for each in response["entry"]]) == (
        "transaction-response",
        ["201 Created", "200 OK"],
    )


async def test_it_understands_a_refusal(tmp_path: Path) -> None:
    desk = Desk()
    async with fhirpy(desk, tmp_path) as client:
        with pytest.raises(OperationOutcome) as refused:
            await client.resource("Patient", id="no id", name=NAME).save()
        await client.resource("Patient", id="1").delete()
    assert refused.value.resource["issue"][0]["severity"] == "error"
    assert [message.get("fhir.interaction") for message in desk.messages] == ["delete"]
