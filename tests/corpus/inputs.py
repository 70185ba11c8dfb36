"""The messages that are measured: those of the open corpus, where it is, and the samples that ship."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.hl7v2 import Er7, Hl7Error, split_batch

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples" / "hl7v2"
CORPUS = Path(os.environ.get("HIE_CORPUS") or ROOT.parent / "shared" / "corpus") / "hl7v2"
CLASSES = ("message", "generated", "fragment", "hostile", "batch")
"""The kinds of file in the corpus's manifest that hold HL7 v2."""


@dataclass(frozen=True, slots=True)
class Input:
    """One message: the name of its file, with its number where the file holds several, its source and its bytes."""

    name: str
    source: str
    body: bytes


def rows(folder: Path = CORPUS) -> list[dict[str, str]]:
    """The manifest of the corpus in `folder`; none where it is not there."""
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        return []
    with manifest.open(newline="") as lines:
        return list(csv.DictReader(lines))


def corpus(source: str = "") -> list[Input]:
    """The messages of the corpus, batches split, of the sources whose name holds `source`."""
    return [
        each
        for row in rows()
        if row["class"] in CLASSES and source in row["source"]
        for each in _messages(row["file"], row["source"], (CORPUS / row["file"]).read_bytes())
    ]


def samples() -> list[Input]:
    """The messages of `samples/`, batches split, damaged ones included."""
    return [
        each for file in sorted(SAMPLES.rglob("*.hl7")) for each in _messages(file.name, "samples", file.read_bytes())
    ]


def is_well_formed(body: bytes) -> bool:
    """Whether `body` can be read as a message at all."""
    try:
        Er7.parse(body)
    except Hl7Error:
        return False
    return True


def _messages(name: str, source: str, body: bytes) -> Iterator[Input]:
    try:
        pieces = [each.body for each in split_batch(body).messages]
    except Hl7Error:
        pieces = [body]
    if len(pieces) == 1:
        yield Input(name, source, body)
        return
    for number, piece in enumerate(pieces, start=1):
        yield Input(f"{name}#{number}", source, piece)
