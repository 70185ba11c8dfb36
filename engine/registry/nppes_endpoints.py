"""NPPES's file of endpoints (CMS, `endpoint_pfile_*.csv`), which stands beside its monthly file of providers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType

from engine.registry.rows import RosterError, read_rows

_NPI, _TYPE, _ENDPOINT = COLUMNS = ("NPI", "Endpoint Type", "Endpoint")
_DIRECT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_FHIR = re.compile(r"https?://\S+\Z", re.IGNORECASE)


class NppesEndpoints:
    """The endpoints of millions of providers by NPI, on disk while they are asked for.

    DIRECT and FHIR alone; of several of one type the first counts, and what is no address is passed over: providers
    write there what they like. Raises `RosterError` for a file that cannot be read. To be closed after use.
    """

    def __init__(self, files: Iterable[tuple[Path, str]]) -> None:
        self._database = sqlite3.connect("", check_same_thread=False)  # a file of its own, gone when it is closed
        self._database.execute("CREATE TABLE ends (npi, end, address, PRIMARY KEY (npi, end)) WITHOUT ROWID")
        for path, name in files:
            for _where, row in read_rows(path, name, partial(_heading, name)):
                found = _end(row.get(_TYPE, ""), row.get(_ENDPOINT, ""))
                if found is not None:
                    self._database.execute("INSERT OR IGNORE INTO ends VALUES (?, ?, ?)", (row[_NPI], *found))

    def of(self, npi: str) -> Mapping[str, str]:
        """The addresses of that provider by end."""
        rows = self._database.execute("SELECT end, address FROM ends WHERE npi = ?", (npi,))
        return MappingProxyType(dict(rows.fetchall()))

    def close(self) -> None:
        """Let go of what is on disk."""
        self._database.close()


def is_endpoint_file(path: Path, name: str) -> bool:
    """Whether the file at `path` has the columns of endpoints, as far as it can be read."""
    found: list[str] = []

    def heading(columns: list[str]) -> list[str]:
        found.extend(columns)
        return columns

    with suppress(RosterError):  # whoever reads it as a directory says what is wrong with it
        next(read_rows(path, name, heading), None)
    return set(COLUMNS) <= set(found)


def _heading(name: str, columns: list[str]) -> list[str]:
    if not set(COLUMNS) <= set(columns):
        raise RosterError(f"{name}:1: the first line does not name {', '.join(COLUMNS)}")
    return columns


def _end(kind: str, address: str) -> tuple[str, str] | None:
    if kind.upper() == "DIRECT" and _DIRECT.match(address):
        return "direct", address
    if kind.upper() == "FHIR" and _FHIR.match(address):
        return "fhir", address
    return None
