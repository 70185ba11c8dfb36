"""`hie registry`: rosters, subscribers and providers as the engine has them."""

from __future__ import annotations

import click

from engine.cli.lazy import LazyGroup

REGISTRY = {
    "list": "List rosters and subscribers.",
    "match": "Say whose patient a message is about, and why.",
    "show": "Say all that is known of a roster, a subscriber or a provider.",
    "providers": "Find providers of the directory.",
    "import": "Take a roster, a directory or subscribers into the site's folder.",
    "remove": "Take a roster or a directory out of it.",
    "changes": "Say who changed what.",
}
"""Every command below `hie registry`, and what it does."""


class _Registry(LazyGroup):
    commands_there_are = REGISTRY
    module = "engine.cli.registry.registry_{}"


@click.command("registry", cls=_Registry)
def command() -> None:
    """The registry as the engine loaded it from the site's panels/ and registry/.

    Works beside a running engine and without one; a running engine takes up changed files by itself. `hie check` says
    what is wrong in the files.
    """
