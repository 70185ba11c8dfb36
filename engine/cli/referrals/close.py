"""`hie referrals close`: a person settles what is stuck."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, json_option, print_json, site_option, with_journal

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.registry.referral import Referral


@click.command("close")
@click.argument("id", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the thread. Write no patient's data.")
@click.option("--who", default="", metavar="NAME", help="Who closes it; without it the user of this machine.")
@site_option
@json_option
def command(id: str, reason: str, who: str, site: Path, as_json: bool) -> None:
    """Close the referral with that ID (or AUTHORITY|ID), which is stuck: nobody is told.

    Nothing of it is overdue any more. What still comes goes on to the other side, and an outcome completes it after
    all. Who closed it and why stands in the thread and in `hie registry changes`.
    """
    if not reason.strip():
        raise click.UsageError("say why it is closed")
    closed = with_journal(site, lambda journal: _close(journal, id, who or getpass.getuser(), reason))
    if as_json:
        print_json(closed)
        return
    click.echo(f"closed: {closed.id}")


async def _close(journal: Journal, id: str, who: str, reason: str) -> Referral:
    from engine.registry.referrals import ReferralError, close  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    try:
        return await close(journal, id, who, reason, utc_now())
    except ReferralError as error:
        raise Failure(str(error)) from None
