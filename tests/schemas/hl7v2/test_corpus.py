"""Messages that nobody here wrote: the open corpus at `HIE_CORPUS`, where it is."""

import csv
import os
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import hl7
import pytest

from schemas.hl7v2 import Er7, Hl7Error, acknowledge, header, read_ack, split_batch

CORPUS = Path(os.environ.get("HIE_CORPUS") or Path(__file__).resolve().parents[4] / "shared" / "corpus") / "hl7v2"
NOW = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)
PATHS = (
    "MSH-3",
    "MSH-10",
    "PID-3.1",
    "PID-3.4",
    "PID-5.1",
    "PID-5.2",
    "PID-7",
    "PID-8",
    "PID-11.3",
    "PV1-2",
    "PV1-3.1",
)


def files(*classes: str) -> list[Path]:
    manifest = CORPUS / "manifest.csv"
    if not manifest.exists():
        return []
    with manifest.open(newline="") as rows:
        return [CORPUS / row["file"] for row in csv.DictReader(rows) if row["class"] in classes]


def test_every_file_is_refused_for_its_missing_header_or_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: Counter[str] = Counter()
    for file in files("message", "generated", "fragment", "hostile", "batch"):
        body = file.read_bytes()
        try:
            parsed = Er7.parse(body)
        except Hl7Error as refused:
            assert b"MSH|" not in body, file
            assert refused.hint
            outcomes["without a header"] += 1
            continue
        for segment in parsed.segments:
            segment.get_all("1[*].2")
        parsed.get("PID-3[2].4.1").encode()
        outcomes["with findings" if parsed.findings else "clean"] += 1
        assert parsed.encode() == body, file
        assert parsed.only(parsed.segments).encode() == body, file
        assert header(body).control_id == parsed.control_id, file
        answer = read_ack(acknowledge(body, "AE", control_id="1", now=NOW, text="no", errors=[("PID-3", "101", "")]))
        assert answer.code == "AE"
        assert answer.control_id == parsed.control_id.strip(), file
    with capsys.disabled():
        print(f"\ncorpus: {outcomes.total()} files of HL7 v2: {dict(outcomes)}")


def test_batches_split_into_messages(capsys: pytest.CaptureFixture[str]) -> None:
    count = messages = 0
    for file in files("batch"):
        batch = split_batch(file.read_bytes())
        count += 1
        messages += len(batch.messages)
        assert all(each.body in file.read_bytes() for each in batch.messages), file
        assert all(Er7.parse(each.body).named("MSH") for each in batch.messages), file
    with capsys.disabled():
        print(f"\ncorpus: {count} batches of {messages} messages")


def test_python_hl7_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """An independent reader agrees where it can read at all: regular messages of the standard's own delimiters."""
    compared = 0
    for file in files("message")[::4]:
        body = file.read_bytes()
        if not body.isascii() or not body.startswith(b"MSH|^~\\&|") or b"\\" in body[9:]:
            continue
        ours = Er7.parse(body)
        if ours.findings or any(b"|" not in line for line in body.split()[:1]):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = hl7.parse("\r".join(segment.text for segment in ours.segments))
        except hl7.HL7Exception:
            continue
        for path in PATHS:
            segment, _, rest = path.partition("-")
            field, _, component = rest.partition(".")
            if segment not in {each.name for each in ours.segments}:
                continue
            try:
                expected = str(theirs.extract_field(segment, 1, int(field), 1, int(component or 1), 1))
            except (LookupError, hl7.HL7Exception):
                expected = ""
            assert ours.get(f"{segment}-{field}[1].{component or 1}.1") == expected, (file, path)
            compared += 1
    with capsys.disabled():
        print(f"\ncorpus: {compared} values compared with python-hl7")
