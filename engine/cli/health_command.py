"""`hie health`: whether a running engine is well."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.common import json_option, print_json, shown, site_argument
from engine.cli.running import ask


@click.command("health")
@site_argument
@click.option("--timeout", default=3.0, show_default=True, metavar="SECONDS", help="Seconds to wait for the answer.")
@json_option
def command(site: Path, timeout: float, as_json: bool) -> int:
    """Ask the site's engine on this machine whether it is well; exit status 1 when it is not.

    It is well when every channel listens and no file has errors. Whether the broker answers shows here too.
    """
    status, answer = ask(site, "GET", "/health", timeout)
    if as_json:
        print_json(answer)
    else:
        for name, value in answer.items():
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            click.echo(f"{name.replace('_', ' ')}: {shown(text) or 'none'}")
    return 0 if status == 200 else 1
