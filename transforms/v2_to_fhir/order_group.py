"""An order of the message, and what comes with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.fhir import Element, Resource
from transforms.v2_to_fhir.source import SourceSegment


@dataclass(slots=True)
class OrderGroup:
    """The ORC and OBR of one order, and what the segments behind them became, until the next order.

    `parent` is the result that those of this order belong to; `has_spm` tells whether SPM described its
    specimen; `is_narrative` whether its results are nothing but texts and documents; `collector` is
    who PRT says took the specimen.
    """

    orc: SourceSegment | None
    obr: SourceSegment | None
    results: list[Resource] = field(default_factory=list)
    specimens: list[Resource] = field(default_factory=list)
    parent: Resource | None = None
    has_spm: bool = False
    is_narrative: bool = False
    collector: Element | None = None
