"""The rows of a CSV file of the registry, each with its place."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

_LONGEST = 1 << 20  # characters of a row


class RosterError(ValueError):
    """The file is no roster, or no directory; the text names file and line, and quotes no cell."""


def digest_of(path: Path, *others: Path) -> str:
    """What tells one state of the file, and of `others` beside it, from another; raises `OSError`."""
    digests: list[str] = []
    for each in (path, *others):
        with each.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest()[:32])
    return digests[0] if not others else hashlib.sha256("".join(digests).encode()).hexdigest()[:32]


def read_rows(path: Path, name: str, heading: Callable[[list[str]], list[str]]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of the file at `path` by its columns, and where it stands (`panels/a.csv:2`, after `name`).

    `heading` gives the columns that the cells of the first row name, or raises. Empty rows and those that begin with
    `#` are left out, before that one too, and cells stripped. Raises `RosterError` at the line at fault.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(file, name)
            reader = csv.reader(lines, strict=True)
            rows = (cells for cells in lines.rows(reader) if any(cells) and not cells[0].lstrip().startswith("#"))
            columns = heading([cell.strip() for cell in next(rows, [])])
            for cells in rows:
                where = f"{name}:{reader.line_num}"
                if len(cells) > len(columns):
                    raise RosterError(f"{where}: {len(cells)} cells under {len(columns)} columns; quote a comma")
                yield where, dict(zip(columns, map(str.strip, cells), strict=False))
    except csv.Error as error:
        raise RosterError(f"{name}: not CSV: {error}") from None
    except UnicodeDecodeError:
        raise RosterError(f"{name}: not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise RosterError(f"{name}: {error.strerror}") from None


class _Lines:
    """The lines of a CSV file; of one row no more than a row can be is held. Raises `RosterError` beyond."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._number = self._size = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(_LONGEST):
            self._number += 1
            self._size += len(line)
            if self._size >= _LONGEST:
                raise RosterError(f"{self._name}:{self._number}: a row of more than 1 MB; is a quote missing?")
            yield line

    def rows(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        """Each row that `reader` makes of the lines."""
        for cells in reader:
            self._size = 0
            yield cells
