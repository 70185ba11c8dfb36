"""Whatever stands in a message, it is converted, or refused with a finding; never half, never with an exception."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from schemas.fhir import dumps
from schemas.hl7v2 import Er7, split_batch
from transforms.v2_to_fhir import Options, convert
from transforms.v2_to_fhir.convert import DEFECT
from transforms.v2_to_fhir.report import account

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[3] / "samples" / "hl7v2"
FILES = sorted(file for file in SAMPLES.glob("*.hl7") if not file.name.startswith("damaged"))
MESSAGES = [message.body for file in FILES for message in split_batch(file.read_bytes()).messages]

_TEXTS = st.one_of(
    st.sampled_from(
        ["", '""', "0", "-1", "Y", "D", "X", "99999999", "20260230", "1^2^3&4~5", "^^^^^", "~~", "\\F\\", "<5", "1e400"]
    ),
    st.text(st.sampled_from('aZ09^&~\\."-+:/ <>€\x00\x1b'), max_size=24),
)
_EDITS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 50), _TEXTS), max_size=8)


def edited(body: bytes, edits: list[tuple[int, int, str]], order: list[int]) -> bytes:
    """`body` with fields replaced, and its segments after MSH in another order, some of them missing or repeated."""
    header, *lines = body.decode("utf-8", "replace").rstrip("\r").split("\r")
    for line, field, text in edits:
        fields = lines[line % len(lines)].split("|")
        fields += [""] * (field + 1 - len(fields))
        fields[field] = text.replace("\r", "")
        lines[line % len(lines)] = "|".join(fields)
    if order:
        lines = [lines[number % len(lines)] for number in order]
    return "\r".join([header, *lines, ""]).encode()


@given(st.sampled_from(MESSAGES), _EDITS, st.lists(st.integers(0, 40), max_size=25))
def test_a_damaged_message_is_converted_or_refused_with_a_finding(
    body: bytes, edits: list[tuple[int, int, str]], order: list[int]
) -> None:
    er7 = Er7.parse(edited(body, edits, order))
    found = convert(er7, Options(), NOW)
    assert DEFECT not in {each.code for each in found.findings}, [str(each) for each in found.findings]
    assert found.bundle is not None
    assert json.loads(dumps(found.bundle))["resourceType"] == "Bundle"


@given(st.sampled_from(MESSAGES), _EDITS)
def test_every_element_of_a_damaged_message_is_accounted_for(body: bytes, edits: list[tuple[int, int, str]]) -> None:
    uses = account(Er7.parse(edited(body, edits, [])), Options(), NOW, trace=False)
    assert len({each.path for each in uses}) == len(uses)
    assert "unmapped" not in {each.use for each in uses}
