"""Health, metrics and reload over HTTP, for probes, collectors and `hie reload`."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.metrics import render
from schemas.values import Address

if TYPE_CHECKING:
    from engine.runtime import Engine


class HealthServer:
    """Serves `/health`, `/metrics` and `POST /reload` for one engine."""

    def __init__(self, engine: Engine, listen: Address) -> None:
        self._engine = engine
        app = Starlette(
            routes=[
                Route("/health", self._health),
                Route("/metrics", self._metrics),
                Route("/reload", self._reload, methods=["POST"]),
            ]
        )
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        self._listen = listen
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises `OSError` when the address is taken."""
        opened = await asyncio.get_running_loop().getaddrinfo(
            self._listen.host, self._listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = opened[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(address)
        except OSError as error:
            listening.close()
            raise OSError(f"health cannot listen on {self._listen}: {error.strerror}; change hie.yaml") from None
        self._task = asyncio.create_task(self._server.serve([listening]), name="health")
        await self._server.ready.wait()

    async def stop(self) -> None:
        """Answer what is in flight and stop."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    async def _health(self, _request: Request) -> Response:
        deaf = sorted(name for name, flow in self._engine.flows.items() if not flow.listening)
        wrong = sorted({f.where for f in self._engine.site.findings if f.severity == "error"})
        well = not deaf and not wrong
        return JSONResponse(
            {
                "status": "well" if well else "degraded",
                "channels": sorted(self._engine.flows),
                "not_listening": deaf,
                "configuration_errors": wrong,
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


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The engine handles signals itself; uvicorn's own handlers would end the process behind its back.
        yield
