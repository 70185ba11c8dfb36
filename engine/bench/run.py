"""One measurement: a site made for it, the engine as a process of its own, both partners in this one."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

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
_SETTINGS = """\
journal: {journal}
backbone: {backbone}
health: none
log: {{level: warning}}
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
    channels = folder / "channels"
    channels.mkdir()
    (channels / "bench.yaml").write_text(_CHANNEL.format(inbound=inbound, outbound=outbound, parallel=setting.parallel))
    journal = setting.journal or f"sqlite:///{folder}/journal.db"
    (folder / "hie.yaml").write_text(_SETTINGS.format(journal=journal, backbone=setting.backbone))
    began = time.perf_counter()
    engine = await asyncio.create_subprocess_exec(sys.executable, "-m", "engine", "run", str(folder), env=dict(env))
    try:
        start = await _first_ack(inbound, engine, began)
        sender = Sender("127.0.0.1", inbound, setting.messages, setting.connections)
        before = _cpu(engine.pid)
        await sender.run()
        async with asyncio.timeout(setting.patience):
            await receiver.done.wait()
        cpu = _cpu(engine.pid) - before
        memory = _memory(engine.pid)
    finally:
        if engine.returncode is None:
            engine.terminate()
        await engine.wait()
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
        memory=memory,
        cpu=cpu / setting.messages * 1e6,
        refused=sender.refused,
        repeats=receiver.repeats,
    )


async def _first_ack(port: int, engine: asyncio.subprocess.Process, began: float) -> float:
    """Seconds from the start of the engine to its first ACK. The message is one that the channel filters."""
    probe = b"\x0bMSH|^~\\&|ADT1|STANNE|HIE|REGION|20261122143000||ADT^A60^ADT_A60|PROBE|P|2.5.1\rPID|1||PROBE\r\x1c\r"
    while time.perf_counter() - began < 60:
        if engine.returncode is not None:
            raise RuntimeError("the engine did not start; its own words are above")
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.write(probe)
        await reader.readuntil(b"\x1c")
        writer.close()
        return time.perf_counter() - began
    raise RuntimeError("the engine did not listen within 60 s")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
