"""The tables of HL7's v2-to-FHIR guide (1.0.0, STU 1, FHIR R4) as far as they name a target, and what we do otherwise.

`guide.csv` holds one line for each row of a message, segment or data type map that has a FHIR target. `deviations.csv`
gives the reason for each that is not done as the guide writes it.
"""

from __future__ import annotations

import csv
import re
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, cast

Kind = Literal["message", "segment", "datatype"]

_WORD = re.compile(r"[A-Z][A-Z0-9]+(?![a-z])|[A-Z]?[a-z0-9]+")


class Row(NamedTuple):
    """One row of the guide.

    `map` is the map's name (`PID[Patient]`, `CX[Identifier]`, `ADT_A01`) and `identifier` the element it reads
    (`PID-3`, `CX.4`, `ADT_A01.PID`), of type `v2_type`. `condition` is written as the guide writes it, or `narrative`
    where it is told in prose alone. `path` is the FHIR element beneath the map's target, or in a message map the
    resource; `uses` is the data type map, or in a message map the segment map; `vocabulary` is the code map, `example`
    one of its codes. `assignment` is a constant in quotes, an expression, `instruction` where it is told in prose, or
    in a message map the references to set.
    """

    kind: Kind
    map: str
    identifier: str
    v2_type: str
    condition: str
    path: str
    fhir_type: str
    uses: str
    vocabulary: str
    example: str
    assignment: str

    @property
    def source(self) -> str:
        """The segment, data type or structure that is mapped: `PID`, `CX`, `ADT_A01`."""
        return self.map.partition("[")[0]

    @property
    def target(self) -> str:
        """The resource or data type that the map makes: `Patient`, `Identifier`; "" for a message map."""
        return self.map.partition("[")[2].rstrip("]").partition("-")[0]

    @property
    def function(self) -> str:
        """The name of the function that is the map: `pid_patient`."""
        return function_name(self.map)

    @property
    def deviation(self) -> str:
        """Why the row is not done as the guide writes it, "" where it is."""
        found = next((each for each in deviations() if each.covers(self)), None)
        return found.reason if found else ""


class Deviation(NamedTuple):
    """Rows that are not done as the guide writes them, and why; map, identifier and path may hold `*`."""

    map: str
    identifier: str
    path: str
    reason: str

    def covers(self, row: Row) -> bool:
        """Whether the row is one of these."""
        named = ((row.map, self.map), (row.identifier, self.identifier), (row.path, self.path))
        return all(fnmatchcase(text, pattern.replace("[", "[[]")) for text, pattern in named)


def function_name(map_name: str) -> str:
    """The name of a map's function: `HD[MessageHeader.source-endpoint]` is `hd_message_header_source_endpoint`."""
    return "_".join(_WORD.findall(map_name)).lower()


@cache
def rows() -> tuple[Row, ...]:
    """Every row of the guide that has a FHIR target, in the guide's order."""
    return tuple(Row(cast(Kind, kind), *rest) for kind, *rest in _lines("guide.csv"))


@cache
def deviations() -> tuple[Deviation, ...]:
    """Every deviation that is stated."""
    return tuple(Deviation._make(line) for line in _lines("deviations.csv"))


def _lines(name: str) -> list[list[str]]:
    text = files("transforms.v2_to_fhir").joinpath(name).read_text("utf-8")
    return list(csv.reader(text.splitlines()))[1:]
