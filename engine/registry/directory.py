"""The provider directory as CSV files: the site's own columns, or those of NPPES's monthly file (CMS).

NPPES's endpoints come in a file of their own (`nppes_endpoints.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from engine.registry.nppes_endpoints import NppesEndpoints
from engine.registry.numbers import NpiSet
from engine.registry.rows import RosterError, read_rows
from engine.registry.subscribing import check_npi
from transforms.registry import Provider

COLUMNS = {
    "npi": "The National Provider Identifier; needed, and each its own.",
    "kind": "`practitioner` or `organization`; empty for a practitioner.",
    "name": "The name; needed. Of a practitioner family name first.",
    "specialties": "Codes or words, separated by semicolons.",
    "organizations": "NPIs of the organizations, separated by semicolons.",
    "direct": "Direct address.",
    "fhir": "Base URL of the FHIR server.",
    "mllp": "Host and port.",
    "phone": "Telephone.",
    "line": "Street and house number.",
    "city": "City.",
    "state": "State.",
    "postal_code": "Postal code.",
}
"""Every column of the site's own file, with its line of the manual."""

_ENDS = ("direct", "fhir", "mllp")
_PLACE = "Provider Business Practice Location Address"
_NPPES = {
    "phone": f"{_PLACE} Telephone Number",
    "line": "Provider First Line Business Practice Location Address",
    "city": f"{_PLACE} City Name",
    "state": f"{_PLACE} State Name",
    "postal_code": f"{_PLACE} Postal Code",
}
_KIND, _ORGANIZATION = "Entity Type Code", "Provider Organization Name (Legal Business Name)"
_NAMES = ("Provider Last Name (Legal Name)", "Provider First Name", "Provider Middle Name")
_GONE, _BACK = "NPI Deactivation Date", "NPI Reactivation Date"
_MOST_SPECIALTIES = 15  # columns of NPPES

Kind = Literal["practitioner", "organization"]


def read_directory(
    path: Path, name: str, most: int | None = None, endpoints: Sequence[tuple[Path, str]] = ()
) -> Iterator[Provider]:
    """The providers in the first `most` lines of the file at `path`, or in all; it is called `name` in errors.

    Who is deactivated in NPPES is none. `endpoints` are NPPES's files of endpoints with their names, which give its
    providers their addresses. Raises `RosterError` at the line at fault.
    """
    seen = NpiSet()
    with ExitStack() as stack:
        ends: NppesEndpoints | None = None
        for where, row in islice(read_rows(path, name, partial(_heading, name)), most):
            if "NPI" not in row:
                provider = _own(row, where)
            elif row.get(_GONE) and not row.get(_BACK):
                continue
            else:
                ends = ends or stack.enter_context(closing(NppesEndpoints(endpoints)))
                provider = _of_nppes(row, where, ends)
            if not seen.add(provider.npi):
                raise RosterError(f"{where}: the NPI stands in an earlier line already")
            yield provider


def _heading(name: str, columns: list[str]) -> list[str]:
    """The columns of the site's own file, or of NPPES's."""
    if {"NPI", _KIND, _ORGANIZATION, _NAMES[0]} <= set(columns):
        return columns
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise RosterError(f"{name}:1: there is no column {unknown[0]!r}; there are {', '.join(COLUMNS)}, or NPPES's")
    if not {"npi", "name"} <= set(columns) or len(set(columns)) < len(columns):
        raise RosterError(f"{name}:1: the first line names the columns, `npi` and `name` among them and none twice")
    return columns


def _own(row: Mapping[str, str], where: str) -> Provider:
    if row.get("kind", "") not in ("", "practitioner", "organization"):
        raise RosterError(f"{where}: kind is practitioner or organization")
    if not row.get("name"):
        raise RosterError(f"{where}: the provider has no name")
    kind: Kind = "organization" if row.get("kind") == "organization" else "practitioner"
    return Provider(
        _npi(row.get("npi", ""), where),
        kind,
        row["name"],
        _listed(row.get("specialties", "")),
        tuple(_npi(each, where) for each in _listed(row.get("organizations", ""))),
        MappingProxyType({end: row[end] for end in _ENDS if row.get(end)}),
        *(row.get(name, "") for name in _NPPES),
    )


def _of_nppes(row: Mapping[str, str], where: str, ends: NppesEndpoints) -> Provider:
    kind: Kind = "organization" if row[_KIND] == "2" else "practitioner"
    family, *given = (row.get(name, "") for name in _NAMES)
    person = ", ".join(filter(None, (family, " ".join(filter(None, given)))))
    codes = (row.get(f"Healthcare Provider Taxonomy Code_{n}", "") for n in range(1, _MOST_SPECIALTIES + 1))
    npi = _npi(row["NPI"], where)
    return Provider(
        npi,
        kind,
        row[_ORGANIZATION] if kind == "organization" else person,
        tuple(filter(None, codes)),
        (),
        ends.of(npi),
        *(row.get(name, "") for name in _NPPES.values()),
    )


def _npi(text: str, where: str) -> str:
    try:
        return check_npi(text)
    except ValueError as error:
        raise RosterError(f"{where}: {error}") from None


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in cell.split(";"))))
