"""`hie validate`: files of HL7 v2, FHIR and C-CDA against the standard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.common import Failure, json_option, print_json, shown
from engine.cli.files import content_of, files_in

if TYPE_CHECKING:
    from schemas.error import BodyError
    from schemas.fhir.validate import Level
    from schemas.finding import Finding
    from schemas.hl7v2.validate_profile import Profile


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE|DIR...")
@click.option(
    "--profile",
    metavar="FILE|NAME",
    help="What the partners agreed on (a YAML file), of FHIR us-core or davinci-alerts.",
)
@json_option
def command(paths: tuple[Path, ...], profile: str | None, as_json: bool) -> int:
    """Check HL7 v2 against the version that it declares, FHIR, in JSON and XML, against R4 and a profile, and C-CDA
    against the structure of CDA and the rules of its templates.

    A batch is split. Of a folder, every file in it and below that holds one of them is checked. A finding names the
    place and the rule, mostly the line too, and never quotes the value. Exit status 1 when there is an error.
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
        raise Failure(
            "nothing to check was found", "name files that begin with MSH, FHS or BHS, or that hold FHIR or C-CDA"
        )
    failed = counts[Severity.ERROR] > 0
    if as_json:
        print_json({"passed": not failed, "messages": checked})
    else:
        total = ", ".join(f"{count} {severity}s" for severity, count in counts.items() if severity != "information")
        click.echo(f"{len(checked)} messages: {total}", err=True)
    return int(failed)


def _profile(written: str | None) -> Profile | Level | None:
    from schemas.fhir.validate import PROFILES  # noqa: PLC0415

    if written is None or written in PROFILES:
        return next((each for each in PROFILES if each == written), None)
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from schemas.hl7v2.validate_profile import ProfileFile  # noqa: PLC0415

    try:
        read: Profile = TypeAdapter(ProfileFile).validate_python(written)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Failure(f"--profile: {why}", "docs/validate.md describes profiles") from None
    return read


def _validated(file: Path, profile: Profile | Level | None, *, named: bool) -> Iterator[tuple[int, int, list[Finding]]]:
    """Each message of `file`: its number in a batch (0 when it is alone), its first line, and what was found."""
    from channels.formats import sniff  # noqa: PLC0415
    from schemas.message import CCDA, FHIR, HL7V2  # noqa: PLC0415

    body = content_of(file)
    format = sniff(body)
    if format == FHIR or _is_fhir_xml(body):
        yield 0, 1, _found_in_fhir(body, profile if isinstance(profile, str) else "structure", is_xml=format != FHIR)
    elif format == CCDA:
        yield 0, 1, _found_in_ccda(body)
    elif named or format == HL7V2:
        yield from _found_in_hl7(body, None if isinstance(profile, str) else profile)


def _found_in_hl7(body: bytes, profile: Profile | None) -> Iterator[tuple[int, int, list[Finding]]]:
    from schemas.hl7v2 import Er7, Hl7Error, split_batch  # noqa: PLC0415
    from schemas.hl7v2.validate import validate  # noqa: PLC0415

    try:
        batch = split_batch(body)
    except Hl7Error as error:
        yield 0, 1, [_unreadable("V2-000", error, "MSH")]
        return
    if batch.findings:
        yield 0, 1, list(batch.findings)
    for number, one in enumerate(batch.messages, start=1):
        try:
            er7 = Er7.parse(one.body)
            findings = [*er7.findings, *validate(er7, profile)]
        except Hl7Error as error:
            findings = [_unreadable("V2-000", error, "MSH")]
        yield number if len(batch.messages) > 1 else 0, one.line, findings


def _found_in_fhir(body: bytes, level: Level, *, is_xml: bool) -> list[Finding]:
    from schemas.fhir.error import FhirError  # noqa: PLC0415
    from schemas.fhir.read import read  # noqa: PLC0415
    from schemas.fhir.validate import validate  # noqa: PLC0415
    from schemas.fhir.xml import from_xml  # noqa: PLC0415

    try:
        return validate(from_xml(body) if is_xml else read(body), level=level)
    except FhirError as error:
        return [_unreadable("FHIR-300", error, "Resource")]


def _found_in_ccda(body: bytes) -> list[Finding]:
    from schemas.ccda import CcdaError, Document  # noqa: PLC0415
    from schemas.ccda.validate import validate  # noqa: PLC0415

    try:
        return validate(Document.parse(body))
    except CcdaError as error:
        return [_unreadable("CCDA-300", error, "/ClinicalDocument")]


def _is_fhir_xml(body: bytes) -> bool:
    """Whether `body` is XML that names FHIR's namespace near its start."""
    start = body[:2000]
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" and b"http://hl7.org/fhir" in start


def _unreadable(code: str, error: BodyError, where: str) -> Finding:
    from schemas.finding import Finding  # noqa: PLC0415

    return Finding(code, error.where or where, str(error.args[0]), error.hint)
