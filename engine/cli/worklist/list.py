"""`hie worklist list`: what waits for a person."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal

_HEAD = ("SINCE", "QUEUE", "TYPE", "PATIENT ID", "PANEL", "REASON", "ID")


@click.command("list")
@click.option(
    "--limit", default=50, show_default=True, metavar="N", type=click.IntRange(1, 100_000), help="List at most so many."
)
@site_option
@json_option
def command(limit: int, site: Path, as_json: bool) -> None:
    """List what waits for a person, the oldest first."""
    from engine.worklist import waiting  # noqa: PLC0415

    found = with_journal(site, lambda journal: waiting(journal, limit))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("nothing waits for a person", err=True)
        return
    rows = [
        (
            local(each.received),
            *(shown(text) or "-" for text in (each.queue, each.type, each.patient_id, each.panel, each.reason)),
            each.id,
        )
        for each in found
    ]
    for line in columns([_HEAD, *rows]):
        click.echo(line)
