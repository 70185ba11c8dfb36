"""Whole messages: each sample that has a reviewed bundle in samples/fhir/ is converted to that bundle."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from schemas.fhir import dumps
from schemas.hl7v2 import Er7
from transforms.v2_to_fhir import Options, convert
from transforms.v2_to_fhir.version import TRANSFORMATION

SAMPLES = Path(__file__).parents[3] / "samples"
EXPECTED = [
    each for each in sorted((SAMPLES / "fhir").glob("*.json")) if (SAMPLES / "hl7v2" / f"{each.stem}.hl7").exists()
]
NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)


def test_there_are_expected_bundles() -> None:
    assert {"adt_a01", "adt_a40", "bar_p01", "dft_p03", "oru_r01", "orm_o01"} <= {file.stem for file in EXPECTED}


@pytest.mark.parametrize("file", EXPECTED, ids=lambda file: file.stem)
def test_a_sample_becomes_the_bundle_that_was_reviewed(file: Path) -> None:
    message = Er7.parse((SAMPLES / "hl7v2" / f"{file.stem}.hl7").read_bytes())
    bundle = convert(message, Options(), NOW).bundle
    assert bundle is not None
    # The version of the engine changes with every release, and nothing else with it.
    found = orjson.loads(dumps(bundle).replace(TRANSFORMATION.encode(), b"v2_to_fhir"))
    assert found == orjson.loads(file.read_bytes())
