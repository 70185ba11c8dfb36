"""`hie notified`: the evidence of who was told of what."""

from __future__ import annotations

import csv
import dataclasses
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal
from engine.cli.moments import Moment

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.journal.notified import Asked, Notice

_HEAD = (
    "RECEIVED",
    "SUBSCRIBER",
    "MEMBER",
    "PATIENT ID",
    "EVENT",
    "KIND",
    "ROUTE",
    "END",
    "OUTCOME",
    "SINCE",
    "DETAIL",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command("notified")
@click.option("--patient", default="", metavar="ID", help="About this patient: the identifier at the sender (PID-3.1).")
@click.option("--subscriber", default="", metavar="NAME", help="To this subscriber.")
@click.option("--from", "since", type=Moment(), help="Of what was received then or later: 3d, 2026-03-01.")
@click.option("--to", "until", type=Moment(), help="Of what was received before then.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with every column, times in UTC.")
@site_option
@json_option
def command(
    patient: str,
    subscriber: str,
    since: datetime | None,
    until: datetime | None,
    as_csv: bool,
    site: Path,
    as_json: bool,
) -> None:
    """Say who was told of what, when, on which route by which end, and what became of it; the earliest first.

    That stays when the messages themselves are pruned. The outcome is the delivery's: delivered when the partner took
    it (a mail by its MDN, 200, AA), and what the partner said is the detail. Patients' data is shown: mind who sees it.

    In CSV a cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    from engine.journal.notified import Asked  # noqa: PLC0415

    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both")
    asked = Asked(patient, subscriber, since, until)
    if as_csv:
        with_journal(site, lambda journal: _write(journal, asked))
        return
    found = with_journal(site, lambda journal: _all(journal, asked))
    if as_json:
        print_json(found)
    elif found:
        for line in columns([_HEAD, *map(_line, found)]):
            click.echo(line)
    else:
        click.echo("nobody was told of anything like that", err=True)


async def _all(journal: Journal, asked: Asked) -> list[Notice]:
    from engine.journal.notified import notified  # noqa: PLC0415

    return [notice async for notice in notified(journal, asked)]


async def _write(journal: Journal, asked: Asked) -> None:
    """Print the notices as CSV while they are read: a year of them need not fit into memory."""
    from engine.journal.notified import Notice, notified  # noqa: PLC0415

    names = [field.name for field in dataclasses.fields(Notice)]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    async for notice in notified(journal, asked):
        writer.writerow([_cell(getattr(notice, name)) for name in names])


def _cell(value: datetime | str | None) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    text = value or ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(notice: Notice) -> tuple[str, ...]:
    texts = (notice.subscriber, notice.member, notice.patient_id, notice.event, notice.kind, notice.route, notice.end)
    since = "" if notice.outcome_at is None else local(notice.outcome_at)
    last = (notice.outcome, since, notice.detail)
    return (local(notice.received), *(shown(text) or "-" for text in (*texts, *last)))
