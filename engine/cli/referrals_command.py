"""`hie referrals`: where referrals stand."""

from __future__ import annotations

import click

from engine.cli.lazy import LazyGroup

REFERRALS = {
    "list": "List referrals, or what is overdue.",
    "show": "Show one with all that was said in it.",
    "close": "Close one that is stuck.",
}
"""Every command below `hie referrals`, and what it does."""


class _Referrals(LazyGroup):
    commands_there_are = REFERRALS
    module = "engine.cli.referrals.{}"


@click.command("referrals", cls=_Referrals)
def command() -> None:
    """The referrals that went through the exchange: where each stands, what was said in it, what is overdue.

    Works beside a running engine and without one. Patients are shown by their ids, never by name.
    """
