"""`hie worklist list`: what waits for a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal

if TYPE_CHECKING:
    from engine.worklist import Question

_HEAD = ("SINCE", "LAST", "COUNT", "QUEUE", "TYPE", "PATIENT ID", "PANEL", "REASON", "ID")


@click.command("list")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    metavar="N",
    type=click.IntRange(1, 100_000),
    help="List at most so many questions.",
)
@site_option
@json_option
def command(limit: int, site: Path, as_json: bool) -> None:
    """List what waits for a person, the oldest first, a line for each question.

    All messages that ask whether one patient, by the identifiers at the sender, is one member of one panel are one
    question: COUNT of them wait, from SINCE to LAST. `hie worklist settle ID` answers them together. --json has the id
    of each.
    """
    from engine.worklist import waiting  # noqa: PLC0415

    found = with_journal(site, lambda journal: waiting(journal, limit))
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("nothing waits for a person", err=True)
        return
    for line in columns([_HEAD, *map(_row, found)]):
        click.echo(line)


def _row(question: Question) -> tuple[str, ...]:
    queues, types = (
        ",".join(dict.fromkeys(filter(None, texts)))
        for texts in ([each.queue for each in question.items], [each.type for each in question.items])
    )
    texts = (queues, types, question.patient_id, question.panel, question.reason)
    times = (local(question.first), local(question.last))
    return (*times, str(question.count), *(shown(text) or "-" for text in texts), question.id)
