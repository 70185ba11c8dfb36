"""The README's first channel, done as it is written: its files, its commands in their order, its output."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.config.cases import run_cases
from engine.config.site import load_site
from tests.services import free_port

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    section = (ROOT / "README.md").read_text().split("## A first channel of your own")[1].split("\n## ")[0]
    return [(kind, text) for kind, text in BLOCK.findall(section)]


def write(folder: Path, text: str) -> None:
    path = folder / text.splitlines()[0].removeprefix("# ")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def written(folder: Path) -> Path:
    """The site of the README in `folder`, beside the samples."""
    shutil.copytree(ROOT / "samples", folder / "samples")
    for kind, text in blocks():
        if kind == "yaml":
            write(folder, text)
    return folder / "mysite"


def test_readme_channel_is_without_a_finding_and_its_cases_pass(tmp_path: Path) -> None:
    site = load_site(written(tmp_path), {})
    assert [str(finding) for finding in site.findings] == []
    report = run_cases(site, None)
    assert report.passed
    expected = next(text for kind, text in blocks() if kind == "text")
    assert "\n".join(report.lines()) == expected.rstrip()


class Terminal:
    """Runs the README's lines as a newcomer would: `hie run` in a second terminal, the rest one after the other."""

    def __init__(self, folder: Path, ports: dict[str, str]) -> None:
        self._folder = folder
        self.ports = ports
        self._env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self._env.pop("HIE_SITE", None)
        self.engine: subprocess.Popen[bytes] | None = None

    def run(self, line: str) -> str:
        for written_port, port in self.ports.items():
            line = line.replace(written_port, port)
        if line.startswith("hie run "):
            self.engine = subprocess.Popen(line.split(), cwd=self._folder, env=self._env, stderr=subprocess.PIPE)
            assert self.engine.stderr is not None
            assert any(b" runs 1 channels" in said for said in self.engine.stderr)
            return ""
        done = subprocess.run(
            ["bash", "-c", line], cwd=self._folder, env=self._env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    made = Terminal(tmp_path, {"2580": str(free_port())})
    yield made
    if made.engine is not None and made.engine.poll() is None:
        made.engine.kill()
        made.engine.wait()


def test_every_step_of_the_readme_works(terminal: Terminal, tmp_path: Path) -> None:
    output = {}
    for kind, text in blocks():
        if kind == "yaml":
            # The newcomer's machine has the ports free that are written here; the machine that tests may not.
            write(tmp_path, text.replace("2580", terminal.ports["2580"]))
            (tmp_path / "mysite" / "hie.yaml").write_text("health: none\n")
        for line in text.splitlines() if kind == "sh" else ():
            output[line.split(" ")[1] if line.startswith("hie ") else line] = ""
            if line.startswith("ls "):
                await_files(tmp_path / line.removeprefix("ls "), 3)
            output[line.split(" ")[1] if line.startswith("hie ") else line] = terminal.run(line)
    assert "-> cardiology" in output["try"]
    assert "PV1-3.4: 'STANNE' -> 'STANNE-EAST'" in output["try"]
    assert len(re.findall(r"^(?:AA|CA) ", output["send"], re.MULTILINE)) == len(
        list((ROOT / "samples" / "hl7v2").glob("adt_a0*.hl7"))
    )
    assert "STA-20260312-004752" in output["messages"]
    assert "A02-STA-20260312-004752.hl7" in output["ls mysite/var/cardiology"]
    assert terminal.engine is not None
    terminal.engine.terminate()
    assert terminal.engine.wait(20) == 0


def await_files(folder: Path, count: int) -> None:
    end = time.monotonic() + 20
    while len(list(folder.glob("*.hl7"))) < count:
        assert time.monotonic() < end, f"fewer than {count} files in {folder.name}"
        time.sleep(0.02)
