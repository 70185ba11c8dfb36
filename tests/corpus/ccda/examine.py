"""One document, converted once, and everything that is counted of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import orjson

from schemas.ccda import CcdaError, Document
from schemas.ccda.validate import validate
from schemas.fhir import dumps
from schemas.fhir.read import read_exact
from tests.corpus.ccda import back
from tests.corpus.ccda.inputs import Input
from tests.corpus.ccda.said import Said, said
from tests.corpus.command import each_of
from tests.corpus.counted import Counted
from tests.corpus.examine import digest
from transforms.ccda_to_fhir import Options, convert
from transforms.ccda_to_fhir.run import DEFECT

NOW = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)


@dataclass(slots=True)
class Examined(Counted):
    """What was counted of one document; `state` is `converted`, `raised` or `not well-formed`."""

    detail: str = ""
    is_part: bool = False
    repeats: bool = True
    milliseconds: float = 0.0
    defects: list[str] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    returned: back.Returned | None = None
    validation: float = 0.0


def examine(given: Input, measures: Iterable[str]) -> Examined:
    """Convert one document and count; an exception is a result."""
    wanted = set(measures)
    try:
        document = Document.parse(given.body)
    except CcdaError as refused:
        return Examined(given.name, "not well-formed", str(refused), given.is_part)
    try:
        # The second time is the one that is taken: the first reads tables.
        first = convert(document, Options(), NOW)
        begun = time.perf_counter()
        conversion = convert(Document.parse(given.body), Options(), NOW)
        taken = time.perf_counter() - begun
    except Exception:
        last = traceback.format_exc().strip().splitlines()
        return Examined(given.name, "raised", f"{last[-1][:80]} {last[-2].strip()[:80]}", given.is_part)
    found = Examined(given.name, "converted", is_part=given.is_part, milliseconds=taken * 1000)
    found.repeats = digest(first.bundle) == digest(conversion.bundle)
    found.defects = [each.what for each in conversion.findings if each.code == DEFECT]
    bundle = orjson.loads(dumps(conversion.bundle))
    found.count(bundle, wanted)
    begun = time.perf_counter()
    validate(document)
    found.validation = (time.perf_counter() - begun) * 1000
    if "back" in wanted:
        found.returned = back.returned(read_exact(dumps(conversion.bundle)), NOW)
    if "said" in wanted:
        found.said = said(document.root, read_exact(dumps(conversion.bundle)))
    return found


def examine_all(inputs: list[Input], measures: Iterable[str], processes: int, what: str = "") -> list[Examined]:
    """Examine every document, in several processes where that pays; progress is told of `what`, if anything."""
    return each_of(inputs, partial(examine, measures=tuple(measures)), processes, what)
