"""The Node.js programs in tests/clients/node, which we did not write, as processes."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

NODE = Path(__file__).parents[1] / "clients" / "node"


def install() -> Path:
    """The folder of the Node clients, installed; fails with what to do when they cannot be."""
    needed = json.loads((NODE / "package.json").read_text())["dependencies"]
    if not all((NODE / "node_modules" / name).is_dir() for name in needed):
        npm = shutil.which("npm")
        assert npm, f"install Node.js and npm, then: npm ci --prefix {NODE}"
        installed = subprocess.run(
            [npm, "ci", "--prefix", NODE, "--no-audit", "--no-fund"], capture_output=True, check=False
        )
        assert installed.returncode == 0, f"this failed: npm ci --prefix {NODE}\n{installed.stderr.decode()}"
    return NODE


@asynccontextmanager
async def node(script: Path, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """A Node script while it runs; gives its standard output."""
    process = await asyncio.create_subprocess_exec("node", script, *arguments, stdout=subprocess.PIPE, limit=1 << 20)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
