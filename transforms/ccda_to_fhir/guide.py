"""The tables of HL7's guide C-CDA on FHIR (2.0.0, STU 2) that lead from CDA to FHIR, and what we do otherwise.

`guide.csv` holds one line for each row. `xpath` and `fhir` say how it is shown to be done: taking the element at
`xpath` out of the page's document changes what stands at `fhir`. `deviations.csv` gives the reason for each that is not
done as the guide writes it, or that has nothing to do.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Row(NamedTuple):
    """One row of the guide: its page, its number there, the CDA element and the FHIR element as the guide writes them.

    `xpath` begins with the name of another document and a colon where the page's own does not show it.
    """

    page: str
    row: str
    source: str
    target: str
    where: str
    fhir: str

    @property
    def document(self) -> str:
        """The document that shows the row."""
        name, colon, _ = self.where.partition(":/")
        return name if colon else self.page

    @property
    def xpath(self) -> str:
        """The element of that document that is taken out, "" where the row is not shown."""
        _, colon, path = self.where.partition(":/")
        return f"/{path}" if colon else self.where

    @property
    def deviation(self) -> str:
        """Why the row is not done as the guide writes it, "" where it is."""
        return _reasons().get((self.page, self.row), "")


class Deviation(NamedTuple):
    """A row that is not done as the guide writes it, and why."""

    page: str
    row: str
    reason: str


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the guide that leads from CDA to FHIR, in the guide's order."""
    return tuple(Row._make(line) for line in _lines("guide.csv"))


@cache
def deviations() -> tuple[Deviation, ...]:
    """Every deviation that is stated."""
    return tuple(Deviation._make(line) for line in _lines("deviations.csv"))


@cache
def _reasons() -> dict[tuple[str, str], str]:
    return {(each.page, each.row): each.reason for each in deviations()}


def _lines(name: str) -> list[list[str]]:
    text = files("transforms.ccda_to_fhir").joinpath(name).read_text("utf-8")
    return list(csv.reader(text.splitlines()))[1:]
