"""The files that a command is given: folders walked, batches split, in an order that is always the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.cli.common import Failure

MOST_BYTES = 64 << 20
"""How large one file may be."""


class Named(NamedTuple):
    """A file, and its path as the command's output may name it: within the folder that was given."""

    path: Path
    within: Path
    is_given: bool


def files_in(paths: Iterable[Path]) -> Iterator[Named]:
    """Each of `paths` that is a file, and every file in and below each that is a folder, hidden ones left out."""
    for path in paths:
        if path.is_dir():
            for each in sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith(".")):
                yield Named(each, each.relative_to(path), False)
        else:
            yield Named(path, Path(path.name), True)


def content_of(file: Path) -> bytes:
    """The bytes of `file`; raises `Failure`."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise Failure(f"{file} is larger than {MOST_BYTES >> 20} MB", "split it")
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}", "see that it can be read") from None
