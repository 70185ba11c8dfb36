"""`hie direct trust`: why a certificate is trusted or not, and bundles taken by hand."""

from __future__ import annotations

import click

from engine.cli.lazy import LazyGroup

TRUST = {
    "check": "Judge a certificate for an address.",
    "import": "Take a trust bundle.",
}
"""Every command below `hie direct trust`, and what it does."""


class _Trust(LazyGroup):
    commands_there_are = TRUST
    module = "engine.cli.direct.trust_{}"


@click.command("trust", cls=_Trust)
def command() -> None:
    """Say why a certificate is trusted or not, and take a trust bundle by hand."""
