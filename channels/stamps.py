"""Whether a file is still the one that was read."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int] | None
"""What tells a file from a later one under the same name; None where there is none."""


def stamp(file: Path) -> Stamp:
    """The stamp of `file` as it is now."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
