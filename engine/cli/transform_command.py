"""`hie transform`: HL7 v2, FHIR and C-CDA to one another, over files, without an engine."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from engine.cli.common import Failure, body_text, columns, json_option, print_json, shown
from engine.cli.files import Named, content_of, files_in
from engine.cli.moments import Moment
from engine.cli.transforming import DIRECTIONS, Converted, Direction

if TYPE_CHECKING:
    from schemas.finding import Finding
    from transforms.accounting import Use

_FEW = 20  # messages; of more, only what went wrong is listed, and progress is shown
_FATES = ("mapped", "kept", "left out", "unmapped")


class _Source(NamedTuple):
    """One message to transform: its file, its number in a batch (0 when it is alone), what its output is called, and
    which of the files it is from."""

    file: Path
    number: int
    body: bytes
    name: Path
    place: int

    def __str__(self) -> str:
        return f"{self.file} message {self.number}" if self.number else str(self.file)


@click.command("transform")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="FILE|DIR...")
@click.option("--to", required=True, type=click.Choice(list(DIRECTIONS)), help="What to make of the messages.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write a file for each message into this folder; a file of its name is replaced.",
)
@click.option("--report", is_flag=True, help="Say of every populated element what became of it. Prints no body.")
@click.option(
    "--options",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The options of the step, in YAML: `profile: none`. Files that it names are relative to it.",
)
@click.option(
    "--received",
    type=Moment(),
    metavar="TIME",
    help="When the messages were received; without it, when each says it was sent.",
)
@json_option
def command(
    paths: tuple[Path, ...],
    to: str,
    out: Path | None,
    report: bool,
    options: Path | None,
    received: datetime | None,
    as_json: bool,
) -> int:
    """Transform messages offline: HL7 v2 or C-CDA to FHIR, FHIR to HL7 v2 or C-CDA, as the steps do.

    A batch is split, and NDJSON. Of a folder, every file in it and below that holds such messages is taken. One message
    is printed laid out, of several each FHIR resource in one line. The same messages and options give the same output.
    Findings go to standard error; of many messages, only warnings and errors. Exit status 1 when any message could not
    be transformed.
    """
    direction = DIRECTIONS[to](options)
    files = list(files_in(paths))
    sources = _sources(files, direction)
    first = list(islice(sources, _FEW + 1))
    if not first:
        raise Failure(
            f"there is no message to transform in {len(files)} files",
            f"--to {to} takes {' and '.join(direction.formats)}",
        )
    told = _Told(_Work(direction, len(files), len(first)), out, report, as_json)
    for source in chain(first, sources):
        told.take(source, direction.convert(source.body, received, report))
    return told.end()


class _Work(NamedTuple):
    """What is to be done; `messages` counts no further than to one more than a few."""

    direction: Direction
    files: int
    messages: int

    @property
    def is_one(self) -> bool:
        """Whether there is one message only."""
        return self.messages == 1

    @property
    def is_much(self) -> bool:
        """Whether there are more messages than one wants to read about one by one."""
        return self.messages > _FEW


def _sources(files: list[Named], direction: Direction) -> Iterator[_Source]:
    from channels.formats import sniff  # noqa: PLC0415

    taken: set[Path] = set()
    for place, file in enumerate(files, start=1):
        body = content_of(file.path)
        format = sniff(body)
        if format not in direction.formats:
            if not file.is_given:
                continue
            format = direction.formats[0]
        bodies = list(_SPLIT.get(format, _whole)(body))
        name = file.within.with_suffix("")
        if name in taken:
            name = file.within  # another file has this name but for its extension
        taken.add(name)
        for number, each in enumerate(bodies, start=1):
            several = len(bodies) > 1
            called = name.with_name(f"{name.name}{f'-{number}' if several else ''}{direction.suffix}")
            yield _Source(file.path, number if several else 0, each, called, place)


def _messages(body: bytes) -> Iterator[bytes]:
    """The messages of a file of HL7 v2; one that is damaged is a message too, to be told so."""
    from schemas.hl7v2 import Hl7Error, split_batch  # noqa: PLC0415

    try:
        yield from (message.body for message in split_batch(body).messages)
    except Hl7Error:
        yield body


def _resources(body: bytes) -> list[bytes]:
    """The resources of a file of FHIR: one, or one in each line (NDJSON)."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    is_ndjson = all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines)
    return lines if len(lines) > 1 and is_ndjson else [body]


def _whole(body: bytes) -> list[bytes]:
    return [body]


_SPLIT: dict[str, Callable[[bytes], Iterable[bytes]]] = {"hl7v2": _messages, "fhir": _resources}
"""What parts a file of several, by its format."""


class _Told:
    """What the command prints and writes of each message as it is done, and what all of them come to."""

    def __init__(self, work: _Work, out: Path | None, report: bool, as_json: bool) -> None:
        self._work = work
        self._direction = work.direction
        self._out = out
        self._report = report
        self._as_json = as_json
        self._begun = self._progress_at = time.monotonic()
        self._done = 0
        self._failed = 0
        self._findings: Counter[str] = Counter()
        self._fates: Counter[str] = Counter()
        self._documents: list[dict[str, Any]] = []

    def take(self, source: _Source, made: Converted) -> None:
        """One message is done."""
        self._done += 1
        self._failed += made.body is None
        self._findings.update(each.severity for each in made.findings)
        self._fates.update(each.use for each in made.uses)
        written = self._write(source, made.body)
        if self._as_json:
            self._documents.append(self._document(source, made, written))
        else:
            self._clear()
            for each in made.findings:
                if made.body is None or not self._work.is_much or each.severity != "information":
                    click.echo(shown(f"{source}: {_line(each)}"), err=True)
            if self._report:
                for line in _account(source, made.uses):
                    click.echo(shown(line))
            elif made.body is not None and self._out is None:
                sys.stdout.flush()
                sys.stdout.buffer.write(self._printed(made.body))
        self._progress(source)

    def end(self) -> int:
        """Print what all came to; the exit status."""
        self._clear()
        totals = {fate: self._fates[fate] for fate in _FATES}
        if self._as_json:
            document: dict[str, Any] = {"transformed": self._done - self._failed, "failed": self._failed}
            if self._report:
                document["totals"] = totals
            print_json({**document, "messages": self._documents})
            return int(self._failed > 0)
        if self._report and not self._work.is_one:
            click.echo(f"{self._done} messages: {_totals(self._fates)}")
        noted = ", ".join(f"{self._findings[severity]} {severity}s" for severity in ("error", "warning"))
        done = f"{self._done - self._failed} of {self._done} messages transformed"
        click.echo(f"{done}; {noted}", err=True)
        return int(self._failed > 0)

    def _write(self, source: _Source, body: bytes | None) -> Path | None:
        if self._out is None or body is None:
            return None
        target = self._out / source.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_laid_out(body, self._direction))
        except OSError as error:
            raise Failure(f"{target}: {error.strerror}", "see --out") from None
        return target

    def _printed(self, body: bytes) -> bytes:
        if self._direction.suffix == ".hl7":
            return f"{body_text(body)}\n".encode() if sys.stdout.isatty() else body
        return _laid_out(body, self._direction) if self._work.is_one else body + b"\n"

    def _document(self, source: _Source, made: Converted, written: Path | None) -> dict[str, Any]:
        document: dict[str, Any] = {
            "file": str(source.file),
            "message": source.number,
            "transformed": made.body is not None,
            "findings": list(map(asdict, made.findings)),
        }
        if written is not None:
            document["written"] = str(written)
        if self._report:
            document["uses"] = list(map(asdict, made.uses))
        elif made.body is not None and written is None:
            document["body"] = _as_json(made.body)
        return document

    def _progress(self, source: _Source) -> None:
        now = time.monotonic()
        if self._work.is_much and sys.stderr.isatty() and now - self._progress_at > 0.2:
            self._progress_at = now
            rate = self._done / (now - self._begun)
            where = f"file {source.place:,} of {self._work.files:,}"
            click.echo(f"\r{self._done:,} messages, {rate:,.0f} a second, {where}\033[K\r", err=True, nl=False)

    def _clear(self) -> None:
        if self._work.is_much and sys.stderr.isatty():
            click.echo("\033[K", err=True, nl=False)


def _laid_out(body: bytes, direction: Direction) -> bytes:
    """FHIR with a line for each value; HL7 v2 as it is."""
    if direction.suffix != ".json":
        return body
    from schemas.fhir.read import indented  # noqa: PLC0415

    return f"{indented(body)}\n".encode()


def _as_json(body: bytes) -> object:
    import orjson  # noqa: PLC0415

    if body.startswith(b"<"):
        return body.decode()
    return orjson.Fragment(body) if body.startswith(b"{") else body


def _line(finding: Finding) -> str:
    label = "" if finding.severity == "error" else f"{finding.severity}: "
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{finding.where}: {finding.code} {label}{finding.what}{hint}"


def _account(source: _Source, uses: Any) -> Iterator[str]:
    yield str(source)
    rows = [(f"  {use.path}", use.use, _where(use)) for use in uses]
    yield from columns(rows) if rows else ()
    yield f"  {_totals(Counter(use.use for use in uses))}"


def _where(use: Use) -> str:
    targets = ", ".join(use.targets)
    return f"{targets} ({use.reason})" if targets and use.reason else targets or use.reason


def _totals(fates: Counter[str]) -> str:
    return f"{fates.total()} elements: {', '.join(f'{fates[fate]} {fate}' for fate in _FATES)}"
