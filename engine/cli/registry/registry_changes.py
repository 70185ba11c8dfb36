"""`hie registry changes`: who changed what."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal
from engine.cli.moments import Moment


@click.command("changes")
@click.option("--since", type=Moment(), help="Made then or later: 3d, 2026-03-01.")
@click.option(
    "--limit", default=50, show_default=True, metavar="N", type=click.IntRange(1, 100_000), help="List at most so many."
)
@site_option
@json_option
def command(since: datetime | None, limit: int, site: Path, as_json: bool) -> None:
    """Say who changed what in the registry, the newest first: files that were loaded, doubtful matches settled."""
    from engine.registry.listing import changed  # noqa: PLC0415

    found = with_journal(site, lambda journal: journal.read(partial(changed, since, limit)))
    if as_json:
        print_json(found)
        return
    rows = [
        (local(each.at), *(shown(text) or "-" for text in (each.who, each.what, each.subject, each.detail)))
        for each in found
    ]
    for line in columns([("AT", "WHO", "WHAT", "SUBJECT", "DETAIL"), *rows]):
        click.echo(line)
