"""The way back: HL7 v2 to FHIR to HL7 v2, and which fields are the same when they return."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from schemas.hl7v2 import Er7
from schemas.hl7v2.compare import compare
from tests.corpus.figures import Figure, counted, percent
from transforms.fhir_to_v2 import Options, convert
from transforms.fhir_to_v2.run import DEFECT, NOT_IN_VERSION
from transforms.v2_to_fhir.guide import rows

TYPES = ("ADT", "ORU", "OML", "ORM", "SIU", "VXU", "MDM", "REF")
"""The message types that are written from FHIR."""
VERSIONS = ("2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8")
EXCLUDED = {
    ("MSH", 1): "the delimiters are the writer's",
    ("MSH", 2): "the delimiters are the writer's",
    ("MSH", 18): "the character set is the receiver's",
    ("MSH", 20): "the character set is the receiver's",
}
"""Fields that are no part of what is carried, and why they are not compared."""


@dataclass(slots=True)
class Returned:
    """What came back of a message: fields that the guide's maps read, and all; and which were not the same."""

    mapped: int = 0
    mapped_equal: int = 0
    every: int = 0
    every_equal: int = 0
    not_in_version: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    defect: str = ""


def returned(er7: Er7, bundle: Any, now: datetime) -> Returned | None:
    """Write `bundle` as HL7 v2 again and compare field by field; None for a type that is not written from FHIR."""
    if er7.message_type not in TYPES:
        return None
    version = er7.version if er7.version in VERSIONS else "2.5.1"
    conversion = convert(bundle, Options(version=version, unmapped="ignore"), now)
    found = Returned()
    changed: set[tuple[str, int]] | None = None
    foreign: set[str] = set()
    if conversion.message is None:
        found.defect = next((each.what for each in conversion.findings if each.code == DEFECT), "")
    else:
        foreign = {each.where for each in conversion.findings if each.code == NOT_IN_VERSION}
        changed = _changed(er7, conversion.message, foreign)
    for segment in er7.segments:
        name = segment.name if segment.occurrence == 1 else f"{segment.name}[{segment.occurrence}]"
        for number, text in enumerate(segment.fields):
            if not number or not text.strip(er7.delimiters.component + er7.delimiters.repetition + '"'):
                continue
            if (segment.name, number) in EXCLUDED:
                continue
            if f"{segment.name}-{number}" in foreign or f"{name}-{number}" in foreign:
                found.not_in_version += 1
                continue
            is_mapped = (segment.name, number) in mapped_fields()
            is_equal = changed is not None and (name, number) not in changed and (name, 0) not in changed
            found.every += 1
            found.every_equal += is_equal
            found.mapped += is_mapped
            found.mapped_equal += is_mapped and is_equal
            if is_mapped and not is_equal:
                found.lost[f"{segment.name}-{number}"] += 1
    return found


@cache
def mapped_fields() -> frozenset[tuple[str, int]]:
    """The fields that a segment map of the guide has a FHIR target for."""
    found = set()
    for row in rows():
        segment, _, number = row.identifier.partition("-")
        if row.kind == "segment" and number.partition(".")[0].isdigit():
            found.add((segment, int(number.partition(".")[0])))
    return frozenset(found)


def figures(given: list[Returned | None], names: list[str]) -> list[Figure]:
    """How many fields came back the same."""
    found = [each for each in given if each is not None]
    lost: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for each, name in zip(given, names, strict=True):
        if each is not None:
            for place, count in [*each.lost.items(), *([(f"defect: {each.defect}", 1)] if each.defect else [])]:
                lost[place] += count
                examples.setdefault(place, name)
    mapped, every = sum(each.mapped for each in found), sum(each.every for each in found)
    return [
        Figure(
            "back",
            "round trip, fields of the guide's maps equal",
            percent(sum(each.mapped_equal for each in found), mapped),
            "%",
            95.0,
            of=f"{mapped:,} fields of {len(found):,} messages of {', '.join(TYPES)}; "
            f"{sum(each.not_in_version for each in found):,} more are no fields of the message's own version",
            listed=counted(lost, examples),
        ),
        Figure(
            "back",
            "round trip, all populated fields equal",
            percent(sum(each.every_equal for each in found), every),
            "%",
            of=f"{every:,} fields",
        ),
    ]


def _changed(before: Er7, after: Er7, foreign: set[str]) -> set[tuple[str, int]]:
    """The fields of `before` that `after` does not have alike, by segment with its occurrence; 0 for a whole segment.

    What `after` says beyond `before` (MSH-9.3, the coding system of a code) is no loss.
    """
    found = set()
    for each in compare(before, after):
        if each.before and each.path not in foreign:
            segment, _, rest = each.path.partition("-")
            found.add((segment, int(rest.partition("[")[0].partition(".")[0] or 0)))
    return found
