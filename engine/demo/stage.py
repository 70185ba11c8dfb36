"""Where the demo plays: a copy of the sample site in a folder of its own, and the engine as a process of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.demo.hisp import make_identities
from engine.journal import Journal
from engine.ports import free_ports
from schemas.ids import utc_now

_HOME = Path(__file__).resolve().parents[2]
_SITE, _SAMPLES = _HOME / "config", _HOME / "samples"
_OWN = ("HIE_JOURNAL", "HIE_BACKBONE", "HIE_DATA", "HIE_SITE")
_START = 30.0  # seconds
_STOP = 30.0


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class Stage:
    """The sample site in `folder`, the addresses that its channels are given, and the engine that runs it."""

    def __init__(self, folder: Path, env: Mapping[str, str], practice_port: int) -> None:
        if not (_SITE / "hie.yaml").exists() or not _SAMPLES.is_dir():
            raise DemoError(f"the sample site and its messages are not in {_HOME}: run the demo from a checkout")
        self.site = folder / "site"
        shutil.copytree(_SITE, self.site, ignore=shutil.ignore_patterns("var"))
        self.feed, health, self.direct, self.hisp, self.mail, self.mailroom, self.harbour = free_ports(7)
        self.referrals_mail, self.referrals_fhir, self.referrals_feed = free_ports(3)
        _stay_awake(self.site / "registry" / "subscribers.yaml", utc_now())
        self.practice = folder / "eastmere"
        make_identities(self.site / "direct", self.practice, utc_now())
        self.env = {name: value for name, value in env.items() if name not in _OWN} | {
            "ADT_FEED": f"127.0.0.1:{self.feed}",
            "EASTMERE": f"127.0.0.1:{practice_port}",
            "HIE_HEALTH": f"127.0.0.1:{health}",
            "HARBOUR": f"http://127.0.0.1:{self.harbour}/fhir",
            "HISP": f"127.0.0.1:{self.mailroom}",
            "HISP_IN": f"127.0.0.1:{self.mail}",
            "HISP_REFERRALS": f"127.0.0.1:{self.referrals_mail}",
            "REFERRALS_FHIR": f"127.0.0.1:{self.referrals_fhir}",
            "REFERRALS_FEED": f"127.0.0.1:{self.referrals_feed}",
            "DIRECT": "true",
            "DIRECT_IN": f"127.0.0.1:{self.direct}",
            "DIRECT_RELAY": f"127.0.0.1:{self.hisp}",
        }
        self.journal = Journal(f"sqlite:///{self.site / 'var' / 'journal.db'}")
        self.status: int | None = None
        self._opened = False
        self._log = folder / "engine.log"
        self._engine: asyncio.subprocess.Process | None = None

    async def start(self) -> float:
        """Start the engine; seconds until it listened. Raises `DemoError` with its own words when it does not."""
        began = time.perf_counter()
        with self._log.open("wb") as log:
            self._engine = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "engine", "run", str(self.site), env=self.env, cwd=_HOME, stderr=log, stdout=log
            )
        while self._engine.returncode is None and time.perf_counter() - began < _START:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.feed)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await self.journal.open()
            self._opened = True
            return time.perf_counter() - began
        raise DemoError(f"the engine did not start:\n{self.log()}")

    async def stop(self) -> None:
        """End the engine in good order, as an operator would; its exit status is then `status`."""
        if self._opened:
            self._opened = False
            await self.journal.close()
        if self._engine is None or self.status is not None:
            return
        if self._engine.returncode is None:
            self._engine.terminate()
        try:
            self.status = await asyncio.wait_for(self._engine.wait(), _STOP)
        except TimeoutError:
            self._engine.kill()
            self.status = await self._engine.wait()

    def log(self) -> str:
        """The last lines of the engine's log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def drop(self, sample: str) -> None:
        """Put the sample into the laboratory's folder as a careful partner does: written, then renamed."""
        folder = self.site / "var" / "lab"
        half = folder / f"{sample}.part"
        half.write_bytes(read(sample))
        half.rename(folder / f"{sample}.hl7")

    def hand_in(self, document: bytes) -> None:
        """Put a discharge summary where the hospital's own system does."""
        folder = self.site / "var" / "discharge"
        (folder / ".summary").write_bytes(document)
        (folder / ".summary").rename(folder / "summary.xml")

    def files(self, folder: str, pattern: str = "*.hl7") -> list[bytes]:
        """What lies in `folder` of the site's var/, in the order in which it was written."""
        found = sorted((self.site / "var" / folder).glob(pattern), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_bytes() for file in found]


def _stay_awake(subscribers: Path, now: datetime) -> None:
    """Leave out the quiet hours, and have the list of the day told in twelve hours: whoever sees the demo at night sees
    what is seen by day."""
    if not subscribers.exists():
        return
    made = re.sub(r"(?m)^  quiet:.*\n", "", subscribers.read_text())
    later = (now + timedelta(hours=12)).astimezone(ZoneInfo("America/Chicago"))
    subscribers.write_text(re.sub(r"(?m)^  digest:.*$", f'  digest: "{later:%H:%M}"', made))


def read(sample: str) -> bytes:
    """The bytes of a sample message of HL7 v2."""
    return (_SAMPLES / "hl7v2" / f"{sample}.hl7").read_bytes()


def read_document(sample: str) -> bytes:
    """The bytes of a sample document."""
    return (_SAMPLES / "ccda" / f"{sample}.xml").read_bytes()
