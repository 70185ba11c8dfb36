"""`hie settle`: give up what waits in queues that are gone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, columns, json_option, local, print_json, site_option, with_journal

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.journal.settle import Waits

_HEAD = ("QUEUE", "MESSAGES", "OLDEST", "NEWEST")


@click.command("settle")
@click.argument("queues", nargs=-1, metavar="[QUEUE]...")
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would be given up is told.")
@site_option
@json_option
def command(queues: tuple[str, ...], yes: bool, site: Path, as_json: bool) -> None:
    """Give up messages that wait in a QUEUE (channel/route, or channel) which the site's channels no longer have.

    Such messages wait after a route or a channel was removed or renamed: nothing works them, and retention never takes
    what waits. Where the name is to come back, give it back instead, and they are delivered.

    Without --yes nothing is changed: what waits is listed, in the QUEUEs named or in all that are gone. With --yes
    each message in the QUEUEs named is failed, with the reason in its history. It can then be found with `--status
    failed`, be routed anew by the channel as it is now (`hie replay` with the ID of the received message), and goes
    when its retention is over.
    """
    if yes and not queues:
        raise click.UsageError("name the queues that are to be given up; without --yes they are listed")
    mine = _queues_of(site)
    for queue in queues:
        if queue in mine:
            what = f"{queue} is a queue of the site's channels, and is worked"
            raise Failure(what, "remove the route or the channel first; what waits elsewhere is listed without a QUEUE")
    waiting = with_journal(site, lambda journal: _settle(journal, mine, queues, yes))
    if as_json:
        print_json({"queues": waiting, "settled": yes})
        return
    for line in columns([_HEAD, *map(_line, waiting)]) if waiting else ():
        click.echo(line)
    if not waiting:
        click.echo("nothing waits in a queue that is gone", err=True)
    elif yes:
        click.echo("given up: `hie messages --status failed` finds them", err=True)
    else:
        click.echo(f"to give them up: hie settle {' '.join(each.queue for each in waiting)} --yes", err=True)


def _queues_of(site: Path) -> set[str]:
    """The queues of the site's channels; raises `Failure` while a file is wrong, whose queues are not known then."""
    from engine.config.site import load_site  # noqa: PLC0415
    from schemas.finding import Severity  # noqa: PLC0415

    if not site.is_dir():
        raise Failure(f"there is no site at {site}", "name its folder, or set HIE_SITE")
    loaded = load_site(site, os.environ)
    for each in loaded.findings:
        if each.severity is Severity.ERROR:
            hint = f"until it is mended its queues cannot be told from those that are gone: hie check {site}"
            raise Failure(f"{site}: {each}", hint)
    return {queue for channel in loaded.channels for queue in channel.queues}


async def _settle(journal: Journal, mine: set[str], queues: tuple[str, ...], yes: bool) -> list[Waits]:
    from engine.journal import settle  # noqa: PLC0415
    from engine.stranded import stranded  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    gone = sorted(set(queues)) or sorted(await stranded(journal, mine))
    waiting = [waits for queue in gone if (waits := await settle.waits_in(journal, queue)) is not None]
    if yes:
        for each in waiting:
            await settle.settle(journal, each.queue, utc_now())
    return waiting


def _line(waits: Waits) -> tuple[str, ...]:
    return waits.queue, f"{waits.messages:,}", local(waits.oldest), local(waits.newest)
