"""The engine as a process of its own, on a site made for one measurement."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

_SETTINGS = """\
journal: {journal}
backbone: {backbone}
health: none
log: {{level: warning}}
"""


@asynccontextmanager
async def running(
    folder: Path, channels: Mapping[str, str], journal: str, backbone: str, env: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The engine at work on a site in `folder`; `channels` are files by name. Ended when the block ends."""
    (folder / "channels").mkdir(exist_ok=True)
    for name, text in channels.items():
        (folder / "channels" / f"{name}.yaml").write_text(text)
    where = journal or f"sqlite:///{folder}/journal.db"
    (folder / "hie.yaml").write_text(_SETTINGS.format(journal=where, backbone=backbone))
    engine = await asyncio.create_subprocess_exec(sys.executable, "-m", "engine", "run", str(folder), env=dict(env))
    try:
        yield engine
    finally:
        if engine.returncode is None:
            engine.terminate()
        await engine.wait()


async def connect(
    port: int, engine: asyncio.subprocess.Process, began: float, patience: float = 60
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, as soon as the engine listens; raises `RuntimeError` when it does not within `patience` seconds."""
    while time.perf_counter() - began < patience:
        if engine.returncode is not None:
            raise RuntimeError("the engine did not start; its own words are above")
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
    raise RuntimeError(f"the engine did not listen within {patience:g} s")


def cpu(pid: int) -> float:
    """Processor time that a process has had, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int, what: str = "VmHWM") -> float:
    """The most memory that a process has had, in MB; what it has now with `what` VmRSS."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return 0.0
