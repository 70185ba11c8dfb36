"""`hie test`: the cases beside the channels."""

from __future__ import annotations

import os
from pathlib import Path

import click

from engine.cli.common import json_option, print_json, shown, site_argument


@click.command("test")
@site_argument
@click.option("--channel", metavar="NAME", help="Run the cases of this channel alone.")
@json_option
def command(site: Path, channel: str | None, as_json: bool) -> int:
    """Run the cases beside the channels (channels/NAME.cases.yaml) through the plan that the engine uses.

    Says what differs, element by element, and which routes no case covers. No network is used.
    """
    from engine.config.cases import run_cases  # noqa: PLC0415
    from engine.config.site import load_site  # noqa: PLC0415

    report = run_cases(load_site(site, os.environ), channel)
    if as_json:
        print_json(report.to_json())
    else:
        for line in report.lines():
            click.echo(shown(line))
    return 0 if report.passed else 1
