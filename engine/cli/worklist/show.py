"""`hie worklist show`: one item with both records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    """Show what waits under ID: why, the patient beside the member that it may be, and the message.

    Where more waits with the same question, it says how much, and in what the patient's records differ there.
    """
    found = with_journal(site, lambda journal: _show(journal, id))
    rows, differs = list(_rows(found)), _differs(found.patients)
    if as_json:
        records = [{"what": what, "patient": patient, "member": member} for what, patient, member in rows]
        more = {"question": found.question, "differs": differs}
        print_json({"item": found.item, "records": records, "body": found.message.body, **more})
        return
    item = found.item
    click.echo(f"{item.id}  in {item.queue} since {local(item.received)}; made of {item.parent}")
    click.echo(f"reason: {shown(item.reason)}")
    question = found.question
    if question.count > 1:
        click.echo(
            f"one of {question.count} with this question, from {local(question.first)} to {local(question.last)}; "
            + (f"the patient's records in them differ in: {', '.join(differs)}" if differs else "all records are equal")
        )
    click.echo()
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


def _differs(patients: Sequence[Person]) -> list[str]:
    """In what the records of one patient differ."""
    records = [dict(_parts(each)) for each in patients]
    names = dict.fromkeys(what for record in records for what in record)
    return [what for what in names if len({record.get(what, "") for record in records}) > 1]


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
