"""`hie check`: lint."""

from __future__ import annotations

import os
from pathlib import Path

import click

from engine.cli.common import json_option, print_json, site_argument


@click.command("check")
@site_argument
@click.option("--strict", is_flag=True, help="Let warnings fail the check as errors do.")
@json_option
def command(site: Path, strict: bool, as_json: bool) -> int:
    """Print what is wrong or doubtful in the site's files, with file, line, number and hint.

    Nothing is started and no network is used. Exit status 1 when there is an error, or with --strict a warning.
    """
    from engine.config.site import load_site  # noqa: PLC0415
    from schemas.finding import Severity  # noqa: PLC0415

    loaded = load_site(site, os.environ)
    counts = {severity: sum(each.severity is severity for each in loaded.findings) for severity in Severity}
    failed = bool(counts[Severity.ERROR] or (strict and counts[Severity.WARNING]))
    if as_json:
        print_json({"passed": not failed, "findings": loaded.findings})
        return int(failed)
    for each in loaded.findings:
        label = "" if each.severity is Severity.ERROR else f"{each.severity}: "
        hint = f" ({each.hint})" if each.hint else ""
        click.echo(f"{each.where}: {each.code} {label}{each.what}{hint}")
    click.echo(
        f"{len(loaded.channels)} channels can run; "
        f"{counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings",
        err=True,
    )
    return int(failed)
