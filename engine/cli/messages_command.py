"""`hie messages`: search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal
from engine.cli.seeking import find, seeking_options, wanted

if TYPE_CHECKING:
    from engine.journal.summary import Summary

_HEAD = ("RECEIVED", "CHANNEL", "TYPE", "CONTROL ID", "PATIENT ID", "STATUS", "DELIVERIES", "ID")


@click.command("messages")
@seeking_options
@click.option(
    "--limit", default=50, show_default=True, metavar="N", type=click.IntRange(1, 100_000), help="List at most so many."
)
@click.option("--before", metavar="PLACE", help="Go on from where the last listing ended.")
@site_option
@json_option
def command(limit: int, before: str | None, site: Path, as_json: bool, **given: Any) -> None:
    """List received messages, newest first, with what became of them.

    Options narrow the search and may be combined; without any, the newest are listed. Works beside a running engine and
    without one. Patient ids are shown here and in `hie show` only: mind who sees the screen.
    """
    search_for = wanted(site, given)
    rows, place = with_journal(site, lambda journal: find(journal, search_for, limit, before))
    if as_json:
        print_json({"messages": rows, "before": place})
        return
    if rows:
        for line in columns([_HEAD, *map(_line, rows)]):
            click.echo(line)
    else:
        click.echo("no message is like that", err=True)
    if place is not None:
        click.echo(f"there may be more, further back: --before {place}", err=True)


def _line(row: Summary) -> tuple[str, ...]:
    deliveries = ", ".join(
        f"{each.route} {each.status}" + (f" x{each.count}" if each.count > 1 else "") for each in row.deliveries
    )
    texts = (row.channel, row.type or row.format, row.control_id, row.patient_id, row.status, deliveries)
    return (local(row.received), *(shown(text) or "-" for text in texts), row.id)
