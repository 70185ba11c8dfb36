"""`hie subscriptions`: who subscribed by FHIR, and how that stands."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal

_HEAD = ("SUBSCRIBER", "STATUS", "EVENTS", "WAITING", "CONTENT", "ENDPOINT", "SINCE", "LAST ERROR", "ID")


@click.command("subscriptions")
@click.option("--subscriber", default="", metavar="NAME", help="Of this subscriber.")
@site_option
@json_option
def command(subscriber: str, site: Path, as_json: bool) -> None:
    """List the FHIR subscriptions: their status, how many events each has had, how many of them are not delivered yet,
    where they go, and what failed last.

    Headers are not shown, for they hold credentials. `hie notified --subscriber` says what became of each event.
    """
    from engine.registry.subscriptions import listed  # noqa: PLC0415

    found = with_journal(site, lambda journal: journal.read(listed))
    found = [each for each in found if subscriber in ("", each.subscriber)]
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("nobody has subscribed", err=True)
        return
    rows = [
        (
            each.subscriber,
            each.status,
            str(each.events),
            str(each.waiting),
            each.content,
            shown(each.endpoint),
            "-" if each.started is None else local(each.started),
            shown(each.detail or each.error) or "-",
            each.id,
        )
        for each in found
    ]
    for line in columns([_HEAD, *rows]):
        click.echo(line)
