"""`hie registry import`: files taken into the site's folder."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, columns, json_option, print_json, settings_of, shown, site_option, with_journal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.journal import Journal
    from engine.registry.intake import Taken


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE..."
)
@click.option(
    "--name", default="", metavar="NAME", help="The panel; without it the file's name. With --opt-outs, whose."
)
@click.option("--opt-outs", is_flag=True, help="The file lists who wants nobody told, or NAME not told.")
@click.option("--shrink", is_flag=True, help="Take it although many, or all, leave by it.")
@click.option("--who", default="", metavar="NAME", help="Who does it; without it the user of this machine.")
@site_option
@json_option
def command(
    files: tuple[Path, ...], name: str, opt_outs: bool, shrink: bool, who: str, site: Path, as_json: bool
) -> None:
    """Take rosters, files of the provider directory, or subscribers.yaml into the site's folder.

    What a file is is seen from its columns or resources: a roster goes to panels/, or with --opt-outs to
    registry/optouts/; a directory to registry/providers/. It is read to its end first, and nothing is taken where
    anything is wrong. A running engine loads it by itself. `hie registry changes` says who took in what.
    """
    if name and len(files) > 1:
        raise click.UsageError("--name is for one file")
    if not site.is_dir():
        raise Failure(f"there is no site at {site}", "name its folder, or set HIE_SITE")
    who = who or getpass.getuser()
    taken = with_journal(site, lambda journal: _import(journal, site, files, name, opt_outs, shrink, who))
    if as_json:
        print_json([{"name": each.source, "file": each.where, "entries": each.entries} for each in taken])
        return
    for line in columns([(shown(each.where), f"{each.entries:,} entries", shown(each.source)) for each in taken]):
        click.echo(line)


async def _import(
    journal: Journal, site: Path, files: tuple[Path, ...], name: str, opt_outs: bool, shrink: bool, who: str
) -> list[Taken]:
    from engine.registry.intake import put, take  # noqa: PLC0415
    from engine.registry.rows import RosterError  # noqa: PLC0415

    taken: list[Taken] = []
    try:
        for file in files:
            taken.append(take(site, file, name, opt_outs=opt_outs))
            if not shrink:
                await _see_to_shrinking(journal, site, taken[-1], file)
        for each in taken:
            await journal.change(lambda connection, each=each: _note(connection, each, who, shrink))  # type: ignore[misc]
            put(site, each)
    except RosterError as error:
        raise Failure(f"{error}", "nothing was taken") from None
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}", "see that the site's folder can be written") from None
    finally:
        for each in taken:
            each.part.unlink(missing_ok=True)
    return taken


async def _see_to_shrinking(journal: Journal, site: Path, taken: Taken, file: Path) -> None:
    from engine.registry.listing import listing  # noqa: PLC0415
    from engine.registry.load import too_many  # noqa: PLC0415

    rosters = (await journal.read(listing)).rosters
    held = next((each.entries for each in rosters if each.name == taken.source), 0)
    gone = held - taken.entries
    if gone > 0 and too_many(held, gone, taken.entries, settings_of(site).registry.may_vanish):
        what = f"{file.name}: {taken.entries:,} entries where {held:,} are loaded; nothing was taken"
        raise Failure(what, "if that is right, say so: --shrink")


def _note(connection: Connection, taken: Taken, who: str, shrink: bool) -> None:
    from engine.registry.load import confirm, note  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    now = utc_now()
    note(connection, now, who, "import", taken.source, f"{taken.where}, {taken.entries} entries")
    if shrink:
        confirm(taken.source, taken.digest, who, now, connection)
