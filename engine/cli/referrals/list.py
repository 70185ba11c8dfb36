"""`hie referrals list`: which referrals there are, and what is overdue."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.common import columns, json_option, local, print_json, settings_of, shown, site_option, with_journal

_HEAD = ("REFERRAL", "STATE", "SINCE", "FROM", "TO", "PATIENT ID", "OVERDUE")
_STATES = (
    *("requested", "accepted", "booked", "no_show", "completed", "declined", "cancelled", "cancel_confirmed"),
    *("closed", "new"),
)


@click.command("list")
@click.option("--overdue", is_flag=True, help="Only what is overdue by the site's terms, also where it is over.")
@click.option("--all", "all_", is_flag=True, help="Also what is over.")
@click.option("--state", default="", type=click.Choice(("", *_STATES)), metavar="STATE", help="Only what stands there.")
@click.option("--patient", default="", metavar="ID", help="About this patient: the initiator's identifier.")
@click.option(
    "--limit", default=50, show_default=True, metavar="N", type=click.IntRange(1, 100_000), help="List at most so many."
)
@site_option
@json_option
def command(overdue: bool, all_: bool, state: str, patient: str, limit: int, site: Path, as_json: bool) -> int:
    """List the referrals that are not over, the one of which something came last first.

    What is overdue: no answer, no appointment, no outcome after the appointment, nothing after a no-show, a
    cancellation that is not confirmed, a message without its receipt; after the times in `hie.yaml` (`referrals`). A
    STATE is one of docs/referrals.md. With --overdue the exit status is 1 when something is, so that a nightly job
    notices.
    """
    from engine.registry.referrals import Asked, found  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    asked = Asked(all_, state, patient, overdue, limit)
    terms = settings_of(site).referrals
    listed = with_journal(site, lambda journal: found(journal, asked, terms, utc_now()))
    if as_json:
        print_json(listed)
    elif not listed:
        click.echo("nothing is overdue" if overdue else "there is no such referral", err=True)
    else:
        rows = [
            (
                shown(each.id),
                each.state,
                local(each.since),
                shown(each.initiator.party or each.initiator.address) or "-",
                shown(each.recipient.party or each.recipient.address) or "-",
                shown(each.initiator.patient) or "-",
                "; ".join(f"{shown(late.what)} since {late.since.astimezone():%Y-%m-%d}" for late in each.overdue)
                or "-",
            )
            for each in listed
        ]
        for line in columns([_HEAD, *rows]):
            click.echo(line)
    return 1 if overdue and listed else 0
