"""`hie registry match`: whose patient a message is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.common import Failure, columns, json_option, print_json, shown, site_option, with_journal

if TYPE_CHECKING:
    from engine.journal import Journal


@click.command("match")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@site_option
@json_option
def command(file: Path, site: Path, as_json: bool) -> int:
    """Say of the patient of the HL7 v2 message or FHIR resource in FILE which panels have it, and what decided.

    With the default weights. Exit status 1 where no panel has the patient, nor may have it.
    """
    body = file.read_bytes()
    rows = with_journal(site, lambda journal: _match(journal, file, body))
    if as_json:
        print_json(rows)
    elif rows:
        names = ("panel", "member", "verdict", "rule")
        for line in columns([tuple(map(str.upper, names)), *(tuple(shown(row[n]) for n in names) for row in rows)]):
            click.echo(line)
        for row in rows:
            click.echo(f"\n{shown(row['panel'])}: " + ", ".join(row["evidence"]))
    else:
        click.echo("the patient is in no panel", err=True)
    return 0 if rows else 1


async def _match(journal: Journal, file: Path, body: bytes) -> list[dict[str, Any]]:
    from engine.registry.reads import DatabaseRegistry  # noqa: PLC0415
    from schemas.fhir.error import FhirError  # noqa: PLC0415
    from schemas.hl7v2 import Hl7Error  # noqa: PLC0415
    from schemas.ids import new_id, utc_now  # noqa: PLC0415
    from schemas.message import FHIR, HL7V2, Message  # noqa: PLC0415
    from transforms.matching import Model  # noqa: PLC0415
    from transforms.notify.panel import by_roster  # noqa: PLC0415
    from transforms.notify.person import person_of  # noqa: PLC0415

    now = utc_now()
    format = FHIR if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else HL7V2
    try:
        person = person_of(Message(new_id(now), "", format, body, now))
    except (Hl7Error, FhirError) as error:
        raise Failure(f"{file}: {error}") from None
    if person is None:
        raise Failure(f"{file}: the message names no patient")
    found = by_roster(DatabaseRegistry(journal.reading).members(person, now.date()), person, Model())
    return [
        {
            "panel": panel,
            "member": each.member,
            "verdict": each.verdict.value,
            "rule": each.rule,
            "score": each.score,
            "evidence": [str(item) for item in each.evidence],
        }
        for panel, each in found
    ]
