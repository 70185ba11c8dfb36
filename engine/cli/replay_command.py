"""`hie replay`: route or deliver again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.common import Failure, json_option, print_json, shown, site_option, with_journal
from engine.cli.seeking import find, seeking_options, wanted
from schemas.hl7v2.merge import TWO_SIDED_EVENTS

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.journal.history import Record
    from engine.journal.replay import Replayed
    from engine.journal.search import Search

_PAGE = 200


@click.command("replay")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@seeking_options
@click.option(
    "--limit", default=10_000, show_default=True, metavar="N", type=click.IntRange(1), help="Replay at most so many."
)
@click.option("--yes", is_flag=True, help="Do not ask before a search is replayed.")
@site_option
@json_option
def command(ids: tuple[str, ...], limit: int, yes: bool, site: Path, as_json: bool, **given: Any) -> int:
    """Have messages routed, or deliveries delivered, again.

    The ID of a received message has it routed again, by the channel as it is now; what is made of it is new and is
    delivered in any case. The ID of a delivery has the same body go out again with the same control id. What the
    outcome was before stays in the message's history. A running engine takes it up within a second.

    Instead of IDs, options name what to replay; --status is needed then. `--status failed --route adt/practice` has
    every delivery delivered again that failed there. What is found is counted, and asked about, first.
    """
    search_for = wanted(site, given)
    is_search = any(given[name] for name in given)
    if ids and is_search:
        raise click.UsageError("name IDs or what to search for, not both")
    if not ids and not is_search:
        raise click.UsageError("name an ID, or with --status what to search for")
    if is_search:
        if search_for.status is None:
            raise click.UsageError("a search to replay needs --status, for example --status failed")
        ids = tuple(with_journal(site, lambda journal: _sought(journal, search_for, limit)))
        if not ids:
            raise Failure("nothing is like that", "see with `hie messages` and the same options")
        if not yes:
            click.confirm(f"replay {len(ids)}?", abort=True, err=True)
    done, failures = with_journal(site, lambda journal: _replay(journal, ids))
    if as_json:
        print_json({"replayed": done, "failed": failures})
    else:
        for each in done:
            what = f"is delivered again on {each.channel}/{each.route}" if each.route else "is routed again"
            click.echo(f"{each.id} {what} (was {each.was})")
        for failure in failures:
            click.echo(f"hie: {shown(failure)}", err=True)
    return 1 if failures else 0


async def _replay(journal: Journal, ids: tuple[str, ...]) -> tuple[list[Replayed], list[str]]:
    from engine.journal.history import UnknownIdError  # noqa: PLC0415
    from engine.journal.replay import ReplayError, replay  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    done: list[Replayed] = []
    failures: list[str] = []
    for id in ids:
        try:
            done.append(await replay(journal, id, utc_now()))
        except (ReplayError, UnknownIdError) as error:
            failures.append(str(error))
    return done, failures


async def _sought(journal: Journal, search_for: Search, limit: int) -> list[str]:
    """The ids of the messages and deliveries in the state that is sought, the oldest first."""
    ids: list[str] = []
    async for id in _matching(journal, search_for):
        ids.append(id)
        if len(ids) == limit:
            break
    return ids[::-1]


async def _matching(journal: Journal, search_for: Search) -> AsyncIterator[str]:
    from engine.journal.history import history  # noqa: PLC0415

    route = search_for.route.rpartition("/")[2]
    before = None
    while True:
        rows, before = await find(journal, search_for, _PAGE, before)
        for row in rows:
            if row.status is search_for.status and not route:
                yield row.id
                continue
            for delivery in reversed((await history(journal, row.id)).deliveries):
                in_state = delivery.status is search_for.status and route in ("", delivery.route)
                if in_state and _is_meant(delivery, search_for):
                    yield delivery.id
        if before is None:
            return


def _is_meant(delivery: Record, sought: Search) -> bool:
    """Whether `delivery`, of a message that is sought, is sought itself: parts of a batch are told apart."""
    if not delivery.control_id:
        return True
    kind, _, event = delivery.type.partition("^")
    return (
        sought.control_id in ("", delivery.control_id)
        and sought.type in ("", kind, delivery.type)
        and (sought.patient_id in ("", delivery.patient_id) or event in TWO_SIDED_EVENTS)
    )
