"""`hie registry show`: all that is known of a roster, a subscriber or a provider."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.common import columns, json_option, local, print_json, shown, site_option, with_journal

if TYPE_CHECKING:
    from engine.registry.about import About


@click.command("show")
@click.argument("name", metavar="NAME|NPI")
@click.option("--member", default="", metavar="ID", help="The member of this id as well: patient's data is shown.")
@site_option
@json_option
def command(name: str, member: str, site: Path, as_json: bool) -> int:
    """Say all that is known of a roster, a subscriber, a provider or a file of the directory.

    Members are counted, not listed: of one alone --member says what is known. Exit status 1 where nothing goes by that
    name, or the member is not there.
    """
    from engine.registry.about import about  # noqa: PLC0415
    from schemas.ids import utc_now  # noqa: PLC0415

    found = with_journal(site, lambda journal: journal.read(partial(about, name, member, utc_now())))
    if as_json:
        print_json(_plain(found))
    elif found.is_empty:
        click.echo("nothing goes by that name", err=True)
    else:
        for line in _lines(found):
            click.echo(line)
    return 1 if found.is_empty or (member and not found.members) else 0


def _lines(found: About) -> Iterator[str]:
    for kind in ("rosters", "subscribers", "providers", "members"):
        for each in getattr(found, kind):
            yield kind.removesuffix("s")
            rows = [(name, _text(value)) for name, value in _facts(each) if value not in ("", None, [], {})]
            yield from (f"  {line}" for line in columns(rows))
    if found.changes:
        yield "changes"
        acts = [(local(each.at), each.who, each.what, each.subject, each.detail) for each in found.changes]
        yield from (f"  {shown(line)}" for line in columns(acts))


def _facts(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of `value`, those of what it holds among them."""
    for name, inner in _plain(value).items():
        if isinstance(inner, dict) and name in ("subscriber", "provider", "person"):
            yield from inner.items()
        else:
            yield name.replace("_", " "), inner


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return local(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items() if inner)
    if isinstance(value, list):
        return "; ".join(map(_text, value))
    return shown(str(value))


def _plain(value: Any) -> Any:
    """`value` as dicts and lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(each) for each in value)
    if hasattr(value, "items"):
        return {name: _plain(inner) for name, inner in sorted(value.items())}
    return value
