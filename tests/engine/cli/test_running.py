"""`hie run`, `hie health` and `hie reload`, against an engine in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.conftest import Hie
from tests.engine.harness import adt
from tests.services import free_port

CHANNEL = """\
channel: {name}
inbound:
  mllp: {{listen: "127.0.0.1:{port}"}}
routes:
  - route: archive
    outbound:
      file: {{folder: out}}
"""


class Running:
    """A site with an engine on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        (folder / "channels").mkdir()
        (folder / "out").mkdir()
        (folder / "hie.yaml").write_text(f'health: {{listen: "127.0.0.1:{free_port()}"}}\n')
        self.write("adt", self.port)

    def write(self, name: str, port: int) -> None:
        (self.folder / "channels" / f"{name}.yaml").write_text(CHANNEL.format(name=name, port=port))


@pytest.fixture
def running(tmp_path: Path, root: Path) -> Iterator[Running]:
    """An engine that listens."""
    site = Running(tmp_path)
    process = subprocess.Popen([sys.executable, "-m", "engine", "run", str(tmp_path)], cwd=root, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if b" runs 1 channels" in line:
                break
        else:
            pytest.fail("the engine did not start")
        yield site
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def test_an_operators_day(hie: Hie, running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIE_SITE", str(running.folder))
    assert hie("health").status == 0
    assert hie("health", "--json").json["channels"] == ["adt"]

    message = running.folder / "message.hl7"
    message.write_bytes(adt("C1", "4711"))
    assert hie("send", message, "--to", f"mllp://127.0.0.1:{running.port}").status == 0
    (row,) = hie("messages", "--control-id", "C1", "--json").json["messages"]
    deadline = time.monotonic() + 10
    while not hie("messages", "--status", "delivered", "--json").json["messages"]:
        assert time.monotonic() < deadline
    assert "bytes written to" in hie("show", row["id"]).out
    assert len(list((running.folder / "out").iterdir())) == 1

    running.write("lab", free_port())
    ran = hie("reload")
    assert (ran.status, ran.out) == (0, "channels: adt, lab\n")
    (running.folder / "channels" / "lab.yaml").write_text("channel: lab\n")
    ran = hie("reload")
    assert ran.status == 1
    assert "channels/lab.yaml" in ran.out
    ran = hie("health")
    assert ran.status == 1
    assert "configuration errors: channels/lab.yaml" in ran.out


def test_no_engine_is_told(hie: Hie, tmp_path: Path) -> None:
    (tmp_path / "hie.yaml").write_text(f'health: {{listen: "127.0.0.1:{free_port()}"}}\n')
    for command in ("health", "reload"):
        ran = hie(command, tmp_path)
        assert ran.status == 1
        assert "no engine answers at 127.0.0.1:" in ran.err
        assert "hie run" in ran.err
    (tmp_path / "hie.yaml").write_text("health: none\n")
    ran = hie("health", tmp_path)
    assert ran.status == 1
    assert "serves no health" in ran.err


def test_a_site_that_is_not_there_does_not_run(hie: Hie) -> None:
    ran = hie("run", "/nowhere")
    assert ran.status == 1
    assert "name its folder, or set HIE_SITE" in ran.err
