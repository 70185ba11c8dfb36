"""`hie registry remove`: a roster or a directory taken out of the site's folder."""

from __future__ import annotations

import getpass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, shown, site_option, with_journal

if TYPE_CHECKING:
    from engine.journal import Journal


@click.command("remove")
@click.argument("name", metavar="NAME")
@click.option("--who", default="", metavar="NAME", help="Who does it; without it the user of this machine.")
@site_option
def command(name: str, who: str, site: Path) -> None:
    """Take the roster NAME (`riverside`, `panel/riverside`, `optout/`) or a file of the directory out of the site.

    Its file is deleted. A running engine then ends its members on that day, and providers leave the directory;
    `hie registry changes` says who did it. Where the file is gone already, that is confirmed.
    """
    who = who or getpass.getuser()
    removed = with_journal(site, lambda journal: _remove(journal, site, name, who))
    click.echo(f"removed: {shown(', '.join(removed))}" if removed else "confirmed: its file is gone")


async def _remove(journal: Journal, site: Path, name: str, who: str) -> list[str]:
    from engine.registry.intake import files_of  # noqa: PLC0415
    from engine.registry.listing import sources  # noqa: PLC0415
    from engine.registry.load import GONE, confirm  # noqa: PLC0415
    from engine.registry.reads import PANEL  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    source = name if "/" in name else f"{PANEL}{name}"
    files = files_of(site, source)
    if not files and source not in await journal.read(sources):
        raise Failure(f"there is no {name}", "see `hie registry list`")
    await journal.change(partial(confirm, source, GONE, who, utc_now()))
    try:
        for file in files:
            (site / file).unlink()
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}", "see that the site's folder can be written") from None
    return files
