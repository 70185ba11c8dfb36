"""Tables that an engineer keeps as CSV files in the site: look-up tables and code maps, read once and checked whole."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, InstanceOf, ValidationInfo, WithJsonSchema

MAX_BYTES = 64 << 20
MAX_CELL = 4096
MAX_COLUMNS = 64

CODE_MAP_COLUMNS = ("code", "system", "to_code", "to_display", "to_system")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class TableError(ValueError):
    """The file is not the table it should be; the text names file and line and says what to write."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A CSV file with a heading line; `rows` are its lines as read, `lines` the number of each in the file."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    lines: tuple[int, ...] = field(repr=False)
    _indexes: dict[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, text: str, name: str) -> Table:
        """The table in `text`; raises `TableError` with the line at fault.

        Cells are stripped of white space around them; empty lines and lines that begin with `#` are left out.
        """
        reader = _cells(text, name)
        columns = tuple(heading.lower() for heading in next(reader, (0, ()))[1])
        if not columns:
            raise TableError(f"{name}:1: the table is empty; its first line names the columns")
        if len(set(columns)) < len(columns) or not all(columns):
            raise TableError(f"{name}:1: each column needs a name of its own")
        rows: list[tuple[str, ...]] = []
        lines: list[int] = []
        for line, cells in reader:
            if len(cells) > len(columns):
                what = f"{len(cells)} cells under {len(columns)} columns"
                raise TableError(f"{name}:{line}: {what}; quote a cell that has a comma")
            rows.append((*cells, *[""] * (len(columns) - len(cells))))
            lines.append(line)
        return cls(name, columns, tuple(rows), tuple(lines))

    def column(self, name: str) -> int:
        """The place of the column `name`; raises `TableError`."""
        if name.lower() not in self.columns:
            raise TableError(f"{self.name}: there is no column {name!r}; it has {', '.join(self.columns)}")
        return self.columns.index(name.lower())

    def by(self, column: str) -> Mapping[str, Mapping[str, str]]:
        """Every row as a mapping, by its text in `column`; raises `TableError` where one text stands in two rows."""
        if column not in self._indexes:
            self._indexes[column] = self._index(column)
        return self._indexes[column]

    def _index(self, column: str) -> dict[str, Mapping[str, str]]:
        place = self.column(column)
        rows: dict[str, Mapping[str, str]] = {}
        first: dict[str, int] = {}
        for line, row in zip(self.lines, self.rows, strict=True):
            key = row[place]
            if key in first:
                raise TableError(f"{self.name}:{line}: the same {column} as in line {first[key]}; one row for each")
            first[key] = line
            rows[key] = dict(zip(self.columns, row, strict=True))
        return rows


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system, and how it is shown."""

    code: str
    display: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class CodeMap:
    """Codes to codes, from a CSV file with the `CODE_MAP_COLUMNS` and, where rows differ by sender, `sender`."""

    name: str
    targets: Mapping[tuple[str, str, str], Code] = field(repr=False)
    """(sender, system, code) to what it becomes; an empty sender or system stands for any."""
    systems: frozenset[str] = field(default=frozenset(), repr=False)
    """The systems that it leads to."""

    @classmethod
    def read(cls, text: str, name: str) -> CodeMap:
        """The code map in `text`; raises `TableError` with the line at fault."""
        table = Table.read(text, name)
        code, system, to_code, to_display, to_system = (table.column(each) for each in CODE_MAP_COLUMNS)
        sender = table.columns.index("sender") if "sender" in table.columns else None
        targets: dict[tuple[str, str, str], Code] = {}
        for line, row in zip(table.lines, table.rows, strict=True):
            if not row[code] or not row[to_code]:
                raise TableError(f"{name}:{line}: code and to_code are needed; leave the line out for an unmapped code")
            key = ("" if sender is None else row[sender], row[system], row[code])
            if key in targets:
                raise TableError(f"{name}:{line}: this code, system and sender are mapped in an earlier line already")
            targets[key] = Code(row[to_code], row[to_display], row[to_system])
        systems = frozenset(target.system for target in targets.values() if target.system)
        return cls(name, targets, systems)

    def find(self, code: str, system: str, senders: tuple[str, ...] = ()) -> Code | None:
        """What `code` of `system` becomes for the first of `senders` that has a row of its own, else for any sender.

        A row that names the system comes before one that leaves it open.
        """
        for sender in (*senders, ""):
            for named in (system, ""):
                target = self.targets.get((sender, named, code))
                if target is not None:
                    return target
        return None


def _cells(text: str, name: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise TableError(f"{name}:{line}: not CSV: {error}") from None
        if cells is None:
            return
        if not any(cells) or cells[0].lstrip().startswith("#"):
            continue
        if any(map(_CONTROL.search, cells)):
            raise TableError(f"{name}:{line}: a control character; save the file as plain text")
        if len(cells) > MAX_COLUMNS or max(map(len, cells)) > MAX_CELL:
            raise TableError(f"{name}:{line}: more than {MAX_COLUMNS} columns or {MAX_CELL} characters in a cell")
        yield line, tuple(cell.strip() for cell in cells)


def _opened(written: object, info: ValidationInfo) -> tuple[Path, str, int, int]:
    """File, name as written, and what tells whether the file has changed since; raises `TableError`."""
    if not isinstance(written, str | Path):
        raise TableError("write the name of a CSV file, for example maps/loinc.csv")
    site = (info.context or {}).get("site")
    path = Path(written) if site is None else Path(site) / written
    try:
        facts = path.stat()
    except OSError as error:
        raise TableError(f"{written}: {error.strerror}") from None
    if facts.st_size > MAX_BYTES:
        raise TableError(f"{written}: larger than {MAX_BYTES >> 20} MB")
    return path, str(written), facts.st_mtime_ns, facts.st_size


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(f"{name}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise TableError(f"{name}: {error.strerror}") from None


@lru_cache(maxsize=32)
def _table(path: Path, name: str, _changed: int, _size: int) -> Table:
    return Table.read(_text(path, name), name)


@lru_cache(maxsize=32)
def _code_map(path: Path, name: str, _changed: int, _size: int) -> CodeMap:
    return CodeMap.read(_text(path, name), name)


def _load_table(written: object, info: ValidationInfo) -> object:
    return written if isinstance(written, Table) else _table(*_opened(written, info))


def _load_code_map(written: object, info: ValidationInfo) -> object:
    return written if isinstance(written, CodeMap) else _code_map(*_opened(written, info))


_FILE = WithJsonSchema({"type": "string", "format": "path", "examples": ["maps/loinc.csv"]})

TableFile = Annotated[InstanceOf[Table], BeforeValidator(_load_table), _FILE]
"""The name of a CSV file of the site, read when the channel is bound."""
CodeMapFile = Annotated[InstanceOf[CodeMap], BeforeValidator(_load_code_map), _FILE]
"""The name of a code map of the site (CSV), read when the channel is bound."""
