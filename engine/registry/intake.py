"""A file taken into the site's folder: where it belongs, whether it is right to its end, and put there at once."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.registry.bundles import read_resources
from engine.registry.directory import read_directory
from engine.registry.directory_fhir import read_fhir_directory
from engine.registry.files import OPT_OUTS, PANELS, PROVIDERS, READERS, directory_files, roster_files
from engine.registry.nppes_endpoints import NppesEndpoints, is_endpoint_file
from engine.registry.reads import OPT_OUT, PANEL
from engine.registry.rows import RosterError, digest_of, read_rows
from engine.registry.subscribing import FILE, read_subscribers
from schemas.finding import Severity

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class Taken(NamedTuple):
    """A file that is right: under what name it is loaded, where it belongs in the site, and how many entries it has.

    `digest` is that by which the engine will know it; `part` is its copy beside the place where it belongs.
    """

    source: str
    where: str
    entries: int
    digest: str
    part: Path


def take(site: Path, file: Path, name: str = "", *, opt_outs: bool = False) -> Taken:
    """Copy `file` beside the place where it belongs in `site`, and read the copy whole.

    A roster is the panel `name`, else one called as the file is; with `opt_outs` it is of those who want the subscriber
    `name` not told, or nobody. Raises `RosterError` for a file that is not right, and `OSError`.
    """
    source, where = _place(file, name, opt_outs=opt_outs)
    target = site / where
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(file, part)
        entries = sum(1 for _ in _entries(source, part, file.name, target.suffix))
        beside = (site / each for each in _beside(site, source, where))
        return Taken(source, where, entries, digest_of(part, *beside), part)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def put(site: Path, taken: Taken) -> None:
    """Put the copy in its place, in one instant, and take away the same roster in another form; raises `OSError`."""
    try:
        with taken.part.open("rb") as stream:
            os.fsync(stream.fileno())
        taken.part.replace(site / taken.where)
    finally:
        with contextlib.suppress(OSError):
            taken.part.unlink()
    for other in files_of(site, taken.source):
        if other != taken.where:
            (site / other).unlink()


def files_of(site: Path, source: str) -> list[str]:
    """The files of the site that are loaded as `source`."""
    found = [file.where for file in roster_files(site) if file.roster == source]
    return found + [file.where for file in directory_files(site) if file.where == source]


def _place(file: Path, name: str, *, opt_outs: bool) -> tuple[str, str]:
    form = file.suffix.lower()
    if not _NAME.match(name or file.stem):
        raise RosterError(f"{file.name}: a name is letters, digits, points, hyphens and underscores")
    if form == ".yaml":
        return FILE, FILE
    if form not in READERS:
        raise RosterError(f"{file.name}: a file is .csv, .hl7, .json or .yaml")
    if not opt_outs and not _is_roster(file, form):
        where = f"{PROVIDERS}{form}" if file.stem == Path(PROVIDERS).name else f"{PROVIDERS}/{file.stem}{form}"
        return where, where
    if opt_outs:
        return f"{OPT_OUT}{name}", f"{OPT_OUTS}/{name}{form}" if name else f"{OPT_OUTS}{form}"
    return f"{PANEL}{name or file.stem}", f"{PANELS}/{name or file.stem}{form}"


def _is_roster(file: Path, form: str) -> bool:
    if form == ".json":
        kinds = (found.resource["resourceType"] for found in read_resources(file, file.name))
        return any(kind == "Group" for kind in kinds)
    columns: list[str] = []

    def heading(cells: list[str]) -> list[str]:
        columns.extend(cell.lower() for cell in cells)
        return cells

    if form == ".csv":
        next(read_rows(file, file.name, heading), None)
    return "npi" not in columns


def _entries(source: str, part: Path, name: str, form: str) -> Iterator[object]:
    """The entries of the file, read as the engine will read them."""
    if source == FILE:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, FILE)
            copy.parent.mkdir()
            shutil.copyfile(part, copy)
            found, findings = read_subscribers(Path(folder))
        wrong = next((each for each in findings if each.severity is Severity.ERROR), None)
        if wrong is not None:
            raise RosterError(str(wrong))
        return iter(found)
    if source.startswith((PANEL, OPT_OUT)):
        return READERS[form](part, name, None)
    if form == ".json":
        return read_fhir_directory(part, name)
    if is_endpoint_file(part, name):
        NppesEndpoints([(part, name)]).close()
        return (row for row in read_rows(part, name, lambda columns: columns))
    return read_directory(part, name)


def _beside(site: Path, source: str, where: str) -> tuple[str, ...]:
    """The other files by which the engine will know this one: NPPES's endpoints, for a directory as CSV."""
    if source.startswith((PANEL, OPT_OUT)) or not where.endswith(".csv"):
        return ()
    return next((each.endpoints for each in directory_files(site) if each.where.endswith(".csv")), ())
