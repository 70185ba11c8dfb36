"""The options by which messages are sought, shared by `hie messages` and `hie replay`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.cli.common import Failure, settings_of
from engine.cli.moments import Moment

if TYPE_CHECKING:
    from engine.journal import Journal
    from engine.journal.search import Search
    from engine.journal.summary import Summary

F = TypeVar("F", bound=Callable[..., Any])

STATUSES = (
    "received", "queued", "routed", "filtered", "rejected", "delivered", "pending", "deferred", "refused", "failed",
)  # fmt: skip
"""Every state by name; a test sees that they are the journal's."""

_OPTIONS = (
    click.option("--channel", metavar="NAME", help="Received by this channel."),
    click.option("--route", metavar="NAME", help="With a delivery on this route: practice, or adt/practice."),
    click.option("--type", "type_", metavar="TYPE", help="Of this message type: ADT, or ADT^A01."),
    click.option("--control-id", metavar="ID", help="With this control id (MSH-10), or with a part that has it."),
    click.option("--patient-id", metavar="ID", help="Of this patient: PID-3.1, in merges also MRG-1."),
    click.option(
        "--status",
        type=click.Choice(STATUSES),
        metavar="STATUS",
        help=f"In this state, or with a delivery in it (on --route, if given): {', '.join(STATUSES)}.",
    ),
    click.option("--since", type=Moment(), help="Received then or later: 2h, 3d, 14:30, 2026-03-01, 2026-03-01T14:30."),
    click.option("--until", type=Moment(), help="Received before then."),
    click.option(
        "--find",
        "terms",
        multiple=True,
        metavar="NAME=VALUE",
        help="With this value at a path that hie.yaml names under `search`. May be given again.",
    ),
)


def seeking_options(function: F) -> F:
    """Give a command the options of a search; they arrive in its keyword arguments, for `wanted`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def wanted(site: Path, given: dict[str, Any]) -> Search:
    """The search that the options `given` describe; raises `Failure` for a name that hie.yaml does not have."""
    from engine.journal import Status  # noqa: PLC0415
    from engine.journal.search import Search  # noqa: PLC0415

    terms = []
    for each in given["terms"]:
        name, equals, value = each.partition("=")
        if not equals or not value:
            raise click.BadParameter(f"{each!r} is not NAME=VALUE", param_hint="--find")
        known = settings_of(site).search
        if name not in known:
            hint = f"it has {', '.join(known)}" if known else f"add `search: {{{name}: PATH}}` for messages to come"
            raise Failure(f"hie.yaml has no search name {name!r}", hint)
        terms.append((name, value))
    status = given["status"]
    return Search(
        channel=given["channel"] or "",
        route=given["route"] or "",
        type=given["type_"] or "",
        control_id=given["control_id"] or "",
        patient_id=given["patient_id"] or "",
        status=None if status is None else Status(status),
        since=given["since"],
        until=given["until"],
        terms=tuple(terms),
    )


async def find(
    journal: Journal, search_for: Search, limit: int, before: str | None = None
) -> tuple[list[Summary], str | None]:
    """Up to `limit` messages that are sought, newest first, and where to go on; None when there are no more."""
    from engine.journal.search import search  # noqa: PLC0415

    rows: list[Summary] = []
    while True:
        page = await search(journal, search_for, limit=limit - len(rows), before=before)
        rows.extend(page.rows)
        if page.before is None or len(rows) >= limit:
            return rows, page.before
        before = page.before
