"""`hie validate`: HL7 v2 files against the standard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, json_option, print_json, shown
from engine.cli.files import content_of, files_in

if TYPE_CHECKING:
    from schemas.finding import Finding
    from schemas.hl7v2 import Hl7Error
    from schemas.hl7v2.validate_profile import Profile


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE|DIR...")
@click.option(
    "--profile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What the partners agreed on (YAML).",
)
@json_option
def command(paths: tuple[Path, ...], profile: Path | None, as_json: bool) -> int:
    """Check messages against the structure, the fields and the tables of the version that they declare.

    A batch is split. Of a folder, every file in it and below that holds HL7 v2 is checked. A finding names the place,
    the line and the rule, and never quotes the value. Exit status 1 when there is an error.
    """
    from schemas.finding import Severity  # noqa: PLC0415

    agreed = _profile(profile)
    checked: list[dict[str, object]] = []
    counts = dict.fromkeys(Severity, 0)
    for file, _, named in files_in(paths):
        for number, line, findings in _validated(file, agreed, named=named):
            for each in findings:
                counts[each.severity] += 1
            where = f"{file} message {number} (line {line})" if number else str(file)
            if as_json:
                checked.append(
                    {"file": str(file), "message": number, "line": line, "findings": list(map(asdict, findings))}
                )
                continue
            for each in findings:
                label = "" if each.severity is Severity.ERROR else f"{each.severity}: "
                hint = f" ({each.hint})" if each.hint else ""
                click.echo(shown(f"{where}: {each.where}: {each.code} {label}{each.what}{hint}"))
            checked.append({})
    if not checked:
        raise Failure("no HL7 v2 message was found", "name files that begin with MSH, FHS or BHS")
    failed = counts[Severity.ERROR] > 0
    if as_json:
        print_json({"passed": not failed, "messages": checked})
    else:
        total = ", ".join(f"{count} {severity}s" for severity, count in counts.items() if severity != "information")
        click.echo(f"{len(checked)} messages: {total}", err=True)
    return int(failed)


def _profile(file: Path | None) -> Profile | None:
    if file is None:
        return None
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from schemas.hl7v2.validate_profile import ProfileFile  # noqa: PLC0415

    try:
        read: Profile = TypeAdapter(ProfileFile).validate_python(str(file))
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Failure(f"--profile: {why}", "docs/validate.md describes profiles") from None
    return read


def _validated(file: Path, profile: Profile | None, *, named: bool) -> Iterator[tuple[int, int, list[Finding]]]:
    """Each message of `file`: its number in a batch (0 when it is alone), its first line, and what was found."""
    from channels.formats import sniff  # noqa: PLC0415
    from schemas.hl7v2 import Er7, Hl7Error, split_batch  # noqa: PLC0415
    from schemas.hl7v2.validate import validate  # noqa: PLC0415
    from schemas.message import HL7V2  # noqa: PLC0415

    body = content_of(file)
    if not named and sniff(body) != HL7V2:
        return
    try:
        batch = split_batch(body)
    except Hl7Error as error:
        yield 0, 1, [_unreadable(error)]
        return
    if batch.findings:
        yield 0, 1, list(batch.findings)
    for number, one in enumerate(batch.messages, start=1):
        try:
            er7 = Er7.parse(one.body)
            findings = [*er7.findings, *validate(er7, profile)]
        except Hl7Error as error:
            findings = [_unreadable(error)]
        yield number if len(batch.messages) > 1 else 0, one.line, findings


def _unreadable(error: Hl7Error) -> Finding:
    from schemas.finding import Finding  # noqa: PLC0415

    return Finding("V2-000", error.where or "MSH", str(error.args[0]), error.hint)
