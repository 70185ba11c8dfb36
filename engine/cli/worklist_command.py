"""`hie worklist`: what waits for a person."""

from __future__ import annotations

import click

from engine.cli.lazy import LazyGroup

WORKLIST = {
    "list": "List what waits, the oldest first.",
    "show": "Show one with both records.",
    "settle": "Say what it is, and be done with it.",
}
"""Every command below `hie worklist`, and what it does."""


class _Worklist(LazyGroup):
    commands_there_are = WORKLIST
    module = "engine.cli.worklist.{}"


@click.command("worklist", cls=_Worklist)
def command() -> None:
    """The work list: messages that a `worklist` end holds until a person has looked, doubtful matches among them.

    Works beside a running engine and without one. Patients' data is shown: mind who sees the screen.
    """
