"""The practice of the demo whose system takes FHIR: messages and transactions, kept as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from channels.http.server import Limits, Server, bind
from schemas.fhir import Resource, dumps
from schemas.fhir.read import read
from schemas.values import Address

_JSON = "application/fhir+json"
_LIMITS = Limits(connections=10, head=10, idle=60)


@dataclass(frozen=True, slots=True)
class Posted:
    """A Bundle that was posted, and where to below the base."""

    path: str
    bundle: Resource


class FhirPractice:
    """Takes whatever Bundle is posted below `/fhir`; `taken` has them in order."""

    def __init__(self, port: int) -> None:
        self.taken: list[Posted] = []
        self._port = port
        self._serving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen on loopback; raises `OSError`."""
        listener = await bind(Address("127.0.0.1", self._port), share=False)
        ready = asyncio.Event()
        server = Server(
            self._answer, limits=_LIMITS, tls=None, context=None, listening=ready.set, stopping=_nothing,
            refused=_nothing,
        )  # fmt: skip
        self._serving = asyncio.create_task(server.serve_on(listener))
        await ready.wait()

    async def close(self) -> None:
        """Go away."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)

    @property
    def messages(self) -> list[Resource]:
        """The Bundles that came as messages."""
        return [each.bundle for each in self.taken if each.path == "/fhir/$process-message"]

    @property
    def transactions(self) -> list[Resource]:
        """The Bundles that came as transactions."""
        return [each.bundle for each in self.taken if each.path == "/fhir"]

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        bundle = read(await request.body())
        self.taken.append(Posted(request.url.path.rstrip("/"), bundle))
        await Response(dumps(_reply(bundle)), media_type=_JSON)(scope, receive, send)


def _reply(bundle: Resource) -> Resource:
    if bundle.get("type") != "transaction":
        issue = {"severity": "information", "code": "informational", "diagnostics": "taken"}
        return {"resourceType": "OperationOutcome", "issue": [issue]}
    entries = [{"response": {"status": "201 Created"}} for _ in bundle.get("entry", ())]
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}


def _nothing(*_: str) -> None:
    return
