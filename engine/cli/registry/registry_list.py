"""`hie registry list`: rosters and subscribers."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal


@click.command("list")
@site_option
@json_option
def command(site: Path, as_json: bool) -> None:
    """List rosters and directories with what was loaded of each and when, and the subscribers."""
    from engine.registry.listing import listing  # noqa: PLC0415

    found = with_journal(site, lambda journal: journal.read(listing))
    if as_json:
        print_json(found)
        return
    rosters = [(shown(each.name), f"{each.entries:,}", local(each.loaded)) for each in found.rosters]
    subscribers = [
        tuple(shown(text) or "-" for text in (each.name, each.panel, each.delivery, each.address, each.content))
        for each in found.subscribers
    ]
    for line in columns([("ROSTER", "ENTRIES", "LOADED"), *rosters]):
        click.echo(line)
    click.echo()
    for line in columns([("SUBSCRIBER", "PANEL", "DELIVERY", "ADDRESS", "CONTENT"), *subscribers]):
        click.echo(line)
