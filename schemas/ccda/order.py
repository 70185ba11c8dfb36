"""In which order the schema of CDA R2 with HL7's extensions (SDTC) wants the children of an element."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FIRST = ("realmCode", "typeId", "templateId")
"""What may stand before all else in every class (CDA R2, infrastructure root)."""


@cache
def places(name: str) -> Mapping[str, int]:
    """The place of each child of the element `name`, by local name; empty where order is the author's.

    Elements of one name and several classes (`participant` of the document and of an entry) have one order here, that
    holds for each.
    """
    children = _orders().get(name)
    return {} if children is None else {child: place for place, child in enumerate((*_FIRST, *children))}


@cache
def _orders() -> Mapping[str, list[str]]:
    with Path(__file__).with_name("order.csv").open(encoding="utf-8", newline="") as file:
        return {name: children.split() for name, children in list(csv.reader(file))[1:]}
