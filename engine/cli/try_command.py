"""`hie try`: the way of one message."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from engine.cli.common import Failure, json_option, print_json, shown, site_option


@click.command("try")
@click.argument("channel")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME=VALUE",
    help="An attribute that the inbound end would have added: mllp.peer=10.0.0.7. May be given again.",
)
@click.option(
    "--before",
    "before",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A message that the channel got before, where what was told decides. May be given again, in their order.",
)
@site_option
@json_option
def command(
    channel: str, file: Path, attributes: tuple[str, ...], before: tuple[Path, ...], site: Path, as_json: bool
) -> int:
    """Show the way the message in FILE (- for standard input) would take through CHANNEL.

    Each step and what it changed, each route and why or why not, each delivery as its end would get it. Nothing is
    sent. The message is shown in full: for the engineer's own eyes.
    """
    from engine.config.earlier import earlier, moment  # noqa: PLC0415
    from engine.config.explain import explain  # noqa: PLC0415
    from engine.config.sample import RECEIVED, SampleError, read_sample, sample  # noqa: PLC0415
    from engine.config.site import load_site  # noqa: PLC0415

    loaded = load_site(site, os.environ)
    found = loaded.channel(channel)
    if found is None:
        if loaded.has_errors:
            raise Failure(f"{site} has no channel {channel!r} that can run", f"`hie check {site}` says what is wrong")
        names = ", ".join(each.name for each in loaded.channels) or "none"
        raise Failure(f"{site} has no channel {channel!r}", f"channels are {names}")
    try:
        body = sys.stdin.buffer.read() if str(file) == "-" else read_sample(file, str(file))
        came = [
            (found, sample(found, read_sample(each, str(each)), received=moment(RECEIVED, number, len(before))))
            for number, each in enumerate(before)
        ]
    except SampleError as error:
        raise Failure(str(error), "name a file with one message") from None
    given = dict(each.partition("=")[::2] for each in attributes)
    with earlier(loaded.registry, came) as problem:
        if problem:
            raise Failure(problem, "try that message by itself")
        explanation = explain(sample(found, body, given), found)
    if as_json:
        print_json(explanation.to_json())
    else:
        for line in explanation.lines():
            click.echo(shown(line, lines=True))
    return 1 if explanation.failed is not None else 0
