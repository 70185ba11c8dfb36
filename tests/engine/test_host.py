"""A process of this machine that has ended is known to be gone; of any other that is never said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import host
from engine.host import here, is_gone, place_of


@pytest.fixture
def program() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(["/bin/sleep", "1000"])
    yield started
    started.kill()
    started.wait()


def test_a_process_is_gone_when_it_was_killed_and_before_its_parent_notices(program: subprocess.Popen[bytes]) -> None:
    place = place_of(program.pid)
    assert place.host == here().host != ""
    assert not is_gone(place)
    program.kill()
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(place), "it has ended, and nobody has asked how"
    program.wait()
    assert is_gone(place)


def test_a_process_that_stands_still_is_not_gone(program: subprocess.Popen[bytes]) -> None:
    program.send_signal(19)
    assert not is_gone(place_of(program.pid))


def test_another_process_of_the_same_number_is_another_process() -> None:
    mine = here()
    assert not is_gone(mine)
    assert is_gone(mine._replace(started=mine.started - 1))


@pytest.mark.parametrize("elsewhere", ["", "another machine", here().host + "1"])
def test_of_a_process_elsewhere_nothing_is_said(elsewhere: str) -> None:
    assert not is_gone(here()._replace(host=elsewhere, pid=2**22 + 1))


def test_where_the_machine_does_not_tell_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mine = here()
    monkeypatch.setattr(host, "_PROC", tmp_path)
    assert here().host == ""
    assert not is_gone(mine._replace(started=1))
