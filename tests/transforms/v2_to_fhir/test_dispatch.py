"""Which messages are converted, and that the manual names them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.transforms.v2_to_fhir.conversion import PID, convert_text
from transforms.v2_to_fhir.messages.dispatch import MAPS

MANUAL = Path(__file__).parents[3] / "docs" / "v2-to-fhir.md"
TYPES = sorted({kind for kind, _ in MAPS})
EVENTS = sorted("^".join(filter(None, each)) for each in MAPS)


def test_manual_lists_the_types_that_are_converted() -> None:
    section = MANUAL.read_text().partition("## What each message becomes")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| ([A-Z0-9,; ]+) \|", section, re.MULTILINE)
    assert sorted(re.findall(r"[A-Z]{3}", " ".join(first_cells))) == TYPES


@pytest.mark.parametrize("kind", EVENTS)
def test_message_of_a_header_alone_is_converted(kind: str) -> None:
    assert convert_text(kind).bundle is not None


@pytest.mark.parametrize("kind", EVENTS)
def test_message_keeps_what_no_map_of_its_type_reads(kind: str) -> None:
    found = convert_text(kind, PID, "XYZ|a|b")
    assert {"XYZ-1", "XYZ-2"} <= {each.where for each in found.findings}


def test_unknown_type_says_so() -> None:
    found = convert_text("ZZZ^Z99")
    assert found.bundle is None
    assert [each.code for each in found.findings] == ["FHIR-001"]
