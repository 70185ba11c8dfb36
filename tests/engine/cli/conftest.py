"""`hie` as an operator calls it, and a site with a journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson
import pytest

from engine.cli import main
from engine.journal import Journal, Status
from tests.engine.journal.stored import received

T = TypeVar("T")


class Ran(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return orjson.loads(self.out)


Hie = Callable[..., Ran]


@pytest.fixture
def hie(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Hie:
    """Calls `hie` with these arguments."""
    monkeypatch.delenv("HIE_SITE", raising=False)

    def run(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        told = capsys.readouterr()
        return Ran(int(ended.value.code or 0), told.out, told.err)

    return run


class Site:
    """A site's folder, and its journal as the engine would have left it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids: dict[str, str] = {}

    def journal(self, work: Callable[[Journal], Coroutine[Any, Any, T]]) -> T:
        """What `work` makes of the site's journal."""

        async def go() -> T:
            journal = Journal(f"sqlite:///{self.folder}/var/journal.db")
            await journal.open()
            try:
                return await work(journal)
            finally:
                await journal.close()

        return asyncio.run(go())

    async def fill(self, journal: Journal) -> None:
        """A message that went well, one that was filtered, one of which a delivery failed and one was refused."""
        went = {"practice": Status.DELIVERED, "archive": Status.DELIVERED}
        failed = {"practice": Status.FAILED, "archive": Status.REFUSED}
        self.ids["well"] = await received(journal, 0, control_id="C1", terms=(("visit", "V1"),), routes=went)
        self.ids["filtered"] = await received(
            journal, 1, control_id="C2", type="ADT^A08", status=Status.FILTERED, detail="practice: not met: PV1-3.1: W2"
        )
        self.ids["trouble"] = await received(
            journal, 2, control_id="C3\x1b[31m", patient_id="4712", type="ORU^R01", channel="lab", routes=failed
        )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with a small journal and a search name."""
    monkeypatch.delenv("HIE_DATA", raising=False)
    folder = tmp_path / "site"
    (folder / "channels").mkdir(parents=True)
    (folder / "hie.yaml").write_text("search: {visit: PV1-19.1}\nretention: {default: 30d, channels: {lab: 3650d}}\n")
    made = Site(folder)
    made.journal(made.fill)
    return made
