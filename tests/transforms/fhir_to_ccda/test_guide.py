"""HL7's guide C-CDA on FHIR, its tables from FHIR to C-CDA: each row is done, or says why it is not.

A row is done when the place that it names in the document changes as soon as its FHIR element is taken away.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schemas.ccda.namespaces import SDTC, V3
from tests.transforms.fhir_to_ccda.conversion import document

BUNDLES = Path(__file__).with_name("guide")
GUIDE = Path(__file__).parents[3] / "transforms" / "fhir_to_ccda" / "guide.csv"
ROWS = list(csv.DictReader(GUIDE.read_text(encoding="utf-8").splitlines()))
COUNTS = {
    "allergies": 15,
    "immunizations": 22,
    "mappingGuidance": 29,
    "medications": 22,
    "patient": 15,
    "problems": 12,
    "procedures": 12,
    "vitals": 17,
}
"""How many rows each of the guide's pages has."""


def bundle(row: dict[str, str]) -> dict[str, Any]:
    """The bundle of a row's page; who is dead without a time has one of her own."""
    name = "patient_dead" if "deceasedBoolean" in row["fhir"] else row["page"]
    made: dict[str, Any] = json.loads((BUNDLES / f"{name}.json").read_text(encoding="utf-8"))
    return made


def said(resource: dict[str, Any], xpath: str) -> list[str]:
    """What the document says at an XPath without namespaces."""
    root = document(resource)
    for each in root.iter(etree.Element):
        space, _, name = str(each.tag)[1:].partition("}")
        each.tag = name if space == V3 else f"{{{SDTC}}}{name}"
    found = root.xpath(xpath, namespaces={"sdtc": SDTC})
    assert isinstance(found, list)
    return [etree.tostring(each).decode() if isinstance(each, etree._Element) else str(each) for each in found]


def without(resource: dict[str, Any], path: str) -> dict[str, Any]:
    """The bundle without the element at `id.name.0.name`."""
    id, *steps = path.split(".")
    place: Any = next(each["resource"] for each in resource["entry"] if each["resource"]["id"] == id)
    for step in steps[:-1]:
        place = place[int(step) if step.isdigit() else step]
    del place[int(steps[-1]) if steps[-1].isdigit() else steps[-1]]
    return resource


@pytest.mark.parametrize(
    "row", [row for row in ROWS if not row["reason"]], ids=lambda row: f"{row['page']}-{row['row']}"
)
def test_a_row_is_done(row: dict[str, str]) -> None:
    whole = said(bundle(row), row["xpath"])
    assert whole, "the document has no such place"
    assert said(without(bundle(row), row["fhir"]), row["xpath"]) != whole


def test_every_row_of_the_guide_is_there_once_and_is_done_or_says_why_not() -> None:
    assert Counter(row["page"] for row in ROWS) == COUNTS
    assert len({(row["page"], row["row"]) for row in ROWS}) == len(ROWS) == 144
    assert [row for row in ROWS if bool(row["reason"]) == bool(row["fhir"] and row["xpath"])] == []
