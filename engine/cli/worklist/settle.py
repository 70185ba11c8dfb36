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
@click.option("--replay", is_flag=True, help="Have what was received routed again, though others get it again too.")
@site_option
@json_option
def command(id: str, decided: Decided | None, reason: str, who: str, replay: bool, site: Path, as_json: bool) -> None:
    """Settle what waits under ID, and everything else with the same question, with one of --same, --different, --done,
    --dismiss.

    --same and --different are remembered for the patient's identifiers, and obeyed by `match_panel` from then on. After
    --same the received messages are routed again in the order in which they came, so that the panel's subscribers are
    told; those of which other deliveries were made as well only with --replay, for they are made again.
    """
    if decided is None:
        raise click.UsageError("say what it is: --same, --different, --done or --dismiss")
    who = who or getpass.getuser()
    settled = with_journal(site, lambda journal: _settle(journal, id, decided, who, reason, replay))
    if as_json:
        print_json({"decided": decided, "who": who, "settled": settled})
        return
    count, again = len(settled.items), len(settled.routed_again)
    what = f"settled: {decided}" + (f", {count} messages with this question" if count > 1 else "")
    click.echo(what + (f"; {_received(again)} routed again" if again else ""))
    if settled.left:
        click.echo(
            f"{_received(len(settled.left))} not routed again, for others were told of it too: "
            f"hie replay {' '.join(settled.left)}",
            err=True,
        )


def _received(count: int) -> str:
    return "the received message is" if count == 1 else f"{count} received messages are"


async def _settle(journal: Journal, id: str, decided: Decided, who: str, reason: str, replay: bool) -> Settled:
    from engine.worklist import WorklistError, settle  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    try:
        return await settle(journal, id, decided, who, reason, utc_now(), again=replay)
    except WorklistError as error:
        raise Failure(str(error)) from None
