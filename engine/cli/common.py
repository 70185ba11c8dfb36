"""What the commands share: the site, failures in an operator's words, texts that are safe on a terminal, JSON."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from engine.config.settings import Settings
    from engine.journal import Journal

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_SQLITE = "sqlite:///"


class Failure(click.ClickException):
    """The command failed; `hint` says what to do next."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint

    def show(self, file: Any = None) -> None:
        """Print what failed and the hint on standard error."""
        click.echo(f"hie: {shown(self.message)}", err=True)
        if self.hint:
            click.echo(f"     {shown(self.hint)}", err=True)


def site_argument(function: F) -> F:
    """Give a command the argument SITE."""
    return click.argument("site", default="config", envvar="HIE_SITE", type=click.Path(path_type=Path))(function)


def site_option(function: F) -> F:
    """Give a command the option --site."""
    return click.option(
        "--site",
        default="config",
        envvar="HIE_SITE",
        type=click.Path(path_type=Path),
        metavar="SITE",
        help="The site that is meant; without it $HIE_SITE, else config/.",
    )(function)


def json_option(function: F) -> F:
    """Give a command the option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def settings_of(site: Path) -> Settings:
    """What `hie.yaml` of `site` says, without a look at the channels; raises `Failure`."""
    from engine.config.expand import Expander  # noqa: PLC0415 - a command that needs no site starts without these
    from engine.config.load import load, read  # noqa: PLC0415
    from engine.config.settings import bind_settings  # noqa: PLC0415
    from schemas.finding import Severity  # noqa: PLC0415

    if not site.is_dir():
        raise Failure(f"there is no site at {site}", "name its folder, or set HIE_SITE")
    file = site / "hie.yaml"
    tree, findings = None, []
    if file.exists():
        content, problem = read(file, file.name)
        if problem is not None:
            findings.append(problem)
        elif content.strip():
            loaded = load(content, file.name, Expander(os.environ, site))
            tree = loaded.tree
            findings.extend(loaded.findings)
    settings, problems = bind_settings(tree, file.name, site, os.environ)
    for each in (*findings, *problems):
        if each.severity is Severity.ERROR:
            raise Failure(f"{site}: {each}", f"`hie check {site}` lists all that is wrong")
    return settings


def with_journal(site: Path, work: Callable[[Journal], Awaitable[T]]) -> T:
    """What `work` makes of the site's journal, which may be in use by a running engine; raises `Failure`."""
    from engine.journal import Journal, JournalError  # noqa: PLC0415
    from engine.journal.history import UnknownIdError  # noqa: PLC0415
    from engine.journal.replay import ReplayError  # noqa: PLC0415

    url = settings_of(site).journal
    if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists():
        where = url.removeprefix(_SQLITE)
        raise Failure(f"there is no journal at {where}", f"start the site once: hie run {site}; or name another site")

    async def go() -> T:
        journal = Journal(url)
        await journal.open()
        try:
            return await work(journal)
        finally:
            await journal.close()

    try:
        return asyncio.run(go())
    except JournalError as error:
        raise Failure(error.reason, error.hint) from None
    except (UnknownIdError, ReplayError) as error:
        raise Failure(str(error)) from None


def shown(text: str, *, lines: bool = False) -> str:
    """`text` without characters that would steer a terminal; with `lines`, line ends and tabs stay."""
    if text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(each if each.isprintable() or each in kept else f"\\x{ord(each):02x}" for each in text)


def body_text(body: bytes) -> str:
    """`body` as text, a line for each segment of HL7 v2 or each value of FHIR, safe on a terminal."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        from schemas.fhir.error import FhirError  # noqa: PLC0415
        from schemas.fhir.read import indented  # noqa: PLC0415

        with contextlib.suppress(FhirError):
            return shown(indented(body), lines=True)
    text = body.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\r", "\n")
    return shown(text, lines=True).rstrip("\n")


def local(moment: datetime, *, millis: bool = False) -> str:
    """`moment` in the machine's time zone."""
    return moment.astimezone().isoformat(" ", "milliseconds" if millis else "seconds")


def print_json(value: object) -> None:
    """Print `value`, dataclasses, times (UTC) and bytes included, as one JSON document."""
    import orjson  # noqa: PLC0415

    options = orjson.OPT_INDENT_2 | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    click.echo(orjson.dumps(value, default=_plain, option=options).decode())


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Iterable):
        return dict(value) if hasattr(value, "keys") else list(value)
    return str(value)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """`rows` as lines whose columns stand below each other; nothing is cut."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
