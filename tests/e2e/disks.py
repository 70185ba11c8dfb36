"""Disks that fill up, and disks that take no more writes: real ones where this user may mount, else by the kernel's
limit on a process's files."""

from __future__ import annotations

import contextlib
import resource
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.engines import Engine

_MB = 1 << 20


@dataclass(frozen=True)
class Disk:
    """A folder on a disk of its own; `fail` makes it refuse writes of `engine`, `mend` undoes that."""

    folder: Path
    kind: str
    fail: Callable[[Engine], None]
    mend: Callable[[Engine], None]


def _run(*command: str | Path) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0


def _limit(size: int) -> Callable[[Engine], None]:
    def limit(engine: Engine) -> None:
        if engine.alive:  # the limit ends with the process
            resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return limit


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk that `fail` fills up: a tmpfs of 64 MB, else a limit on the size of the engine's files."""
    folder.mkdir()
    if not _run("mount", "-t", "tmpfs", "-o", "size=64m", "hie-test", folder):
        yield Disk(folder, "a limit on the size of files", _limit(256 << 10), _limit(resource.RLIM_INFINITY))
        return
    ballast = folder / "ballast"

    def fill(_engine: Engine) -> None:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    try:
        yield Disk(folder, "a full tmpfs", fill, lambda _engine: ballast.unlink())
    finally:
        _run("umount", "--lazy", folder)


@contextlib.contextmanager
def failing_disk(folder: Path) -> Iterator[Disk]:
    """A disk that `fail` makes read-only as the kernel does after an error: an ext4 of its own, else no byte may be
    written by the engine any more. It is mended while the engine is down."""
    folder.mkdir()
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(64 * _MB)
    made = _run("mkfs.ext4", "-q", "-F", image) and _run("mount", "-o", "loop", image, folder)
    if not made:
        yield Disk(folder, "a limit on the size of files", _limit(0), lambda _engine: None)
        return

    def fail(_engine: Engine) -> None:
        assert _run("mount", "-o", "remount,abort", folder), "the disk would not become read-only"

    def mend(_engine: Engine) -> None:
        assert _run("umount", folder)
        _run("fsck.ext4", "-y", image)
        assert _run("mount", "-o", "loop", image, folder), "the disk would not mount again"

    try:
        yield Disk(folder, "an ext4 made read-only", fail, mend)
    finally:
        _run("umount", "--lazy", folder)
