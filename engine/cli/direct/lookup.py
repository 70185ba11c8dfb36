"""`hie direct lookup`: where a recipient's certificates are, and what is to be said of each."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import json_option, local, print_json, shown, site_option
from engine.cli.direct.ends import asked, end_options, partners_of

if TYPE_CHECKING:
    from datetime import datetime

    from channels.direct.partners import Recipient
    from engine.cli.direct.ends import Asked


@click.command("lookup")
@click.argument("address")
@site_option
@end_options
@json_option
def command(
    address: str,
    site: Path,
    ours: str | None,
    channel: str | None,
    anchors: tuple[Path, ...],
    nameserver: str | None,
    as_json: bool,
) -> int:
    """Look for certificates of ADDRESS in files, DNS and LDAP, and judge each, as a `direct` end that sends does.

    Every place that was asked is told, up to the first with a certificate that is trusted. Exit status 1 when there is
    none, so that nothing could be sent.
    """
    from schemas.ids import utc_now  # noqa: PLC0415

    meant = asked(site, channel, ours, anchors, nameserver, out=True)
    now = utc_now()
    found = asyncio.run(_found(meant, address, now))
    if as_json:
        _print_json(meant, address, found, now)
    else:
        _print(address, found)
    return int(not found.certificates)


async def _found(meant: Asked, address: str, now: datetime) -> Recipient:
    async with partners_of(meant) as partners:
        return await partners.find(address, ours=meant.ours, now=now)


def _print(address: str, found: Recipient) -> None:
    for tried in found.tried:
        if tried.problem:
            click.echo(shown(f"not asked: {tried.problem}"))
            continue
        click.echo(shown(f"{tried.source}: {tried.where}"))
        for certificate, verdict in tried.judged:
            name = certificate.subject.rfc4514_string()
            click.echo(shown(f"  {name}, ends {local(certificate.not_valid_after_utc)}"))
            click.echo(shown(f"    {verdict.code}: {verdict.reason}"))
            if verdict.hint:
                click.echo(shown(f"    {verdict.hint}"))
    if found.certificates:
        click.echo(shown(f"{address} can be written to"), err=True)
        return
    again = "; it may be otherwise later" if found.temporary else ""
    what = "nothing can be sent" if found.tried else "no certificate was found, so that nothing can be sent"
    click.echo(shown(f"{address}: {what}{again}"), err=True)
    if not found.tried:
        click.echo(
            "     ask the partner where its certificates are, or name them under discovery: certificates", err=True
        )


def _print_json(meant: Asked, address: str, found: Recipient, now: datetime) -> None:
    from engine.cli.direct.shape import shown_certificate  # noqa: PLC0415

    places = [
        {
            "source": tried.source,
            "bound": tried.bound,
            "where": tried.where,
            "problem": tried.problem,
            "certificates": [
                {
                    **asdict(shown_certificate(certificate, now)),
                    "trusted": verdict.trusted,
                    "code": verdict.code,
                    "reason": verdict.reason,
                    "hint": verdict.hint,
                }
                for certificate, verdict in tried.judged
            ],
        }
        for tried in found.tried
    ]
    said = {"address": address, "ours": meant.ours, "found": bool(found.certificates), "temporary": found.temporary}
    print_json({**said, "reason": found.reason, "places": places})
