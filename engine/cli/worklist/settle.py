"""`hie worklist settle`: what a person decided."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, json_option, print_json, site_option, with_journal

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.worklist import Decided, Settled


@click.command("settle")
@click.argument("id", metavar="ID")
@click.option("--same", "decided", flag_value="same", help="A doubtful match: the patient is the member.")
@click.option("--different", "decided", flag_value="different", help="A doubtful match: somebody else.")
@click.option("--done", "decided", flag_value="done", help="It is seen to.")
@click.option("--dismiss", "decided", flag_value="dismissed", help="Nothing is to be done; the delivery is refused.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history. Write no patient's data.")
@click.option("--who", default="", metavar="NAME", help="Who decided; without it the user of this machine.")
@click.option("--replay", is_flag=True, help="Have the received message routed again, though others get it again too.")
@site_option
@json_option
def command(id: str, decided: Decided | None, reason: str, who: str, replay: bool, site: Path, as_json: bool) -> None:
    """Settle what waits under ID, with one of --same, --different, --done, --dismiss.

    --same and --different are remembered for the patient's identifiers, and obeyed by `match_panel` from then on. After
    --same the received message is routed again, so that the panel's subscribers are told; where other deliveries were
    made of it as well, only with --replay, for they are made again.
    """
    if decided is None:
        raise click.UsageError("say what it is: --same, --different, --done or --dismiss")
    who = who or getpass.getuser()
    settled, again = with_journal(site, lambda journal: _settle(journal, id, decided, who, reason, replay))
    if as_json:
        print_json({"item": settled.item, "decided": decided, "who": who, "routed_again": again})
        return
    click.echo(f"settled: {decided}" + ("; the received message is routed again" if again else ""))
    if decided == "same" and not again:
        click.echo(
            f"this message told others too, and was not routed again: hie replay {settled.item.parent}", err=True
        )


async def _settle(
    journal: Journal, id: str, decided: Decided, who: str, reason: str, replay: bool
) -> tuple[Settled, bool]:
    from engine.journal.replay import replay as route_again  # noqa: PLC0415
    from engine.worklist import WorklistError, settle  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    now = utc_now()
    try:
        settled = await settle(journal, id, decided, who, reason, now)
    except WorklistError as error:
        raise Failure(str(error)) from None
    again = replay or (decided == "same" and settled.alone)
    if again:
        await route_again(journal, settled.item.parent, now)
    return settled, again
