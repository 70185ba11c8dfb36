"""`hie run`: the engine itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from engine.cli.common import Failure, site_argument


@click.command("run")
@site_argument
def command(site: Path) -> int:
    """Start the site's channels and run until SIGTERM or SIGINT.

    On SIGTERM the engine takes no new input, ends what is in flight and stops. SIGHUP, like `hie reload`, has it take
    up changed files. Several engines of one site may run on a PostgreSQL journal, on one machine or on many.
    """
    if not site.is_dir():
        raise Failure(f"there is no site at {site}", "name its folder, or set HIE_SITE")
    from engine.runtime import run  # noqa: PLC0415

    return run(site, os.environ)
