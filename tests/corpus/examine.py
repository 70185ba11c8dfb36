"""One message, converted once, and everything that is counted of it."""

from __future__ import annotations

import hashlib
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from schemas.fhir import dumps
from schemas.fhir.read import read_exact
from schemas.hl7v2 import Er7, Hl7Error
from tests.corpus import back, validity
from tests.corpus.command import each_of
from tests.corpus.counted import Counted
from tests.corpus.inputs import Input
from transforms.v2_to_fhir import Options, convert
from transforms.v2_to_fhir.convert import DEFECT
from transforms.v2_to_fhir.report import account

NOW = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)
MEASURES = ("structure", "profile", "account", "back")
"""What can be left out of an examination."""


@dataclass(slots=True)
class Examined(Counted):
    """What was counted of one message; `state` is `converted`, `refused`, `raised` or `not well-formed`."""

    detail: str = ""
    digest: str = ""
    repeats: bool = True
    uses: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    returned: back.Returned | None = None


def examine(given: Input, options: Options | None = None, measures: Iterable[str] = MEASURES) -> Examined:
    """Convert one message and count; an exception, or the finding that an exception was made into, is a result."""
    options = options or Options()
    wanted = set(measures)
    try:
        er7 = Er7.parse(given.body)
    except Hl7Error as refused:
        return Examined(given.name, "not well-formed", str(refused))
    try:
        conversion = convert(er7, options, NOW)
        found = Examined(given.name, "converted")
        if conversion.bundle is None:
            found.state = "refused"
            found.detail = "; ".join(f"{each.code} {each.where}: {each.what}" for each in conversion.findings[:3])
        defects = [each for each in conversion.findings if each.code == DEFECT]
        if defects:
            return Examined(given.name, "raised", defects[0].what)
        found.digest = digest(conversion.bundle)
        again = convert(Er7.parse(given.body), options, NOW)
        found.repeats = digest(again.bundle) == found.digest
        if "account" in wanted:
            _account(found, Er7.parse(given.body), options)
    except Exception:
        return Examined(given.name, "raised", _where(traceback.format_exc()))
    if conversion.bundle is None:
        return found
    bundle = orjson.loads(dumps(conversion.bundle))
    found.count(bundle, wanted)
    if "structure" in wanted:
        found.resources["Bundle"] += 1
        found.fail(validity.structure(_bundle_alone(bundle)))
    if "back" in wanted:
        found.returned = back.returned(er7, read_exact(dumps(conversion.bundle)), NOW)
    return found


def digest(bundle: Any) -> str:
    """The SHA-256 of the bundle as it is written."""
    return hashlib.sha256(dumps(bundle or {})).hexdigest()


def examine_all(
    inputs: list[Input], measures: Iterable[str] = MEASURES, processes: int = 1, what: str = ""
) -> list[Examined]:
    """`examine` each message, in `processes` processes; progress is told of `what`, if anything."""
    return each_of(inputs, partial(examine, measures=tuple(measures)), processes, what)


def _account(found: Examined, er7: Er7, options: Options) -> None:
    """Look up what the report says of each populated element, or of what it is part of."""
    uses = {each.path: each.use for each in account(er7, options, NOW, trace=False)}
    for element in populated(er7):
        use = next((uses[path] for path in element if path in uses), "")
        found.uses[use or "not in the report"] += 1
        if use not in ("mapped", "kept"):
            found.unmapped[f"{use or 'not in the report'} {element[-2]}"] += 1


def populated(er7: Er7) -> Iterator[list[str]]:
    """Every element that holds something, down to the leaf: its address, then those of what it is part of.

    The last but one is the field (`OBX-5`, whichever segment of that name), the last the segment.
    """
    delimiters = er7.delimiters
    for segment in er7.segments:
        if not segment.name:
            continue
        name = segment.name if segment.occurrence == 1 else f"{segment.name}[{segment.occurrence}]"
        for number, field_text in enumerate(segment.fields):
            if number < (3 if segment.name in ("MSH", "FHS", "BHS") else 1) or not field_text:
                continue
            for repetition, text in enumerate(field_text.split(delimiters.repetition), start=1):
                place = f"{name}-{number}"
                outer = [
                    f"{place}[{repetition}]",
                    *([place] if repetition == 1 else []),
                    place,
                    f"{segment.name}-{number}",
                    name,
                ]
                for component, part in enumerate(text.split(delimiters.component), start=1):
                    for subcomponent, leaf in enumerate(part.split(delimiters.subcomponent), start=1):
                        if leaf:
                            inner = (f"{each}.{component}" for each in dict.fromkeys(outer[:-2]))
                            starts = list(inner) if repetition == 1 else [f"{outer[0]}.{component}"]
                            yield [*(f"{each}.{subcomponent}" for each in starts), *starts, *outer]


def _bundle_alone(bundle: Any) -> Any:
    """The bundle with its resources left out, each of which is checked by itself."""
    kept = [{key: value for key, value in entry.items() if key != "resource"} for entry in bundle.get("entry", [])]
    return {**bundle, "entry": [each for each in kept if each]}


def _where(text: str) -> str:
    """The last call of ours and the exception, of a traceback."""
    lines = [line.strip() for line in text.strip().splitlines()]
    calls = [line for line in lines if (line.startswith("File ") and "/transforms/" in line) or "/schemas/" in line]
    place = calls[-1].rpartition("/hie")[2] if calls else ""
    return f"{lines[-1][:100]} ({place[-90:]})"
