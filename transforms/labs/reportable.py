"""Which results a site has to report to public health: its own list of LOINC and SNOMED CT codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from schemas.tables import Table, TableFile
from transforms.labs.orders import Order
from transforms.v2_to_fhir.source import SourceSegment, Value


def _columns(table: Table) -> Table:
    table.column("code")
    return table


ReportableFile = Annotated[TableFile, AfterValidator(_columns)]
"""A CSV file with the column `code`, and maybe `system` (`LN`, `SCT`; empty for any) and `results`."""


class _Rule(NamedTuple):
    """A code that is reported: whatever the result where `results` is empty, else if it is one of these."""

    system: str
    results: frozenset[str]


def reportable(order: Order, table: Table) -> bool:
    """Whether one of the tests of `order` (OBR-4, OBX-3), or one of its results (OBX-5), is in the site's list."""
    rules = _rules(table)
    if _is_listed(order.obr[4], rules, frozenset()):
        return True
    for obx in order.named("OBX"):
        said = frozenset(_said(obx))
        if _is_listed(obx[3], rules, said) or (obx.text(2) in ("CE", "CWE") and _is_listed(obx[5], rules, said)):
            return True
    return False


def _is_listed(values: Iterable[Value], rules: dict[str, list[_Rule]], said: frozenset[str]) -> bool:
    for value in values:
        for code, system in ((value[1], value[3]), (value[4], value[6])):
            for rule in rules.get(code, ()) if code else ():
                if rule.system in ("", system) and (not rule.results or rule.results & said):
                    return True
    return False


def _said(obx: SourceSegment) -> Iterator[str]:
    """What a result says: its codes and texts, and its interpretations, without regard to case."""
    for value in (*obx[5], *obx[8]):
        yield from (text.casefold() for text in (value[1], value[2], value[4], value[5], value[9]) if text)


@lru_cache(maxsize=16)
def _rules(table: Table) -> dict[str, list[_Rule]]:
    found: dict[str, list[_Rule]] = {}
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        results = frozenset(each.strip().casefold() for each in cells.get("results", "").split(";") if each.strip())
        if cells["code"]:
            found.setdefault(cells["code"], []).append(_Rule(cells.get("system", ""), results))
    return found
