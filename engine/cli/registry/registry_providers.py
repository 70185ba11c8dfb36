"""`hie registry providers`: who is in the directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, columns, json_option, print_json, shown, site_option, with_journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal import Journal
    from transforms.registry import Provider


@click.command("providers")
@click.option("--npi", default="", metavar="NPI", help="This one.")
@click.option("--specialty", default="", metavar="TEXT", help="By code or words.")
@click.option("--place", default="", metavar="TEXT", help="By city or postal code.")
@click.option("--name", default="", metavar="TEXT", help="By words of the name.")
@site_option
@json_option
def command(npi: str, specialty: str, place: str, name: str, site: Path, as_json: bool) -> None:
    """Find providers of the directory, a hundred at most; options may be combined."""
    if not any((npi, specialty, place, name)):
        raise click.UsageError("say who is sought: --npi, --specialty, --place or --name")
    found = with_journal(site, lambda journal: _find(journal, npi, specialty, place, name))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("the directory has nobody like that", err=True)
        return
    rows = [
        tuple(shown(text) or "-" for text in (each.npi, each.kind, each.name, "; ".join(each.specialties), each.city,
              ", ".join(f"{end} {address}" for end, address in sorted(each.endpoints.items()))))
        for each in found
    ]  # fmt: skip
    for line in columns([("NPI", "KIND", "NAME", "SPECIALTIES", "CITY", "ENDPOINTS"), *rows]):
        click.echo(line)


async def _find(journal: Journal, npi: str, specialty: str, place: str, name: str) -> Sequence[Provider]:
    from engine.registry.reads import DatabaseRegistry  # noqa: PLC0415
    from transforms.registry import RegistryError  # noqa: PLC0415

    registry = DatabaseRegistry(journal.reading)
    try:
        if npi:
            found = registry.provider(npi)
            return () if found is None else (found,)
        return registry.providers(specialty, place, name)
    except RegistryError as error:
        raise Failure(str(error)) from None
