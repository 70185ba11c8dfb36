"""`hie demo`: the main job, start to end."""

from __future__ import annotations

import os

import click


@click.command("demo")
def command() -> int:
    """Play the sample site with stand-in partners, on one screen.

    A copy of config/ runs on the embedded backbone and a journal of its own; the hospital's messages are sent, a
    practice fails and recovers, and everything is checked against the channel files: exit status 1 when anything was
    not as expected. Takes some ten seconds, needs nothing and leaves nothing behind.
    """
    from engine.demo import run_demo  # noqa: PLC0415

    return run_demo(os.environ)
