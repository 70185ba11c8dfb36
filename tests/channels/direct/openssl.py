"""OpenSSL's `cms` and `smime`, the other side that is always there."""

from __future__ import annotations

import subprocess
from pathlib import Path


def openssl(folder: Path, command: str, *more: str, given: bytes | None = None) -> bytes:
    """What `openssl` prints in `folder` for the words of `command` and `more`; fails when it does."""
    arguments = [*command.split(), *more]
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, input=given, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, (arguments, done.stderr.decode()[:500])
    return done.stdout
