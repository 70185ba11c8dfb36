"""One measurement: a site made for it, the engine as a process of its own, both partners in this one."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from engine.bench.process import connect, cpu, memory, running
from engine.bench.receiver import Receiver
from engine.bench.sender import Sender
from engine.ports import free_ports

_CHANNEL = """\
channel: bench
description: MLLP in to MLLP out, in order by patient.
inbound:
  mllp: {{listen: 127.0.0.1:{inbound}}}
steps:
  - keep: {{MSH-9.1: ADT, MSH-9.2: [A01, A02, A03, A04, A08]}}
routes:
  - route: out
    outbound:
      mllp: {{connect: 127.0.0.1:{outbound}}}
    in_order: PID-3.1
    parallel: {parallel}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured."""

    messages: int = 50_000
    connections: int = 32
    parallel: int = 8
    journal: str = ""
    backbone: str = "embedded"

    @property
    def patience(self) -> float:
        """Seconds after the last ACK within which everything must be delivered."""
        return 60 + self.messages / 200


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured: rates in messages a second, times in milliseconds, memory in MB."""

    messages: int
    connections: int
    acknowledged: float
    delivered: float
    median: float
    p99: float
    slowest: float
    start: float
    memory: float
    cpu: float
    refused: int
    repeats: int

    def as_json(self) -> dict[str, object]:
        """The figures by name."""
        return asdict(self)


def measure(setting: Setting, env: Mapping[str, str]) -> Result:
    """Run one measurement; raises `RuntimeError` when the engine does not start or loses a message."""
    with tempfile.TemporaryDirectory(prefix="hie-bench-") as folder:
        return uvloop.run(_measure(setting, Path(folder), env))


async def _measure(setting: Setting, folder: Path, env: Mapping[str, str]) -> Result:
    receiver = Receiver(setting.messages)
    outbound = await receiver.listen()
    (inbound,) = free_ports(1)
    channel = _CHANNEL.format(inbound=inbound, outbound=outbound, parallel=setting.parallel)
    began = time.perf_counter()
    try:
        async with running(folder, {"bench": channel}, setting.journal, setting.backbone, env) as engine:
            start = await _first_ack(inbound, engine, began)
            sender = Sender("127.0.0.1", inbound, setting.messages, setting.connections)
            before = cpu(engine.pid)
            await sender.run()
            async with asyncio.timeout(setting.patience):
                await receiver.done.wait()
            used = cpu(engine.pid) - before
            most = memory(engine.pid)
    finally:
        receiver.close()
    latencies = sorted(sender.latencies)
    return Result(
        messages=setting.messages,
        connections=setting.connections,
        acknowledged=setting.messages / (sender.ended - sender.started),
        delivered=setting.messages / (receiver.ended - sender.started),
        median=latencies[len(latencies) // 2] * 1e3,
        p99=latencies[int(len(latencies) * 0.99)] * 1e3,
        slowest=latencies[-1] * 1e3,
        start=start,
        memory=most,
        cpu=used / setting.messages * 1e6,
        refused=sender.refused,
        repeats=receiver.repeats,
    )


async def _first_ack(port: int, engine: asyncio.subprocess.Process, began: float) -> float:
    """Seconds from the start of the engine to its first ACK. The message is one that the channel filters."""
    probe = b"\x0bMSH|^~\\&|ADT1|STANNE|HIE|REGION|20261122143000||ADT^A60^ADT_A60|PROBE|P|2.5.1\rPID|1||PROBE\r\x1c\r"
    reader, writer = await connect(port, engine, began)
    writer.write(probe)
    await reader.readuntil(b"\x1c")
    writer.close()
    return time.perf_counter() - began
