"""Where a process runs, so that another on the same machine can see that it is gone."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Place(NamedTuple):
    """A process: `host` is the same for two processes exactly when each can see the other's `pid`, and empty where
    that cannot be known; `started` tells two processes apart that had one pid (clock ticks since the machine began)."""

    host: str
    pid: int
    started: int


def here() -> Place:
    """Where this process runs."""
    return place_of(os.getpid())


def place_of(pid: int) -> Place:
    """Where the process `pid` of this machine runs."""
    started = _started(pid)
    return Place("" if started is None else _host(), pid, started or 0)


def is_gone(place: Place) -> bool:
    """Whether the process at `place` has certainly ended: it was on this machine, and is no more.

    Of a process elsewhere, in another container, or of which the machine does not tell, that is never said.
    """
    if not place.host or place.host != _host():
        return False
    try:
        os.kill(place.pid, 0)  # sends nothing; tells also where /proc hides what belongs to others
    except ProcessLookupError:
        return True
    except OSError:
        return False
    started = _started(place.pid)
    return started is not None and started != place.started


def _host() -> str:
    """This start of this machine and, since containers count for themselves, the space of process numbers."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        space = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return f"{socket.gethostname()} {boot} {space}"


def _started(pid: int) -> int | None:
    """When the process began; -1 when it has ended and only its parent has not noticed; None when nothing says."""
    try:
        # The second field is the program's name in parentheses, and may hold any character (proc(5)).
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return -1 if fields[0] in ("Z", "X") else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
