"""The manual's table of weights is the model's."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from transforms.matching import Model

PAGE = Path(__file__).parents[3] / "docs/matching.md"


def test_the_manual_has_every_weight() -> None:
    rows = re.findall(r"^\| (?:threshold )?`(\w+)`[^|]*\| (-?[\d.]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert {name: float(weight) for name, weight in rows} == asdict(Model())
