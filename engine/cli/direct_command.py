"""`hie direct`: what an engineer asks about Direct's keys and trust."""

from __future__ import annotations

import click

from engine.cli.lazy import LazyGroup

DIRECT = {
    "keys": "Make identities for tests.",
    "certs": "List certificates, and when they end.",
    "trust": "Say why a certificate is trusted or not; import a bundle.",
    "lookup": "Find a recipient's certificates.",
}
"""Every command below `hie direct`, and what it does."""


class _Direct(LazyGroup):
    commands_there_are = DIRECT
    module = "engine.cli.direct.{}"


@click.command("direct", cls=_Direct)
def command() -> None:
    """Direct's keys and trust: identities, certificates, anchors, and where recipients' certificates are."""
