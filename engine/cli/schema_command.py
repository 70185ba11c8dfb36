"""`hie schema`: the language as JSON Schema."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.common import print_json, site_option


@click.command("schema")
@click.argument("kind", type=click.Choice(["channel", "site"]), default="channel")
@site_option
def command(kind: str, site: Path) -> int:
    """Print the JSON Schema of channel files, or with `site` that of hie.yaml.

    An editor with it completes and checks while one writes: docs/channels.md says how to set it up. Steps of the site's
    extensions/ are included.
    """
    if kind == "site":
        from engine.config.schema import site_schema  # noqa: PLC0415

        print_json(site_schema())
        return 0
    from channels import ENDS  # noqa: PLC0415
    from engine.config.extensions import load_extensions  # noqa: PLC0415
    from engine.config.schema import channel_schema  # noqa: PLC0415
    from engine.steps import STEPS  # noqa: PLC0415

    own = load_extensions(site, STEPS).steps if site.is_dir() else {}
    print_json(channel_schema(ENDS, {**STEPS, **own}))
    return 0
