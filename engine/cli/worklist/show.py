"""`hie worklist show`: one item with both records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import (
    Failure,
    body_text,
    columns,
    json_option,
    local,
    print_json,
    shown,
    site_option,
    with_journal,
)

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.worklist import Shown
    from transforms.matching import Person


@click.command("show")
@click.argument("id", metavar="ID")
@site_option
@json_option
def command(id: str, site: Path, as_json: bool) -> None:
    """Show what waits under ID: why, the patient beside the member that it may be, and the message."""
    found = with_journal(site, lambda journal: _show(journal, id))
    rows = list(_rows(found))
    if as_json:
        records = [{"what": what, "patient": patient, "member": member} for what, patient, member in rows]
        print_json({"item": found.item, "records": records, "body": found.message.body})
        return
    item = found.item
    click.echo(f"{item.id}  in {item.queue} since {local(item.received)}; made of {item.parent}")
    click.echo(f"reason: {shown(item.reason)}\n")
    head = ("", "PATIENT", f"MEMBER {shown(item.member)} OF {shown(item.panel)}" if item.member else "")
    for line in columns([head, *(tuple(map(shown, row)) for row in rows)]):
        click.echo(line)
    click.echo(f"\n{body_text(found.message.body)}")


async def _show(journal: Journal, id: str) -> Shown:
    from engine.worklist import WorklistError, show  # noqa: PLC0415

    try:
        return await show(journal, id)
    except WorklistError as error:
        raise Failure(str(error)) from None


def _rows(found: Shown) -> Iterator[tuple[str, str, str]]:
    """The two records, a line for each thing that is compared; in the normalised form in which it is."""
    patient, member = dict(_parts(found.patient)), dict(_parts(found.candidate))
    for what in patient | member:
        yield what, patient.get(what, ""), member.get(what, "")


def _parts(person: Person | None) -> Iterable[tuple[str, str]]:
    if person is None:
        return
    names = [" ".join(filter(None, (*each.given, *each.family, each.suffix))) for each in person.names]
    places = [", ".join(filter(None, (" ".join(a.line), a.city, a.postal_code))) for a in person.addresses]
    parts = {
        "name": names,
        "birth date": [person.birth_date],
        "sex": [person.sex],
        "address": places,
        "phone": sorted(person.phones),
        "ssn4": [person.ssn4],
        "identifier": [f"{system} {value}" for system, value in sorted(person.identifiers)],
    }
    yield from ((what, "; ".join(filter(None, texts))) for what, texts in parts.items() if any(texts))
