"""`hie registry`: rosters, subscribers and providers as the engine has them."""

from __future__ import annotations

import click

from engine.cli.lazy import LazyGroup

REGISTRY = {
    "list": "List rosters and subscribers.",
    "match": "Say whose patient a message is about, and why.",
    "providers": "Find providers of the directory.",
    "changes": "Say who changed what.",
}
"""Every command below `hie registry`, and what it does."""


class _Registry(LazyGroup):
    commands_there_are = REGISTRY
    module = "engine.cli.registry.{}"


@click.command("registry", cls=_Registry)
def command() -> None:
    """The registry as the engine loaded it from the site's panels/ and registry/.

    Works beside a running engine and without one; a running engine takes up changed files by itself. `hie check` says
    what is wrong in the files.
    """
