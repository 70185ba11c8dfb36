"""The manual of the steps: every step and option is in it, and what it shows can be bound."""

import re
from pathlib import Path

import pytest

from engine.config.options import signature_of
from engine.steps import STEPS
from tests.transforms.written import bind

MANUAL = (Path(__file__).parents[2] / "docs/steps.md").read_text()
SECTIONS = {found.group(1): found.group(0) for found in re.finditer(r"(?ms)^## `(\w+)`.*?(?=^## )", MANUAL)}


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name, step in STEPS.items()
        if step.__module__.startswith(("transforms.", "engine.")) and name != "open_mail"
    ),
)
def test_every_step_and_option_is_in_the_manual(name: str) -> None:
    signature = signature_of(STEPS[name])
    if not signature.takes_value and name != "validate":
        assert [each.name for each in signature.options if f"`{each.name}`" not in SECTIONS[name]] == []
    assert f"- {name}" in SECTIONS[name]
    assert f"#{name})" in MANUAL


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_what_the_manual_shows_can_be_bound(name: str, tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    shown_map = re.search(r"```csv\n(.*?)```", SECTIONS["map_codes"], re.DOTALL)
    assert shown_map is not None
    for file in ("loinc.csv", "class.csv", "doctors.csv", "systems.csv", "reportable.csv"):
        (maps / file).write_text(shown_map.group(1))
    (maps / "wards.csv").write_text("ward,name,phone\n")
    shown = re.findall(r"```yaml\n(.*?)```", SECTIONS[name], re.DOTALL)
    assert shown
    for line in "".join(shown).splitlines():
        assert bind(line.removeprefix("- "), tmp_path).name == name
