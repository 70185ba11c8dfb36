"""`hie` itself: quick to start, whole in its manual, at home in its own packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from engine.cli import COMMANDS
from engine.cli import hie as group
from engine.cli.manual import page
from tests.engine.cli.conftest import Hie

HEAVY = ("sqlalchemy", "alembic", "pydantic", "starlette", "rich", "httpx", "pika", "orjson", "asyncio")


def test_help_loads_nothing_but_click(root: Path) -> None:
    script = f"""
import sys
from engine.cli import main
try:
    main(["--help"])
except SystemExit as ended:
    assert ended.code == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.splitlines()[-1] == "[]"
    for name, what in COMMANDS.items():
        assert any(line.split() == [name, *what.split()] for line in done.stdout.splitlines())


def test_the_manual_has_every_command_and_option(root: Path) -> None:
    written = (root / "docs" / "cli.md").read_text()
    assert page(written) == written, "write it anew: python -m engine.cli.manual docs/cli.md"
    context = click.Context(group, info_name="hie")
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        _, _, section = written.partition(f"\n### hie {name}\n")
        section = section.partition("\n### ")[0]
        assert command.help
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert f"`{parameter.opts[0]}" in section
                assert parameter.help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(hie: Hie, name: str) -> None:
    ran = hie(name, "--help")
    assert ran.status == 0
    assert ran.out.startswith(f"Usage: hie {name}")


def test_the_version_is_the_projects(hie: Hie) -> None:
    assert hie("--version").out.startswith("hie, version ")


def test_a_foreign_package_of_the_same_name_is_noticed(tmp_path: Path, root: Path) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "__init__.py").write_text("")
    script = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import engine.cli as c; c.main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
    )
    assert done.returncode == 1
    assert "the package 'channels' is" in done.stderr
    assert "virtual environment of its own" in done.stderr


def test_a_reader_that_has_seen_enough_ends_it_quietly(root: Path) -> None:
    script = f"{sys.executable} -m engine schema | head -c 10"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert len(done.stdout) == 10
    assert done.stderr == ""
