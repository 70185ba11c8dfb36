"""A site in a folder of its own, and engine processes on it: started, killed, stopped, asked how they are."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests import services

HOST = "127.0.0.1"
START_SECONDS = 30.0
_CHANNEL = """\
channel: adt
description: An ADT feed to a practice, in order by patient, and to a ward, in order as a whole.
inbound:
  mllp: {{listen: "127.0.0.1:{inbound}"{share}}}
steps:
  - keep: {{MSH-9.1: ADT}}
routes:
  - route: practice
    outbound:
      mllp: {{connect: "127.0.0.1:{practice}", ack_timeout: {ack_timeout}}}
    in_order: PID-3.1
    parallel: 8
    retry: {retry}
  - route: ward
    steps:
      - set: {{MSH-5: WARD}}
    outbound:
      mllp: {{connect: "127.0.0.1:{ward}", ack_timeout: {ack_timeout}}}
    in_order: true
    retry: {retry}
"""
_BYTECODE = tempfile.TemporaryDirectory(prefix="hie-bytecode-")
"""Compiled modules of the engines under test, so that only the first start pays for compiling."""
_SETTINGS = """\
journal: {journal}
backbone: {backbone}
health: {{listen: "127.0.0.1:${{HEALTH_PORT}}"}}
"""


class Site:
    """A site with one channel from `inbound` to the receivers' ports, on the given journal and backbone."""

    def __init__(self, folder: Path, journal: str, backbone: str) -> None:
        self.folder = folder
        self.journal = journal
        self.backbone = backbone
        self.inbound = services.free_port()
        (folder / "channels").mkdir(parents=True)
        (folder / "hie.yaml").write_text(_SETTINGS.format(journal=journal, backbone=backbone))

    @property
    def shared(self) -> bool:
        """Whether several engine processes may work on it."""
        return not self.journal.startswith("sqlite")

    @property
    def channel_file(self) -> Path:
        """The channel's YAML file."""
        return self.folder / "channels" / "adt.yaml"

    def write(self, practice: int, ward: int, *, ack_timeout: str = "2s", more: str = "") -> None:
        """Write the channel's file; `more` is added at its end."""
        text = _CHANNEL.format(
            inbound=self.inbound,
            share=", share_address: true" if self.shared else "",
            practice=practice,
            ward=ward,
            ack_timeout=ack_timeout,
            retry="{first: 100ms, most: 500ms, give_up_after: 1h}",
        )
        self.channel_file.write_text(text + more)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the journal's database answers to `query`, asked beside the engine."""
        if self.shared:
            with psycopg.connect(self.journal, connect_timeout=10) as connection:
                return connection.execute(query).fetchall()
        link = sqlite3.connect(f"file:{self.journal.removeprefix('sqlite:///')}?mode=ro", uri=True, timeout=10)
        try:
            return link.execute(query).fetchall()
        finally:
            link.close()

    def open_messages(self) -> int:
        """How many messages the journal holds that are not settled."""
        return int(self.rows("select count(*) from messages where open")[0][0])


class Engine:
    """One engine process on a site. What it logs is kept in a file beside the site."""

    def __init__(self, site: Site, name: str = "engine", *, command: tuple[str, ...] = ()) -> None:
        self.site = site
        self.name = name
        self.log = site.folder / f"{name}.log"
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._health = services.free_port()
        self.starts = 0

    @property
    def pid(self) -> int:
        """The number of the process that runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process and do not wait for it."""
        assert not self.alive
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, sys.executable, "-m", "engine", "run", str(self.site.folder)],
                cwd=services.ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "HEALTH_PORT": str(self._health), "PYTHONPYCACHEPREFIX": _BYTECODE.name}

    async def start(self) -> float:
        """Start it; returns when it listens, with the seconds that this took."""
        began = time.monotonic()
        self.launch()
        async with asyncio.timeout(START_SECONDS):
            while await self.health() is None:
                if not self.alive:
                    raise AssertionError(f"{self.name} ended at start:\n{self.tail()}")
                await asyncio.sleep(0.02)
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9, now."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} had ended by itself:\n{self.tail()}"
        self._process.kill()
        self._process.wait(10)

    async def stop(self, seconds: float = 30) -> int:
        """SIGTERM; the exit status of the process."""
        assert self._process is not None
        self._process.terminate()
        return await self.ended(seconds)

    async def ended(self, seconds: float = 30) -> int:
        """Wait for the end of the process; its exit status."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP freezes it as a machine that pauses does, SIGCONT lets it go on."""
        os.kill(self.pid, number)

    def destroy(self) -> None:
        """Kill it when it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Engine]:
        """Started during the with block; what it logged last is shown where something fails in there."""
        await self.start()
        try:
            yield self
        except BaseException:
            print(self.tail())
            raise
        finally:
            self.destroy()

    async def hie(self, *arguments: str) -> str:
        """What the command `hie` prints about the site, run as a process of its own; it must succeed."""
        command = [sys.executable, "-m", "engine", *arguments, "--site", str(self.site.folder)]

        def run() -> str:
            done = subprocess.run(
                command, cwd=services.ROOT, env=self._environment(), capture_output=True, check=True, timeout=60
            )
            return done.stdout.decode()

        return await asyncio.to_thread(run)

    async def health(self) -> dict[str, Any] | None:
        """What its health address answers, None while nobody answers."""
        answer = await self._ask("GET /health")
        return None if answer is None else json.loads(answer)

    async def until(self, holds: Callable[[dict[str, Any]], bool], seconds: float = 30) -> None:
        """Wait until `holds` for what its health address answers."""
        async with asyncio.timeout(seconds):
            while not ((health := await self.health()) and holds(health)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def metric(self, line: str) -> float:
        """The value of the metric whose line begins with `line`, 0 when there is none."""
        answer = await self._ask("GET /metrics")
        assert answer is not None, f"{self.name} does not answer"
        return sum(float(each.rpartition(" ")[2]) for each in answer.splitlines() if each.startswith(line))

    async def reload(self) -> dict[str, Any]:
        """Have it take up changed files now; its answer."""
        answer = await self._ask("POST /reload")
        assert answer is not None, f"{self.name} does not answer"
        return json.loads(answer)  # type: ignore[no-any-return]

    async def _ask(self, request: str) -> str | None:
        try:
            async with asyncio.timeout(30):
                reader, writer = await asyncio.open_connection(HOST, self._health)
                head = f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                writer.write(head.encode())
                answer = await reader.read()
                writer.close()
        except OSError:
            return None
        return answer.partition(b"\r\n\r\n")[2].decode()

    def cpu(self) -> float:
        """The seconds of CPU that the process has used."""
        fields = (Path("/proc") / str(self.pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """The resident memory of the process in MB."""
        for line in (Path("/proc") / str(self.pid) / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the kernel does not say")

    def tail(self, lines: int = 60) -> str:
        """The end of what it logged."""
        if not self.log.exists():
            return "(it logged nothing)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
