"""`hie prune`: remove what is settled and old enough."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import json_option, print_json, settings_of, site_argument, with_journal
from engine.cli.moments import Age

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.journal.retention import Keep, Pruned


@click.command("prune")
@site_argument
@click.option("--older-than", type=Age(), metavar="AGE", help="This age for every channel, instead of hie.yaml's.")
@click.option("--compact", is_flag=True, help="Then write the journal anew, as small as it can be: nothing can be "
              "journaled meanwhile, and the disk must hold it twice.")  # fmt: skip
@json_option
def command(site: Path, older_than: timedelta | None, compact: bool, as_json: bool) -> None:
    """Remove settled messages that are older than `retention` in hie.yaml says, and give the disk back.

    A message goes with all its deliveries, once all of them are settled, counted from the last thing that happened to
    one of them. What waits to be routed or delivered never goes. The engine does this by itself; the command is for
    more disk now. It works beside a running engine, a few rows at a time.

    SQLite's file shrinks. PostgreSQL uses the freed space for new messages; only --compact gives it back to the disk.
    """
    keep: Keep = settings_of(site).retention.of
    if older_than is not None:
        age = older_than
        keep = lambda _channel: age  # noqa: E731
    last = with_journal(site, lambda journal: _prune(journal, keep, compact, not as_json and sys.stderr.isatty()))
    if as_json:
        print_json({"messages": last.messages, "rows": last.rows, "bytes": last.bytes, "compacted": compact})
        return
    click.echo(f"removed {last.messages:,} messages with their deliveries ({last.rows:,} rows)")
    if last.bytes:
        click.echo(f"gave back {last.bytes / (1 << 20):,.1f} MB")
    if compact:
        click.echo("compacted")


async def _prune(journal: Journal, keep: Keep, compact: bool, talk: bool) -> Pruned:
    from engine.journal import retention  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    last = retention.Pruned("", 0, 0)
    async for last in retention.prune(journal, keep, utc_now()):
        if talk:
            click.echo(f"\r{last.rows:,} rows removed, {last.bytes >> 20:,} MB given back", err=True, nl=False)
    if talk:
        click.echo("\r\033[K", err=True, nl=False)
    if compact:
        await retention.compact(journal)
    return last
