"""The inbound FHIR end, listening, and a client to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from channels.ends import Fate
from channels.fhir import FhirInbound
from schemas.values import Address
from tests.channels.desk import Desk

JSON = {"content-type": "application/fhir+json"}
XML = {"content-type": "application/fhir+xml"}
PATIENT: dict[str, Any] = {"resourceType": "Patient", "name": [{"family": "Testperson"}]}


def end(desk: Desk, folder: Path, fates: dict[str, Fate] | None = None, **options: Any) -> FhirInbound:
    """An end on a port that the system chooses; `fates` is what the journal would say."""

    async def fate(id: str) -> Fate | None:
        return (fates or {}).get(id)

    context = replace(desk.context(folder), fate=fate)
    return FhirInbound(context, listen=Address("127.0.0.1", 0), **options)


@asynccontextmanager
async def serving(desk: Desk, inbound: FhirInbound) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose addresses are below the base of `inbound`, which listens."""
    async with desk.serving(inbound):
        base = f"http://127.0.0.1:{inbound.port}{inbound.base}/"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=10) as client:
            yield client


def issue(answer: httpx.Response) -> dict[str, Any]:
    """The one issue of an OperationOutcome in JSON."""
    resource = answer.json()
    assert resource["resourceType"] == "OperationOutcome"
    [found] = resource["issue"]
    return dict(found)


def bundle(type: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """A Bundle."""
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def entry(method: str, url: str, resource: dict[str, Any] | None = None, **request: str) -> dict[str, Any]:
    """An entry of a batch or transaction."""
    asked = {"request": {"method": method, "url": url, **request}}
    return asked if resource is None else {"resource": resource, **asked}
