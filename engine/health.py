"""Health, metrics and reload over HTTP, for probes, collectors and `hie reload`."""

from __future__ import annotations

import asyncio
import logging

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.http.server import Limits, Server, bind
from engine.metrics import render
from engine.observed import Observed
from schemas.values import Address

log = logging.getLogger(__name__)

_LIMITS = Limits(connections=50, head=10.0, idle=30.0)
_JOURNAL_WAIT = 3.0  # seconds


class HealthServer:
    """Serves `/health`, `/metrics` and `POST /reload` for one engine."""

    def __init__(self, engine: Observed, listen: Address) -> None:
        self._engine = engine
        app = Starlette(
            routes=[
                Route("/health", self._health),
                Route("/metrics", self._metrics),
                Route("/reload", self._reload, methods=["POST"]),
            ]
        )
        self._listen = listen
        self._ready = asyncio.Event()
        self._server = Server(
            app,
            limits=_LIMITS,
            tls=None,
            context=None,
            listening=self._ready.set,
            stopping=lambda: None,
            refused=lambda _code, peer: log.warning("health closed a connection of %s: too many are open", peer),
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises `OSError` when the address is taken."""
        try:
            listening = await bind(self._listen, share=False)
        except OSError as error:
            reason = error.strerror or "there is no such address"
            raise OSError(f"health cannot listen on {self._listen}: {reason}; change `health` in hie.yaml") from None
        self._task = asyncio.create_task(self._server.serve([listening]), name="health")
        await self._ready.wait()

    async def stop(self) -> None:
        """Answer what is in flight and stop."""
        self._server.stop()
        if self._task is not None:
            await self._task

    async def _health(self, _request: Request) -> Response:
        deaf = sorted(name for name, flow in self._engine.flows.items() if not flow.listening)
        wrong = sorted({f.where for f in self._engine.site.findings if f.severity == "error"})
        answers = await self._engine.journal.answers(_JOURNAL_WAIT)
        idle = sorted(queue for flow in self._engine.flows.values() for queue in flow.stages.failing)
        well = not deaf and not wrong and not idle
        return JSONResponse(
            {
                "status": "well" if well else "degraded",
                "channels": sorted(self._engine.flows),
                "not_listening": deaf,
                "not_working": idle,
                "configuration_errors": wrong,
                "journal_answers": answers,
                "backbone_up": self._engine.backbone.up,
                "queues": sorted(self._engine.ownership.owned),
                "process": self._engine.name,
            },
            status_code=200 if well else 503,
        )

    async def _metrics(self, _request: Request) -> Response:
        return Response(render(self._engine), media_type="text/plain; version=0.0.4")

    async def _reload(self, request: Request) -> Response:
        if request.client is None or not Address(request.client.host, 0).is_loopback:
            return JSONResponse({"error": "reload is for this machine alone"}, status_code=403)
        findings = await self._engine.reload()
        return JSONResponse(
            {
                "channels": sorted(self._engine.flows),
                "findings": [
                    {"code": f.code, "where": f.where, "what": f.what, "hint": f.hint, "severity": f.severity}
                    for f in findings
                ],
            }
        )
