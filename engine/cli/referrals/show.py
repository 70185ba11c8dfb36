"""`hie referrals show`: the whole thread of one referral."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import (
    Failure,
    columns,
    json_option,
    local,
    print_json,
    settings_of,
    shown,
    site_option,
    with_journal,
)

if TYPE_CHECKING:
    from engine.config.settings import Referrals
    from engine.journal import Journal
    from engine.registry.referral import Delivery, Event, Referral, SideShown

_SAYS = {
    "request": "asks for it",
    "change": "changes the request",
    "cancel": "cancels it",
    "inquire": "asks where it stands",
    "accept": "accepts",
    "decline": "declines",
    "book": "books an appointment",
    "no_show": "says that the patient did not come",
    "interim": "sends a note on the way",
    "complete": "sends the outcome",
    "confirm_cancel": "confirms that it is cancelled",
    "close": "closes it",
}


@click.command("show")
@click.argument("id", metavar="ID")
@site_option
@json_option
def command(id: str, site: Path, as_json: bool) -> None:
    """Show the referral with that ID (or AUTHORITY|ID): where it stands, each message with what became of it.

    Each message stands with when it came, who says what, how it was treated and where the referral stood then; below
    it each delivery, with when and how it ended (a mail by its MDN). `hie show` tells more of a message by its id.
    Patients are shown by their ids, never by name.
    """
    terms = settings_of(site).referrals
    referral = with_journal(site, lambda journal: _shown(journal, id, terms))
    if as_json:
        print_json(referral)
        return
    for line in (*_head(referral), "", *_thread(referral)):
        click.echo(line)


async def _shown(journal: Journal, id: str, terms: Referrals) -> Referral:
    from engine.registry.referrals import ReferralError, shown  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    try:
        return await shown(journal, id, terms, utc_now())
    except ReferralError as error:
        raise Failure(str(error)) from None


def _head(referral: Referral) -> list[str]:
    stands = f"{referral.state} since {local(referral.since)}"
    facts = [
        ("referral", f"{referral.id} of {referral.authority or 'an unknown authority'}"),
        ("stands", stands),
        ("from", _side(referral.initiator)),
        ("to", _side(referral.recipient)),
        ("their id", referral.filler),
        ("appointment", "" if referral.appointment is None else local(referral.appointment)),
        *(("overdue", f"{late.what} (since {local(late.since)})") for late in referral.overdue),
    ]
    return columns([(name, shown(value)) for name, value in facts if value])


def _side(side: SideShown) -> str:
    reached = " ".join(filter(None, (side.form, side.address)))
    patient = f"patient {side.patient}" if side.patient else ""
    return ", ".join(filter(None, (side.party, reached, patient)))


def _thread(referral: Referral) -> Iterator[str]:
    for event in referral.events:
        yield f"{local(event.received)}  {shown(_said(event))}"
        yield f"    {shown(_treated(event))}"
        for each in event.deliveries:
            yield f"    {shown(_delivery(each))}"


def _said(event: Event) -> str:
    who = event.side or "a person"
    named = f" ({event.party})" if event.party else ""
    return f"{who}{named} {_SAYS.get(event.act, event.act)}"


def _treated(event: Event) -> str:
    if event.act == "close":
        return f"{event.state}: {event.reason}"
    why = f": {event.reason}" if event.reason else ""
    ids = ", ".join(filter(None, (f"message {event.message}", event.form, event.control_id)))
    return f"{event.verdict}, then {event.state}{why}  ({ids})"


def _delivery(each: Delivery) -> str:
    by = f" by {each.end}" if each.end else ""
    to = f" to {each.address}" if each.address else ""
    since = "" if each.outcome_at is None else f" {local(each.outcome_at)}"
    detail = f": {each.detail}" if each.detail else ""
    return f"-> {each.route}{by}{to}  {each.outcome}{since}{detail}  (message {each.message})"
