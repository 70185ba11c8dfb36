"""The manual page of the conversion: every finding and every extension is in it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "ccda-to-fhir.md").read_text()
SOURCE = "".join(path.read_text() for path in sorted((ROOT / "transforms" / "ccda_to_fhir").rglob("*.py")))


def test_every_finding_is_in_the_manual() -> None:
    told = set(re.findall(r"CCDA-1\d\d", SOURCE))
    assert told
    assert told == set(re.findall(r"^\| (CCDA-1\d\d) \|", PAGE, re.MULTILINE))


def test_every_extension_is_in_the_manual() -> None:
    written = set(re.findall(r"\{OWN\}(ccda-[a-z-]*[a-z])", SOURCE))
    assert written
    assert written == set(re.findall(r"`(ccda-[a-z-]+)`", PAGE))
