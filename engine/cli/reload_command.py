"""`hie reload`: changed files are taken up now."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.common import Failure, json_option, print_json, shown, site_argument
from engine.cli.running import ask


@click.command("reload")
@site_argument
@click.option("--timeout", default=60.0, show_default=True, metavar="SECONDS", help="Seconds to wait for the answer.")
@json_option
def command(site: Path, timeout: float, as_json: bool) -> int:
    """Have the site's engine on this machine take up what has changed in its files.

    A channel whose file is wrong now goes on as it was; exit status 1 then. The engine looks by itself every two
    seconds: this is for scripts that want to know that it is done.
    """
    status, answer = ask(site, "POST", "/reload", timeout)
    if status != 200:
        raise Failure(f"the engine refused: {answer.get('error', status)}", "run `hie reload` on the engine's machine")
    findings = answer.get("findings", [])
    errors = [each for each in findings if each.get("severity") == "error"]
    if as_json:
        print_json(answer)
    else:
        for each in findings:
            click.echo(shown(f"{each['where']}: {each['code']} {each['what']} ({each['hint']})"))
        click.echo(f"channels: {', '.join(answer.get('channels', [])) or 'none'}")
    return 1 if errors else 0
