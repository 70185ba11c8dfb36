"""The inbound `fhir` end measured beside the plain `http` end, in one run of the engine."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from engine.bench.bodies import ENTRIES, patient, transaction
from engine.bench.process import connect, running
from engine.bench.web import Client, Sink
from engine.ports import free_ports

_CHANNEL = """\
channel: {end}
description: FHIR in by the {end} end, out by HTTP.
inbound:
  {end}: {options}
routes:
  - route: out
    outbound:
      http: {{url: "http://127.0.0.1:{sink}/"}}
    parallel: {parallel}
"""
_WHAT = (("Patient creates", "/Patient", patient), (f"transactions of {ENTRIES}", "", transaction))


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured: `messages` creates, and a fifth as many transactions, on each end."""

    messages: int = 10_000
    connections: int = 16
    parallel: int = 8
    journal: str = ""
    backbone: str = "embedded"

    @property
    def patience(self) -> float:
        """Seconds after the last answer within which everything must be delivered."""
        return 60 + self.messages / 50


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured of one end: rates in requests a second, times in milliseconds."""

    what: str
    end: str
    messages: int
    answered: float
    delivered: float
    median: float
    p99: float
    slowest: float
    refused: int

    def as_json(self) -> dict[str, object]:
        """The figures by name."""
        return asdict(self)


def measure(setting: Setting, env: Mapping[str, str]) -> list[Result]:
    """Measure creates and transactions, first by the `http` end, then by the `fhir` end; raises `RuntimeError`."""
    with tempfile.TemporaryDirectory(prefix="hie-bench-") as folder:
        return uvloop.run(_measure(setting, Path(folder), env))


async def _measure(setting: Setting, folder: Path, env: Mapping[str, str]) -> list[Result]:
    sink = Sink()
    out = await sink.listen()
    plain, fhir = free_ports(2)
    options = {
        "http": f"{{listen: 127.0.0.1:{plain}, path: /fhir, format: fhir}}",
        "fhir": f"{{listen: 127.0.0.1:{fhir}, answer: created}}",
    }
    channels = {
        end: _CHANNEL.format(end=end, options=text, sink=out, parallel=setting.parallel)
        for end, text in options.items()
    }
    results = []
    began = time.perf_counter()
    try:
        async with running(folder, channels, setting.journal, setting.backbone, env) as engine:
            for port in (plain, fhir):
                _, writer = await connect(port, engine, began)
                writer.close()
            for what, path, body in _WHAT:
                count = setting.messages if body is patient else max(20, setting.messages // 5)
                for end, port, url in (("http", plain, "/fhir"), ("fhir", fhir, f"/fhir{path}")):
                    client = Client(port, url, body, count, setting.connections)
                    results.append(await _run(setting, client, sink, what, end, count))
    finally:
        sink.close()
    return results


async def _run(setting: Setting, client: Client, sink: Sink, what: str, end: str, count: int) -> Result:
    before = sink.count
    await client.run()
    if len(client.latencies) < count:
        raise RuntimeError(f"the {end} end closed its connections before everything was answered")
    accepted = count - client.refused
    async with asyncio.timeout(setting.patience):
        await sink.wait_for(before + accepted)
    latencies = sorted(client.latencies)
    return Result(
        what=what,
        end=end,
        messages=count,
        answered=count / (client.ended - client.started),
        delivered=accepted / (sink.ended - client.started),
        median=latencies[count // 2] * 1e3,
        p99=latencies[int(count * 0.99)] * 1e3,
        slowest=latencies[-1] * 1e3,
        refused=client.refused,
    )
